//! Closings in which the application does its part.

use std::io::Read as _;
use std::net::Shutdown;

use anyhow::{Result, ensure};

use crate::case::Accepted;
use crate::codec::{ACK, FIN, PSH, RST};
use crate::daemon::NOT_CLOSED;
use crate::link::Link;
use crate::watch::Watch;

/// Both FINs are on their way at once.
pub(crate) fn simultaneous(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let Accepted {
        end,
        mut peer,
        ends,
    } = Accepted::new(&link)?;
    drop(end);
    let fin = peer.expect("FIN", |segment| segment.has(FIN))?;
    // Without acknowledging the other's.
    peer.send(FIN | ACK, &[])?;
    peer.expect_all_acknowledged()?;
    watch.transition(ends, "closing")?;
    peer.acknowledge(&fin)?;
    watch.expect_steps(
        ends,
        &[
            ("established", "handshake"),
            ("fin_wait_1", watch.app_close()),
            ("closing", "fin_received"),
            ("time_wait", "fin_acked"),
        ],
    )?;
    // A FIN that is repeated now is answered out of TIME_WAIT.
    peer.send_at(peer.next.wrapping_sub(1), FIN | ACK, &[])?;
    peer.expect_all_acknowledged()?;
    watch.expect_no_finding(ends, NOT_CLOSED)?;
    watch.check_once(ends, "time_wait")?;
    watch.finish()
}

/// The application has said all it has to say and listens; the peer speaks on, then ends.
pub(crate) fn peer_keeps_open(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let Accepted {
        mut end,
        mut peer,
        ends,
    } = Accepted::new(&link)?;
    end.shutdown(Shutdown::Write)?;
    let fin = peer.expect("FIN", |segment| segment.has(FIN))?;
    peer.acknowledge(&fin)?;
    watch.transition(ends, "fin_wait_2")?;
    for _ in 0..4 {
        peer.send(PSH | ACK, b"more")?;
        peer.expect_all_acknowledged()?;
        watch.expect_no_finding(ends, NOT_CLOSED)?;
    }
    peer.send(FIN | ACK, &[])?;
    peer.expect_all_acknowledged()?;
    let mut text = String::new();
    end.read_to_string(&mut text)?;
    ensure!(text == "moremoremoremore", "read {text:?}");
    watch.expect_steps(
        ends,
        &[
            ("established", "handshake"),
            ("fin_wait_1", "fin_sent"),
            ("fin_wait_2", "fin_acked"),
            ("time_wait", "fin_received"),
        ],
    )?;
    watch.expect_no_finding(ends, NOT_CLOSED)?;
    watch.finish()
}

/// The application has closed, the peer has acknowledged that and keeps its side open: a minisock waits in
/// FIN_WAIT2, until the peer's next data draw an RST.
pub(crate) fn orphan(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let Accepted {
        end,
        mut peer,
        ends,
    } = Accepted::new(&link)?;
    drop(end);
    let fin = peer.expect("FIN", |segment| segment.has(FIN))?;
    peer.acknowledge(&fin)?;
    watch.expect_steps(
        ends,
        &[
            ("established", "handshake"),
            ("fin_wait_1", watch.app_close()),
            ("fin_wait_2", "fin_acked"),
        ],
    )?;
    watch.expect_no_finding(ends, 3 * NOT_CLOSED)?;
    watch.check_never(ends, "closed")?;
    watch.check_never(ends, "time_wait")?;
    peer.send(PSH | ACK, b"nobody is left")?;
    peer.expect("RST", |segment| segment.has(RST))?;
    let closed = watch.transition(ends, "closed")?;
    let from = closed.transition.as_ref().map(|change| change.from);
    ensure!(from == Some("fin_wait_2"), "closed from {from:?}");
    watch.check_no_finding(ends)?;
    watch.finish()
}
