//! The programs of the long run: this test binary starts itself again. In Rust, because a hundred thousand connections
//! must not take minutes.
//!
//! A client picks a script for every connection and names it in the first byte that it sends; the server acts its
//! part of it. What is left open on purpose is remembered and reported when the run is over.

mod client;
mod server;

use std::io::{BufRead as _, stdin};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::io::{FdFlags, fcntl_setfd};
use serde_json::json;

use crate::part::play;

/// Says which part a start of this binary has.
pub(crate) const PART: &str = "FINBACK_TEST_ACTOR";
/// No actor outlives a run that has been killed for longer.
const LIFE: Duration = Duration::from_mins(15);

/// What happens on one connection, in the order of the bytes that name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// The client closes, the server reads the end and closes.
    ClientCloses,
    /// The other way round.
    ServerCloses,
    /// The client resets.
    ClientResets,
    /// The server resets.
    ServerResets,
    /// The server closes with data unread, which resets.
    Unread,
    /// The client shuts down its sending side and reads the answer to the end.
    Drained,
    /// The server closes one of two descriptors, reads the end from the other one and closes that.
    Duplicated,
    /// From here on something stays open. Both ends, and nothing is wrong.
    KeepBoth,
    /// The server never reads the client's FIN.
    KeepUnread,
    /// The server reads the end and keeps the descriptor.
    KeepRead,
    /// As `KeepUnread`, with two descriptors.
    KeepDuplicated,
    /// The client never reads the server's FIN.
    ClientKeepsUnread,
    /// The client has had its answer and keeps what the server has closed.
    ClientPools,
    /// The client has shut down its sending side; nobody does anything more.
    KeepHalf,
    /// A child of the server has the descriptor, the server does not.
    KeepInherited,
    /// The client resets, the server does not look.
    KeepDead,
    /// Nobody accepts it.
    NeverAccepted,
}

impl Script {
    pub(crate) const ALL: [Self; 17] = [
        Self::ClientCloses,
        Self::ServerCloses,
        Self::ClientResets,
        Self::ServerResets,
        Self::Unread,
        Self::Drained,
        Self::Duplicated,
        Self::KeepBoth,
        Self::KeepUnread,
        Self::KeepRead,
        Self::KeepDuplicated,
        Self::ClientKeepsUnread,
        Self::ClientPools,
        Self::KeepHalf,
        Self::KeepInherited,
        Self::KeepDead,
        Self::NeverAccepted,
    ];
    /// Those that leave nothing open.
    pub(crate) const PASSING: usize = 7;

    fn from_byte(byte: u8) -> Result<Self> {
        let script = Self::ALL.get(usize::from(byte)).copied();
        script.with_context(|| format!("no script {byte}"))
    }

    fn byte(self) -> u8 {
        self as u8
    }

    /// How many bytes the client sends before it does anything else.
    fn request(self) -> usize {
        let unread = matches!(
            self,
            Self::KeepUnread | Self::KeepDuplicated | Self::KeepHalf | Self::KeepInherited
        );
        1 + usize::from(unread)
    }
}

/// Numbers that are the same for the same seed (splitmix64).
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = z ^ (z >> 31);
        usize::try_from(z % sides as u64).unwrap_or(0)
    }
}

/// Acts, if this start of the binary is an actor's.
pub(crate) fn act() -> Option<ExitCode> {
    play(PART, LIFE, |part, arguments| match part {
        "server" => server::serve(),
        "client" => client::run(arguments),
        "quitter" => client::quit_with_open_sockets(arguments),
        "holder" => wait_for_the_end(),
        _ => Err(anyhow::anyhow!("no part {part}")),
    })
}

/// A command that starts an actor.
pub(crate) fn actor(part: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(PART, part);
    Ok(command)
}

fn say(what: &serde_json::Value) {
    println!("{what}");
}

/// What is left open: one end of a connection.
fn kept(script: Script, pid: u32, fds: &[i32], (local, peer): (SocketAddr, SocketAddr)) {
    let line = json!({
        "did": "kept", "script": script.byte(), "pid": pid, "fds": fds, "local": local, "peer": peer,
    });
    KEPT.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line);
}

static KEPT: Mutex<Vec<serde_json::Value>> = Mutex::new(Vec::new());
/// Until this process ends.
static OPEN: Mutex<Vec<TcpStream>> = Mutex::new(Vec::new());

fn keep(script: Script, ends: Vec<TcpStream>, addresses: (SocketAddr, SocketAddr)) {
    let fds: Vec<i32> = ends.iter().map(AsRawFd::as_raw_fd).collect();
    kept(script, std::process::id(), &fds, addresses);
    leave_open(ends);
}

fn leave_open(ends: Vec<TcpStream>) {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.extend(ends);
}

/// Obeys the test: `report`, and everything else through `obey`.
fn orders(mut obey: impl FnMut(&str) -> Result<()>) -> Result<()> {
    for line in stdin().lock().lines() {
        let line = line?;
        if line == "report" {
            let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            say(&json!({"did": "report", "pid": std::process::id(), "connections": kept.len()}));
            kept.iter().for_each(say);
        } else {
            obey(&line)?;
        }
    }
    Ok(())
}

fn wait_for_the_end() -> Result<()> {
    orders(|order| bail!("a holder does not {order}"))
}

/// Starts a child that inherits this descriptor and does nothing until this process ends.
fn inherit(end: &TcpStream) -> Result<u32> {
    static CHILDREN: Mutex<Vec<Child>> = Mutex::new(Vec::new());
    // One at a time: it must not inherit another's.
    let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
    fcntl_setfd(end.as_fd(), FdFlags::empty())?;
    let child = actor("holder")?.stdin(Stdio::piped()).spawn()?;
    fcntl_setfd(end.as_fd(), FdFlags::CLOEXEC)?;
    let pid = child.id();
    children.push(child);
    Ok(pid)
}
