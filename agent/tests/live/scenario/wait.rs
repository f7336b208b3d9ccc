//! Whether anybody waits for a connection that has a finding, and in which way.

use std::io::Write as _;
use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};

use crate::daemon::Daemon;
use crate::program::{Did, Program};
use crate::traffic::reset;
use crate::trial::skip;
use crate::watch::{Ends, Watch};
use crate::wire::{Event, Finding};

/// A way of `waits.py`, and what is said of it.
type Way = (&'static str, &'static str);

/// The peer has hung up.
const HALF_CLOSED: &[Way] = &[
    ("nobody", "nobody_waits"),
    ("poll", "select_or_poll"),
    ("select_urgent", "select_or_poll"),
    ("level", "epoll_level_ready"),
    ("edge", "epoll_edge_not_fetched"),
    ("edge_fetched", "epoll_edge_delivered"),
    ("oneshot_fetched", "epoll_oneshot_delivered"),
    ("writable", "epoll_read_not_asked"),
];

/// The server has hung up, the peer has not.
const NOT_CLOSING: &[Way] = &[
    ("receives", "blocked_in_receive"),
    ("polls", "select_or_poll"),
    ("level_idle", "epoll_idle"),
    ("edge_idle", "epoll_idle"),
    ("ring_receives", "io_uring"),
    ("ignores", "nobody_waits"),
];

/// Both ends send and neither reads.
const DEADLOCK: Way = ("sends", "blocked_in_send");
/// The peer has reset the connection.
const RESET: Way = ("edge", "epoll_edge_not_fetched");

/// One connection of the server and the client's end of it.
#[derive(Debug)]
struct Parked {
    way: Way,
    conn: Did,
    client: TcpStream,
}

impl Parked {
    fn ends(&self) -> Ends {
        Ends::new(self.conn.port, self.conn.peer_port)
    }
}

/// A connection for each way, all parked.
fn park(ways: &[Way]) -> Result<(Program, Vec<Parked>)> {
    let server = Program::start("waits.py", ways.iter().map(|way| way.0))?;
    let port = server.did("listening")?.port;
    let parked = ways.iter().map(|&way| {
        let client = TcpStream::connect(("127.0.0.1", port))?;
        let conn = server.did("waits").with_context(|| way.0)?;
        Ok(Parked { way, conn, client })
    });
    let parked = parked.collect::<Result<_>>()?;
    Ok((server, parked))
}

/// Who waits for a half-closed connection: each way with its own client, all of which hang up.
pub(crate) fn half_closed(mut watch: Watch<'_>) -> Result<()> {
    let (mut server, parked) = park(HALF_CLOSED)?;
    let ended: Vec<_> = parked
        .into_iter()
        .map(|parked| (parked.ends(), parked.way, parked.conn))
        .collect();
    let mut findings = Vec::new();
    for (ends, way, conn) in &ended {
        findings.push(told(&mut watch, *ends, *way, conn)?);
    }
    server.kill()?;
    for finding in &findings {
        watch.expect_end(finding, &["process_exited"])?;
    }
    watch.finish()
}

/// A receive of `io_uring` that data have ended but for the application, which must enter the kernel first: it is in no
/// queue any more, so this looks as if nobody waited.
pub(crate) fn ring_deferred(mut watch: Watch<'_>) -> Result<()> {
    super::limit::need_ring()?;
    let mut server = Program::start("waits.py", ["ring_deferred"])?;
    let mut client = TcpStream::connect(("127.0.0.1", server.did("listening")?.port))?;
    let conn = server.did("waits")?;
    if conn.connections == 0 {
        return skip("this kernel has no IORING_SETUP_DEFER_TASKRUN (Linux 6.1)");
    }
    client.write_all(b"question")?;
    drop(client);
    let ends = Ends::new(conn.port, conn.peer_port);
    let opened = told(&mut watch, ends, ("ring_deferred", "nobody_waits"), &conn)?;
    ensure!(
        opened.1.verdict == "eof_unread",
        "verdict {}",
        opened.1.verdict
    );
    server.kill()?;
    // A kernel thread gives back what io_uring holds.
    watch.expect_end(&opened, &["process_exited", "closed_by_app"])?;
    watch.finish()
}

/// The same for connections that are open in some other way. Their verdicts have thresholds of minutes, so this brings
/// a daemon that is faster; it may then flag others on this machine.
pub(crate) fn open() -> Result<()> {
    let daemon = Daemon::start_with(
        "scan_interval = \"500ms\"\n[thresholds]\npeer_not_closing = \"600ms\"\nnever_reads = \"600ms\"\n\
         dead_open = \"600ms\"\n",
        &[],
    )?;
    let mut watch = Watch::new(&daemon);
    let ways = [NOT_CLOSING, &[DEADLOCK, RESET]].concat();
    let (mut server, mut parked) = park(&ways)?;
    let dead = parked.pop().context("no connection to reset")?;
    let mut ended = vec![(dead.ends(), dead.way, dead.conn)];
    reset(dead.client)?;
    fill(&parked.last().context("no connection to fill")?.client)?;
    ended.extend(parked.iter().map(|p| (p.ends(), p.way, p.conn.clone())));
    for (ends, way, conn) in &ended {
        told(&mut watch, *ends, *way, conn)?;
    }
    server.kill()?;
    daemon.stop().map(drop)
}

/// Sends until nothing more is taken.
fn fill(mut client: &TcpStream) -> Result<()> {
    client.set_nonblocking(true)?;
    let mut sent = 0;
    loop {
        match client.write(&[0; 1 << 12]) {
            Ok(bytes) => sent += bytes,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(sent > 0, "the server takes nothing");
    Ok(())
}

/// Waits for the finding and compares who waits.
fn told(watch: &mut Watch<'_>, ends: Ends, way: Way, conn: &Did) -> Result<(Event, Finding)> {
    let (event, finding) = watch.opened(ends).with_context(|| way.0)?;
    let evidence = &finding.evidence;
    let state = evidence.get("wait_state").and_then(|state| state.as_str());
    ensure!(state == Some(way.1), "{}: {state:?}, not {}", way.0, way.1);
    let thread = evidence
        .get("wait_thread")
        .and_then(serde_json::Value::as_u64);
    let blocked = way
        .1
        .starts_with("blocked")
        .then_some(u64::from(conn.thread));
    ensure!(
        thread == blocked,
        "{}: thread {thread:?}, not {blocked:?}",
        way.0
    );
    ensure!(event.pid() == Some(conn.pid), "process {:?}", event.pid());
    Ok((event, finding))
}
