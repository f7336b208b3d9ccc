//! An idle outgoing connection that the server has ended, in whatever way, and its client still keeps.

use std::time::Duration;

use super::case::{Case, Grade, Opinion, missing};
use super::pool;
use crate::connection::written_since;
use crate::model::finding::Verdict;
use crate::model::look::HalfClosed;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::model::waiting::WaitState;

/// A farewell (a TLS `close_notify`, an error message, a 408) is no longer.
const FAREWELL: u32 = 1024;
/// It comes so close to the FIN.
const WITH_FIN: Duration = Duration::from_secs(1);
/// Who has asked nothing for so long does not wait for an answer.
const IDLE: Duration = Duration::from_millis(500);
/// So often it is looked at until then whose loop may be stuck.
const LOOKS: u32 = 4;
/// So many others with the same bytes unread have been told the same.
const ALIKE: u32 = 2;

/// How the server ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goodbye {
    /// By a FIN alone, unread or taken together with the answer.
    Fin,
    /// By some last bytes and a FIN.
    Farewell,
    /// By a reset, or it was given up or destroyed.
    Reset,
}

/// It costs a retry at the next use, however many there are and however long.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let waits = case.view.waiting.map(|waiting| waiting.state);
    if !pool::is_idle(case.view, case.connection.role)
        || is_to_be_read(waits)
        || case.progress.is_stuck()
    {
        return Opinion::No;
    }
    let Some(goodbye) = goodbye(case) else {
        return Opinion::No;
    };
    let mut missing = Vec::new();
    if goodbye == Goodbye::Farewell {
        missing.push(missing::ANSWER);
    }
    // Whether somebody would have read on, had there been anything to read.
    if waits != Some(WaitState::NobodyWaits) {
        missing.push(missing::USE);
    }
    let missing = case.without_user(missing);
    let opinion = case
        .settle(Verdict::StalePooled, case.read_at(), missing)
        .alone()
        .graded(Grade::Harmless);
    if let Opinion::NothingElse(at) = opinion
        && waits == Some(WaitState::EpollLevelReady)
    {
        // A few looks tell whether its loop is stuck.
        let soon = case.taken + case.after(Verdict::StalePooled) / LOOKS;
        return Opinion::NothingElse(at.min(soon));
    }
    opinion
}

/// Somebody should have noticed: a loop with the event before it, or a thread; or reading was switched off on purpose.
/// A level-triggered loop is told again and again, unless it does not come round.
const fn is_to_be_read(waits: Option<WaitState>) -> bool {
    matches!(
        waits,
        Some(
            WaitState::EpollEdgeNotFetched
                | WaitState::EpollReadNotAsked
                | WaitState::BlockedInReceive
                | WaitState::BlockedInSend
                | WaitState::Blocked
        )
    )
}

fn goodbye(case: &Case<'_>) -> Option<Goodbye> {
    let counters = case.view.counters?;
    let by_fin = case.view.half().filter(|half| !half.by_reset);
    if case.view.state == TcpState::Closed {
        let untold = counters.error != 0 && case.connection.delivery.at.is_none();
        let goodbye = match by_fin {
            Some(half) => by_its_fin(case, &half),
            // What was written after a FIN of which nothing is remembered nobody knows.
            None if counters.fin_received => None,
            None => idle_before(case).then_some(Goodbye::Reset),
        };
        return goodbye.filter(|_| untold);
    }
    by_its_fin(case, &by_fin?)
}

fn by_its_fin(case: &Case<'_>, half: &HalfClosed) -> Option<Goodbye> {
    let unread = case.view.counters?.unread;
    if written_since(case.view) != Some(0) || case.connection.delivery.at.is_some() {
        return None;
    }
    match unread {
        0 => half.fin_with_data.then_some(Goodbye::Fin),
        1 => Some(Goodbye::Fin),
        _ => is_farewell(case, half, unread).then_some(Goodbye::Farewell),
    }
}

/// An answer that was left unread looks the same but for what went before it.
fn is_farewell(case: &Case<'_>, half: &HalfClosed, unread: u32) -> bool {
    let Some(before) = case.times.and_then(|times| times.at_end) else {
        return false;
    };
    let short = unread - 1 <= FAREWELL && half.unread == unread;
    let with_fin = half.fin_at.since(before.received) <= WITH_FIN;
    let idle = half.fin_at.since(before.sent) >= IDLE;
    let alike = case.pool.is_some_and(|pool| pool.alike >= ALIKE);
    short && with_fin && (idle || alike)
}

/// Nothing was asked shortly before it was reset, given up or destroyed, and nothing waits to be read.
fn idle_before(case: &Case<'_>) -> bool {
    let unread = case.view.counters.map_or(0, |counters| counters.unread);
    unread == 0 && was_idle(case)
}

/// Whether it was not used for a while before it ended.
pub(super) fn was_idle(case: &Case<'_>) -> bool {
    last_use(case).is_some_and(|used| case.connection.since.since(used) >= IDLE)
}

fn last_use(case: &Case<'_>) -> Option<Timestamp> {
    let times = case.times?;
    let before = times.at_end.map(|before| before.sent.max(before.received));
    Some(before.unwrap_or_else(|| times.sent.max(times.received)))
}
