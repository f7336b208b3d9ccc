//! What `docs/limitations.md` says of descriptors: connections that are read, kept or given away in unusual ways.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::silence::{flagged, stays_silent};
use super::verdict::close_and_finish;
use crate::daemon::NOT_CLOSED;
use crate::program::{Did, Program};
use crate::proof::Leak;
use crate::traffic::Pair;
use crate::trial::skip;
use crate::watch::{Ends, Watch};

/// A server program of `limits.py` with a client of the test connected to it.
pub(super) struct Case {
    pub(super) server: Program,
    pub(super) client: std::net::TcpStream,
    pub(super) conn: Did,
    pub(super) ends: Ends,
}

impl Case {
    pub(super) fn new(manner: &str) -> Result<Self> {
        let pair = Pair::of("limits.py", manner)?;
        let ends = pair.ends()?;
        let conn = pair.server.did("accepted")?;
        Ok(Self {
            server: pair.server,
            client: pair.client,
            conn,
            ends,
        })
    }

    /// The client hangs up and the server is told the end-of-stream.
    fn told(self) -> Result<(Program, Did, Ends)> {
        drop(self.client);
        self.server.did("eof")?;
        Ok((self.server, self.conn, self.ends))
    }
}

/// An end-of-stream that was read in some way, and no close.
fn read_and_kept(mut watch: Watch<'_>, manner: &str) -> Result<()> {
    let (server, conn, ends) = Case::new(manner)?.told()?;
    let leak = Leak::of_server(&watch, &conn).after_reading(&watch, &["not_closed"], NOT_CLOSED);
    let opened = watch.expect(ends, &leak)?;
    close_and_finish(watch, server, &opened)
}

/// Read in some way, and closed at once.
fn read_and_closed(watch: Watch<'_>, manner: &str) -> Result<()> {
    let Case {
        server,
        client,
        ends,
        ..
    } = Case::new(manner)?;
    drop(client);
    server.did("closed")?;
    watch.transition(ends, "closed")?;
    server.end()?;
    watch.finish()
}

/// Data and end-of-stream moved to a pipe: only a hook in `tcp_splice_read` sees that, and tracepoints have none.
pub(crate) fn splice(mut watch: Watch<'_>) -> Result<()> {
    let mut case = Case::new("splices")?;
    case.client.write_all(b"through a pipe")?;
    let (server, conn, ends) = case.told()?;
    let mut leak =
        Leak::of_server(&watch, &conn).after_reading(&watch, &["not_closed"], NOT_CLOSED);
    if watch.daemon().flavour("eof") == Some("tracepoint") {
        leak.missing = &["eof"];
    }
    let opened = watch.expect(ends, &leak)?;
    close_and_finish(watch, server, &opened)
}

/// The same, closed as it should be.
pub(crate) fn splice_closed(watch: Watch<'_>) -> Result<()> {
    read_and_closed(watch, "splices_and_closes")
}

/// Only peeked: the application was told. Where no hook sees that, the FIN is as unread as it was.
pub(crate) fn peek(mut watch: Watch<'_>) -> Result<()> {
    if watch.daemon().flavour("eof").is_some() {
        return read_and_kept(watch, "peeks");
    }
    let (server, conn, ends) = Case::new("peeks")?.told()?;
    let opened = watch.expect(ends, &Leak::of_server(&watch, &conn))?;
    close_and_finish(watch, server, &opened)
}

/// Two descriptors: both are named, and closing one of them is no close.
pub(crate) fn dup(mut watch: Watch<'_>) -> Result<()> {
    let Case {
        mut server,
        client,
        conn,
        ends,
    } = Case::new("dups")?;
    let twin = server.did("duplicated")?;
    drop(client);
    let holders = [(conn.pid, conn.fd), (conn.pid, twin.fd)];
    let opened = flagged(&mut watch, ends, &["eof_unread"], &[], &holders)?;
    server.tell("close one")?;
    server.did("closed one")?;
    thread::sleep(Duration::from_millis(300));
    let over = watch.count(|event| {
        ends.is_of(event)
            && event
                .finding
                .as_ref()
                .is_some_and(|finding| finding.resolution.is_some())
    });
    ensure!(
        over == 0,
        "one of two descriptors is closed, not the connection"
    );
    close_and_finish(watch, server, &opened)
}

/// Nobody has a descriptor, and nobody has been told: nothing is claimed.
fn unheld(mut watch: Watch<'_>, manner: &str) -> Result<()> {
    let Case {
        mut server,
        client,
        ends,
        ..
    } = Case::new(manner)?;
    server.did("gave away")?;
    drop(client);
    watch.transition(ends, "close_wait")?;
    stays_silent(&mut watch, ends)?;
    server.tell("close")?;
    server.did("closed")?;
    watch.transition(ends, "closed")?;
    server.end()?;
    watch.finish()
}

/// Nobody has a descriptor; that the end-of-stream was delivered does not tell whose fault it is.
fn unheld_after_eof(mut watch: Watch<'_>, manner: &str, last: &str) -> Result<()> {
    let Case {
        mut server,
        client,
        ends,
        ..
    } = Case::new(manner)?;
    drop(client);
    server.did(last)?;
    stays_silent(&mut watch, ends)?;
    server.tell("close")?;
    server.did("closed")?;
    server.end()?;
    watch.finish()
}

/// In a Unix socket's queue.
pub(crate) fn in_flight(watch: Watch<'_>) -> Result<()> {
    unheld(watch, "in_flight")
}

/// In a Unix socket's queue, its end read before.
pub(crate) fn in_flight_after_eof(watch: Watch<'_>) -> Result<()> {
    unheld_after_eof(watch, "in_flight_after_eof", "gave away")
}

/// Closed while another thread polls it.
pub(crate) fn closed_under_poll(watch: Watch<'_>) -> Result<()> {
    unheld(watch, "closed_under_poll")
}

/// Closed while another thread is blocked in a receive on it: the FIN ends that receive, and so the connection.
pub(crate) fn closed_under_recv(watch: Watch<'_>) -> Result<()> {
    let Case {
        server,
        client,
        ends,
        ..
    } = Case::new("closed_under_recv")?;
    server.did("gave away")?;
    drop(client);
    server.did("closed")?;
    watch.transition(ends, "closed")?;
    server.end()?;
    watch.finish()
}

/// Read to the end by `io_uring`.
pub(crate) fn ring(watch: Watch<'_>) -> Result<()> {
    need_ring()?;
    read_and_kept(watch, "ring_reads_eof")
}

/// The same, closed as it should be.
pub(crate) fn ring_closed(watch: Watch<'_>) -> Result<()> {
    need_ring()?;
    read_and_closed(watch, "ring_reads_eof_and_closes")
}

/// A direct descriptor of `io_uring`, its end read.
pub(crate) fn ring_direct(watch: Watch<'_>) -> Result<()> {
    need_ring()?;
    unheld_after_eof(watch, "ring_direct", "eof")
}

/// A direct descriptor that nobody reads.
pub(crate) fn ring_direct_unread(watch: Watch<'_>) -> Result<()> {
    need_ring()?;
    unheld(watch, "ring_direct_unread")
}

/// Ends the test where there is no `io_uring`.
pub(super) fn need_ring() -> Result<()> {
    let off = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
    if matches!(off.trim(), "1" | "2") {
        return skip("io_uring is turned off here (kernel.io_uring_disabled)");
    }
    Ok(())
}
