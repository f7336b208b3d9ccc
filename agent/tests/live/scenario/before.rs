//! Connections that are older than the agent.

use std::io::Write as _;

use anyhow::{Result, ensure};

use crate::daemon::{Daemon, EOF_NOT_REQUESTED};
use crate::program::Did;
use crate::proof::{Leak, Seen};
use crate::traffic::Pair;
use crate::watch::Watch;

/// Opened before the agent, half-closed before it (unread, and read), and half-closed after it started.
pub(crate) fn sockets_before_start() -> Result<()> {
    let (mut unread, unread_conn) = pair("never_reads")?;
    let (read, read_conn) = pair("reads_eof")?;
    let (later, later_conn) = pair("never_reads")?;
    unread.client.write_all(b"unread")?;
    let unread = unread.hang_up()?;
    let read = read.hang_up()?;
    read.0.did("eof")?;

    let daemon = Daemon::start(&[])?;
    let later = later.hang_up()?;
    let mut watch = Watch::from_start(&daemon);

    let old = Leak {
        attributions: &["holder"],
        seen: Seen::Nothing,
        ..Leak::of_server(&watch, &unread_conn)
    };
    let first = watch.expect(unread.1, &old)?;
    ensure!(
        first.1.half_closed_since.is_none(),
        "nobody saw when {:?} began",
        first.1
    );
    // Whether its end-of-stream was delivered, nobody saw either.
    let read_before = Leak {
        verdicts: &["eof_not_requested", "not_closed"],
        threshold: EOF_NOT_REQUESTED,
        pid: read_conn.pid,
        fd: read_conn.fd,
        inode: Some(read_conn.inode),
        missing: &["eof"],
        ..old
    };
    let second = watch.expect(read.1, &read_before)?;
    let half_closed_later = Leak {
        pid: later_conn.pid,
        fd: later_conn.fd,
        inode: Some(later_conn.inode),
        seen: Seen::Fin,
        ..old
    };
    let third = watch.expect(later.1, &half_closed_later)?;

    for ((mut server, _), opened) in [(unread, first), (read, second), (later, third)] {
        server.tell("close")?;
        watch.expect_end(&opened, &["closed_by_app"])?;
    }
    watch.finish()?;
    daemon.stop().map(drop)
}

fn pair(manner: &str) -> Result<(Pair, Did)> {
    let pair = Pair::new(manner, "127.0.0.1")?;
    let conn = pair.server.did("accepted")?;
    Ok((pair, conn))
}
