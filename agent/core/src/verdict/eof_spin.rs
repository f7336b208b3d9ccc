//! The end-of-stream is read over and over.

use super::case::{Case, Opinion, Proof};
use crate::model::finding::Verdict;
use crate::model::state::TcpState;

/// More than 100 deliveries a second between every two looks for as long as the threshold, after a FIN or after a reset.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let ended = matches!(case.view.state, TcpState::CloseWait | TcpState::Closed);
    if !ended || case.view.queued.is_some() {
        return Opinion::No;
    }
    let after = case.after(Verdict::EofSpin);
    let sampled = case.taken + after / 2;
    let Some(since) = case.progress.spin.since else {
        // One look knows no rate, and over a long time one that has just begun does not show: so many deliveries
        // deserve another look soon.
        let spin = &case.progress.spin;
        return if spin.fresh >= SUSPICIOUS && spin.gap > after {
            Opinion::NotYet(sampled)
        } else {
            Opinion::No
        };
    };
    // What is sent may end it: its time begins anew.
    let due = since.max(case.progress.sent_at.unwrap_or_default()) + after;
    if case.taken < due {
        // It is soon known: whatever else could be said of it until then would be said again.
        Opinion::NothingElse(due.min(sampled))
    } else {
        Opinion::Holds(Proof::missing(case.without_holders()))
    }
}

/// Deliveries that a connection without fault does not see.
const SUSPICIOUS: u32 = 100;
