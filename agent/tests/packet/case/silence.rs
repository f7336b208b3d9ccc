//! The peer has vanished: no answer, no FIN, no RST.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use finback_core::model::finding::Verdict;

use crate::case::Accepted;
use crate::codec::{ACK, FIN, RST};
use crate::link::Link;
use crate::peer::Peer;
use crate::watch::{Ends, Watch};
use crate::wire::{Event, Finding};

/// Data stay unacknowledged and are sent again and again.
pub(crate) fn vanishes(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut accepted = Accepted::new(&link)?;
    accepted.end.write_all(b"hello?")?;
    let gaps = repetitions(&accepted.peer, 5)?;
    ensure!(
        gaps.is_sorted(),
        "the kernel does not wait longer each time: {gaps:?}"
    );
    let opened = expect_if_known(&mut watch, accepted.ends, "dead_peer")?;
    watch.check_never(accepted.ends, "close_wait")?;
    watch.check_never(accepted.ends, "closed")?;
    // It comes back without its memory.
    accepted.peer.send(RST, &[])?;
    watch.expect_steps(
        accepted.ends,
        &[("established", "handshake"), ("closed", "rst_received")],
    )?;
    drop(accepted.end);
    if let Some(opened) = opened {
        watch.expect_end(&opened, &["closed_by_app"])?;
    }
    watch.finish()
}

/// It had sent its FIN before, the application answers, and nobody takes the answer.
pub(crate) fn vanishes_half_closed(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut accepted = Accepted::new(&link)?;
    accepted.peer.send(FIN | ACK, &[])?;
    accepted.peer.expect_all_acknowledged()?;
    watch.transition(accepted.ends, "close_wait")?;
    accepted.end.write_all(b"the answer")?;
    drop(accepted.end);
    repetitions(&accepted.peer, 3)?;
    watch.transition(accepted.ends, "last_ack")?;
    accepted.peer.send(RST, &[])?;
    watch.expect_steps(
        accepted.ends,
        &[
            ("established", "handshake"),
            ("close_wait", "fin_received"),
            ("last_ack", watch.app_close()),
            ("closed", "rst_received"),
        ],
    )?;
    watch.check_no_finding(accepted.ends)?;
    watch.finish()
}

/// Waits for the one finding about it if this agent knows the verdict; otherwise there must be none.
pub(super) fn expect_if_known(
    watch: &mut Watch<'_>,
    ends: Ends,
    verdict: &str,
) -> Result<Option<(Event, Finding)>> {
    if !Verdict::ALL.iter().any(|known| known.name() == verdict) {
        watch.check_no_finding(ends)?;
        return Ok(None);
    }
    let opened = watch.opened(ends)?;
    let (_, finding) = &opened;
    ensure!(finding.verdict == verdict, "verdict {}", finding.verdict);
    let holders = finding.holders.iter().map(|holder| holder.pid);
    ensure!(
        holders.eq([std::process::id()]),
        "holders {:?}",
        finding.holders
    );
    Ok(Some(opened))
}

/// Waits until the kernel has sent its data again so many times. Gives the times between.
fn repetitions(peer: &Peer<'_>, count: usize) -> Result<Vec<Duration>> {
    let data = |segment: &crate::codec::Segment| !segment.payload.is_empty();
    let first = peer.expect("data", data)?;
    let mut last = std::time::Instant::now();
    let mut gaps = Vec::new();
    while gaps.len() < count {
        peer.expect("repetition", |segment| {
            data(segment) && segment.seq == first.seq
        })?;
        gaps.push(last.elapsed());
        last = std::time::Instant::now();
    }
    Ok(gaps)
}
