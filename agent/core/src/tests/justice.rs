//! What the truth deserves to be called once it has lasted, judged from what the model's processes and peers did.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "in most states nothing is wrong"
)]

use super::model::Truth;
use super::*;

/// The verdict, and after it what is true as well and is said where a record was lost or a rate is not known yet.
pub(super) fn deserved(truth: &Truth) -> Vec<Verdict> {
    let held = truth.open && truth.accepted;
    match truth.state {
        TcpState::CloseWait if !truth.accepted => vec![Verdict::NeverAccepted],
        TcpState::CloseWait => half_closed(truth),
        TcpState::Established | TcpState::FinWait1 if held && truth.silent => {
            vec![Verdict::DeadPeer]
        }
        TcpState::Established if held && truth.unread >= 64 << 10 => vec![Verdict::NeverReads],
        TcpState::FinWait2 if held => vec![Verdict::PeerNotClosing],
        TcpState::Closed if held && truth.error != 0 => vec![Verdict::DeadOpen],
        _ => Vec::new(),
    }
}

fn half_closed(truth: &Truth) -> Vec<Verdict> {
    let used = if truth.eof_at.is_some() {
        Verdict::NotClosed
    } else if truth.unread > 0 {
        Verdict::EofUnread
    } else if truth.fin_with_data {
        Verdict::EofNotRequested
    } else {
        Verdict::NotClosed
    };
    let left = truth.holder != 7;
    let unused = match truth.eof_at {
        Some(_) => truth.eof_by == 7,
        None => truth.unread > 0,
    };
    let silent_since = truth.sent_at_fin == Some(truth.sent) && truth.written.is_none();
    // An answer came, all of it was read, and nothing happened since.
    let pooled = truth.client && truth.sent > 0 && truth.received > 1 && truth.unread == 1;
    let mut verdicts = vec![used];
    if left && unused && truth.written.is_none() {
        // Who was told is known from the record only, and a look may know of a write that comes after it began.
        verdicts.insert(0, Verdict::Inherited);
    } else if !left && pooled && silent_since && truth.eof_at.is_none() {
        // A write may be known that came after the look began.
        verdicts.insert(0, Verdict::StalePooled);
    }
    if truth.spinning.is_some() {
        verdicts.insert(0, Verdict::EofSpin);
    }
    verdicts
}

/// Whether the verdict may be passed on what was true at `now`.
pub(super) fn is_just(truth: &Truth, verdict: Verdict, now: u64) -> bool {
    if verdict == Verdict::EofSpin {
        is_spin(truth, now)
    } else {
        deserved(truth).contains(&verdict)
    }
}

/// Whether the end-of-stream was read more than a hundred times a second for at least two seconds up to `now`, in
/// which nothing was sent.
fn is_spin(truth: &Truth, now: u64) -> bool {
    let starts = truth.spins.iter().map(|&(since, _)| since);
    let mut spans = starts
        .chain(truth.spinning)
        .map(|since| (now - since).max(2_000));
    now - truth.busy_at >= 2_000 && spans.any(|span| truth.spun(now - span, now) * 10 > span)
}

/// Since when it has been so.
pub(super) fn since(truth: &Truth, verdict: Verdict) -> u64 {
    match verdict {
        Verdict::Inherited => truth.busy_at.max(truth.handed_at),
        _ => truth.busy_at,
    }
}
