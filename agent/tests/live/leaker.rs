//! The test binary as a program that leaks: its functions and lines are known to the test that reads their names.

use std::env;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, poll};
use serde_json::json;

const ASKED: &str = "FINBACK_TEST_LEAK";
const ACCEPT: &str = "accept";

/// The line of the call in `opens_and_forgets`.
pub(crate) const CONNECT_LINE: u32 = line!() + 33;

/// This very program, to connect to a port and forget it.
pub(crate) fn connecting(port: u16) -> Result<Command> {
    command(&port.to_string())
}

/// This very program, to accept one connection, read a byte and forget it.
pub(crate) fn accepting() -> Result<Command> {
    command(ACCEPT)
}

/// The same of a copy.
pub(crate) fn accepting_as(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env(ASKED, ACCEPT);
    command
}

fn command(how: &str) -> Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.env(ASKED, how);
    Ok(command)
}

/// Leaks, if that was asked for.
pub(crate) fn asked() -> Option<ExitCode> {
    let how = env::var(ASKED).ok()?;
    Some(leak(&how).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS))
}

#[inline(never)]
fn opens_and_forgets(port: u16) -> Result<TcpStream> {
    let opened = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    std::hint::black_box(&opened);
    Ok(opened?)
}

#[inline(never)]
fn takes_and_forgets(listener: &TcpListener) -> Result<TcpStream> {
    let (mut taken, _) = listener.accept()?;
    taken.read_exact(&mut [0])?;
    std::hint::black_box(&taken);
    Ok(taken)
}

/// Until nobody gives orders any more.
#[inline(never)]
fn sits_and_waits(kept: &TcpStream) -> Result<()> {
    let orders = io::stdin();
    let mut waited = [PollFd::new(&orders, PollFlags::IN)];
    poll(&mut waited, None)?;
    std::hint::black_box(kept);
    Ok(())
}

fn leak(how: &str) -> Result<()> {
    let kept = if how == ACCEPT {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        say(&json!({"did": "listening", "port": listener.local_addr()?.port()}))?;
        takes_and_forgets(&listener)?
    } else {
        opens_and_forgets(how.parse().context("no port")?)?
    };
    say(&json!({
        "did": "opened",
        "pid": std::process::id(),
        "fd": kept.as_raw_fd(),
        "port": kept.local_addr()?.port(),
        "peer_port": kept.peer_addr()?.port(),
    }))?;
    sits_and_waits(&kept)
}

fn say(what: &serde_json::Value) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{what}")?;
    Ok(out.flush()?)
}
