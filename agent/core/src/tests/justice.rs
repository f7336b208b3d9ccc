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
        TcpState::CloseWait | TcpState::Closed if waits => vec![Verdict::NeverAccepted],
        TcpState::CloseWait => half_closed(truth, memory),
        TcpState::Closed if held => over(truth, memory),
        TcpState::Established | TcpState::FinWait1 if held && truth.silent => {
            vec![Verdict::DeadPeer]
        }
        TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2
            if held && truth.unread >= 64 << 10 =>
        {
            vec![Verdict::NeverReads]
        }
        TcpState::FinWait2 if held && truth.unread == 0 => vec![Verdict::PeerNotClosing],
        _ => Vec::new(),
    }
}

/// How long it must last before it must be found.
pub(super) fn due(truth: &Truth, memory: Memory, verdict: Verdict) -> Duration {
    let default = crate::settings::verdict::VerdictSettings::default_of(verdict).after;
    let reader = truth.received >= 2 * u64::from(truth.unread);
    match verdict {
        // Data that nobody acknowledges take as long as a dead peer.
        Verdict::WriteAfterFin => Duration::from_secs(15),
        Verdict::NeverReads if reader => NEVER,
        // It was seen reading, with pauses.
        Verdict::EofUnread if truth.received >= u64::from(truth.unread) + FLOOD => NEVER,
        // Where nothing is remembered of the FIN, an answer may look like a sign of life.
        _ if !memory.fin && truth.state == TcpState::CloseWait && truth.written.is_some() => NEVER,
        _ => default,
    }
}

/// Not if the process relays.
pub(super) const fn may_be_excused(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::NotClosed | Verdict::EofUnread | Verdict::EofNotRequested
    )
}

/// A socket's stamps are no more exact, in milliseconds.
const EXACTNESS: u64 = 20;

/// Enough to shut the window.
const FLOOD: u64 = 64 << 10;

/// Longer than the properties wait.
pub(super) const NEVER: Duration = Duration::from_hours(1);

fn half_closed(truth: &Truth, memory: Memory) -> Vec<Verdict> {
    let lost = is_lost(truth) && memory.fin;
    if truth.silent {
        let spin = spins(truth, memory);
        let rest = if lost {
            Verdict::WriteAfterFin
        } else {
            Verdict::DeadPeer
        };
        return spin.chain([rest]).chain(idle(truth, memory)).collect();
    }
    if memory.fin && truth.is_read() {
        return spins(truth, memory).collect();
    }
    let verdicts = idle(truth, memory);
    spins(truth, memory).chain(verdicts).collect()
}

fn spins(truth: &Truth, memory: Memory) -> impl Iterator<Item = Verdict> {
    let spins = memory.fin && truth.spinning.is_some();
    spins.then_some(Verdict::EofSpin).into_iter()
}

/// Nothing is under way.
fn idle(truth: &Truth, memory: Memory) -> Vec<Verdict> {
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
    if is_inherited(truth, memory) {
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

/// Reset or ended in order; the descriptor is left.
fn over(truth: &Truth, memory: Memory) -> Vec<Verdict> {
    let untold = truth.error != 0;
    let by_reset = truth.ended_at > truth.fin_at || !truth.fin_received;
    let mut verdicts: Vec<Verdict> = spins(truth, memory).collect();
    let exchanged = truth.client && truth.sent > 0 && truth.acked == truth.sent;
    let read = truth.received > u64::from(truth.unread);
    if untold && exchanged && read && truth.written.is_none() && truth.eof_at.is_none() {
        let used = truth.stamps.sent.max(truth.stamps.received);
        let idle = truth.unread == 0 && truth.ended_at >= used + 500;
        let by_fin = truth.unread == 1 || truth.fin_with_data;
        let pooled = match (memory.fin, by_reset) {
            (true, true) => idle,
            (true, false) => by_fin,
            // Nobody knows what was so at its end.
            (false, _) => !truth.fin_received,
        };
        if pooled {
            verdicts.push(Verdict::StalePooled);
        }
    }
    verdicts.push(Verdict::DeadOpen);
    if is_lost(truth) && memory.fin {
        verdicts.push(Verdict::WriteAfterFin);
    }
    verdicts
}

/// A client wrote when it could have known better, and nobody has taken it.
fn is_lost(truth: &Truth) -> bool {
    let late = truth.written.is_some_and(|at| at >= truth.fin_at + 100);
    truth.client && late && truth.acked == truth.acked_at_fin
}

/// Its opener has left it, and nobody can have used it since.
fn is_inherited(truth: &Truth, memory: Memory) -> bool {
    let accepted = truth.accepted_at;
    let child = !truth.client && (accepted..=accepted + 1000).contains(&truth.handed_at);
    let stamps = truth.stamps;
    let used = if truth.unread > 1 {
        stamps.sent
    } else {
        stamps.sent.max(stamps.received)
    };
    let unused = match truth.eof_at {
        Some(_) => truth.eof_by == 7,
        None => truth.unread > 0 && truth.handed_at > used + EXACTNESS,
    };
    memory.opener && truth.holder != 7 && unused && truth.written.is_none() && !child
}

/// An answer came, all of it was read, and nothing happened since.
fn is_pooled(truth: &Truth) -> bool {
    let exchanged = truth.client && truth.sent > 0 && truth.acked == truth.sent;
    let read = truth.received > u64::from(truth.unread);
    let ended = truth.unread == 1 || (truth.unread == 0 && truth.fin_with_data);
    exchanged && read && ended && truth.written.is_none() && truth.eof_at.is_none()
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
    let sent = answered(truth);
    now - sent >= 2_000 && spans.any(|span| truth.spun(now - span, now) * 10 > span)
}

/// When it last sent; what was refused is no answer.
fn answered(truth: &Truth) -> u64 {
    let sent = truth.written.filter(|_| truth.state == TcpState::CloseWait);
    sent.unwrap_or_default()
}

/// Since when it has been so.
pub(super) fn since(truth: &Truth, verdict: Verdict) -> u64 {
    match verdict {
        Verdict::Inherited => truth.busy_at.max(truth.handed_at),
        Verdict::NeverAccepted => truth.ended_at,
        Verdict::StalePooled => truth.ended_at.max(truth.read_at),
        Verdict::DeadPeer => truth.stamps.heard,
        Verdict::DeadOpen => truth.over_at,
        // Two seconds of it are looked for already.
        Verdict::EofSpin => answered(truth),
        Verdict::WriteAfterFin if truth.state == TcpState::CloseWait => truth.stamps.heard,
        Verdict::WriteAfterFin => truth.over_at,
        Verdict::NeverReads => truth.stamps.received.max(truth.read_at),
        _ => truth.busy_at,
    }
}
