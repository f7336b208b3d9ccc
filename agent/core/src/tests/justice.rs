//! What the truth deserves to be called once it has lasted, judged from what the model's processes and peers did.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "in most states nothing is wrong"
)]

use super::model::Truth;
use super::*;

/// What the kernel programs remember of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// Numbers at the FIN and deliveries since.
    pub(super) fin: bool,
    /// Who opened it.
    pub(super) opener: bool,
}

/// The verdict, and after it what is true as well and is said until the first is known.
pub(super) fn deserved(truth: &Truth, memory: Memory) -> Vec<Verdict> {
    let held = truth.open && truth.accepted;
    let waits = truth.open && !truth.accepted;
    match truth.state {
        TcpState::CloseWait if waits => vec![Verdict::NeverAccepted],
        TcpState::Closed if waits => vec![Verdict::NeverAccepted],
        TcpState::CloseWait => half_closed(truth, memory),
        TcpState::Established | TcpState::FinWait1 if held && truth.silent => {
            vec![Verdict::DeadPeer]
        }
        TcpState::Established if held && truth.unread >= 64 << 10 => vec![Verdict::NeverReads],
        TcpState::FinWait2 if held => vec![Verdict::PeerNotClosing],
        TcpState::Closed if held && truth.error != 0 => vec![Verdict::DeadOpen],
        _ => Vec::new(),
    }
}

fn half_closed(truth: &Truth, memory: Memory) -> Vec<Verdict> {
    if !memory.fin {
        // What is in the queue is all that is known, unless a record told of a delivery.
        let told = truth.eof_at.map(|_| Verdict::NotClosed);
        let queue = if truth.unread > 0 {
            Verdict::EofUnread
        } else {
            Verdict::NotClosed
        };
        return [queue].into_iter().chain(told).collect();
    }
    let mut verdicts = Vec::new();
    if truth.spinning.is_some() {
        verdicts.push(Verdict::EofSpin);
    }
    if truth.written.is_some() && truth.silent {
        verdicts.push(Verdict::WriteAfterFin);
    } else if is_inherited(truth, memory) {
        verdicts.push(Verdict::Inherited);
    } else if is_pooled(truth) {
        verdicts.push(Verdict::StalePooled);
    }
    verdicts.push(if truth.eof_at.is_some() {
        Verdict::NotClosed
    } else if truth.unread > 0 {
        Verdict::EofUnread
    } else if truth.fin_with_data {
        Verdict::EofNotRequested
    } else {
        Verdict::NotClosed
    });
    verdicts
}

/// Its opener has left it, and nobody has used it since.
fn is_inherited(truth: &Truth, memory: Memory) -> bool {
    let unused = match truth.eof_at {
        Some(_) => truth.eof_by == 7,
        None => truth.unread > 0,
    };
    memory.opener && truth.holder != 7 && unused && truth.written.is_none()
}

/// An answer came, all of it was read, and nothing happened since.
fn is_pooled(truth: &Truth) -> bool {
    let exchanged = truth.client && truth.sent > 0 && truth.received > 1 && truth.unread == 1;
    let untouched = truth.sent_at_fin == truth.sent && truth.written.is_none();
    truth.holder == 7 && exchanged && untouched && truth.eof_at.is_none()
}

/// Whether the verdict may be passed on what was true at `now`.
pub(super) fn is_just(truth: &Truth, memory: Memory, verdict: Verdict, now: u64) -> bool {
    if verdict == Verdict::EofSpin {
        is_spin(truth, now)
    } else {
        deserved(truth, memory).contains(&verdict)
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
