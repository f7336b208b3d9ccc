//! Resets: real ones, ones that must not count, and what draws one.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::net::sockopt::socket_error;

use crate::case::Accepted;
use crate::case::fin::Served;
use crate::codec::{ACK, FIN, PSH, RST, SYN};
use crate::daemon::NOT_CLOSED;
use crate::link::Link;
use crate::proof::Leak;
use crate::watch::Watch;

/// Longer than the kernel leaves between two answers to segments out of place (`tcp_invalid_ratelimit`).
const BETWEEN: Duration = Duration::from_millis(550);

/// The peer has hung up, nobody has noticed, now it resets: the one finding goes on with another verdict until the
/// descriptor is closed.
pub(crate) fn after_fin(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut served = Served::new(&link, "never_reads")?;
    served.peer.send(FIN | ACK, &[])?;
    served.peer.expect_all_acknowledged()?;
    let opened = watch.expect(served.ends, &Leak::of_server(&watch, &served.conn))?;
    served.peer.send(RST | ACK, &[])?;
    watch.becomes(&opened.1, "dead_open")?;
    watch.expect_steps(
        served.ends,
        &[
            ("established", "handshake"),
            ("close_wait", "fin_received"),
            ("closed", "rst_received"),
        ],
    )?;
    served.server.tell("close")?;
    watch.expect_end(&opened, &["closed_by_app"])?;
    watch.finish()
}

/// The same before anything is flagged; the application is told `EPIPE`, and keeps the connection.
pub(crate) fn after_fin_unflagged(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut accepted = Accepted::new(&link)?;
    accepted.peer.send(FIN | ACK, &[])?;
    accepted.peer.expect_all_acknowledged()?;
    accepted.peer.send(RST | ACK, &[])?;
    watch.expect_steps(
        accepted.ends,
        &[
            ("established", "handshake"),
            ("close_wait", "fin_received"),
            ("closed", "rst_received"),
        ],
    )?;
    let error = socket_error(&accepted.end)?;
    ensure!(
        error == Err(rustix::io::Errno::PIPE),
        "the application is told {error:?}"
    );
    let opened = watch.opened(accepted.ends)?;
    ensure!(
        opened.1.verdict == "dead_open",
        "verdict {}",
        opened.1.verdict
    );
    drop(accepted.end);
    watch.expect_end(&opened, &["closed_by_app"])?;
    watch.finish()
}

/// RST and SYN that are in the window but not at its start draw a challenge ACK, an RST outside of it nothing
/// (RFC 5961 §3.2, §4.2). The connection goes on.
pub(crate) fn out_of_place(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut accepted = Accepted::new(&link)?;
    let peer = &mut accepted.peer;
    let challenge = |segment: &crate::codec::Segment| segment.is(ACK);
    for flags in [RST, SYN] {
        peer.send_at(peer.next.wrapping_add(100), flags, &[])?;
        let answer = peer.expect("challenge ACK", challenge)?;
        ensure!(
            answer.ack == peer.next && answer.seq == peer.received,
            "{answer:?}"
        );
        std::thread::sleep(BETWEEN);
    }
    peer.send_at(peer.next.wrapping_add(1 << 30), RST, &[])?;
    peer.expect_none(BETWEEN, "answer to an RST from nowhere", |_| true)?;

    peer.send(PSH | ACK, b"still here")?;
    peer.expect_all_acknowledged()?;
    let mut bytes = [0; 10];
    accepted.end.read_exact(&mut bytes)?;
    ensure!(&bytes == b"still here", "read {bytes:?}");
    watch.transition(accepted.ends, "established")?;
    watch.expect_no_finding(accepted.ends, NOT_CLOSED)?;
    watch.check_never(accepted.ends, "closed")?;
    accepted.peer.send(RST, &[])?;
    watch.expect_steps(
        accepted.ends,
        &[("established", "handshake"), ("closed", "rst_received")],
    )?;
    watch.finish()
}

/// The peer has crashed and come back: it answers what it does not know with RST.
pub(crate) fn peer_has_forgotten(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut accepted = Accepted::new(&link)?;
    accepted.end.write_all(b"are you there?")?;
    let question = accepted
        .peer
        .expect("data", |segment| !segment.payload.is_empty())?;
    // RFC 9293 §3.10.7.1: the number that the unknown segment acknowledged, and no acknowledgement.
    accepted.peer.send_at(question.ack, RST, &[])?;
    watch.expect_steps(
        accepted.ends,
        &[("established", "handshake"), ("closed", "rst_received")],
    )?;
    let error = accepted.end.read(&mut [0; 1]).map_err(|error| error.kind());
    ensure!(
        error == Err(std::io::ErrorKind::ConnectionReset),
        "the application is told {error:?}"
    );
    watch.expect_no_finding(accepted.ends, NOT_CLOSED)?;
    watch.finish()
}

/// The application has closed, the peer goes on sending before it has seen the FIN: the kernel itself resets.
pub(crate) fn data_after_close(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let Accepted {
        end,
        mut peer,
        ends,
    } = Accepted::new(&link)?;
    drop(end);
    peer.expect("FIN", |segment| segment.has(FIN))?;
    peer.send(PSH | ACK, b"nobody is left")?;
    peer.expect("RST", |segment| segment.has(RST))?;
    let closed = watch.transition(ends, "closed")?;
    let from = closed.transition.as_ref().map(|change| change.from);
    ensure!(from == Some("fin_wait_1"), "closed from {from:?}");
    watch.check_no_finding(ends)?;
    watch.check_once(ends, "fin_wait_1")?;
    watch.finish()
}
