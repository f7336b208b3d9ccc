//! The peer's FIN is in the receive queue and nobody reads.

use super::case::{Case, Opinion, missing};
use super::pool;
use crate::model::finding::Verdict;

/// A FIN that waits in the queue (`rcv_nxt - copied_seq >= 1`) was not read. An application that
/// only peeked has been told all the same: then an end-of-stream was seen and `not_closed` is the verdict.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let (Some(counters), Some(_)) = (case.accepted_counters(), case.fin()) else {
        return Opinion::No;
    };
    if counters.unread == 0 || case.connection.delivery.at.is_some() {
        return Opinion::No;
    }
    let mut missing = case.without_queue();
    if case.view.half().is_none() && pool::is_idle(case.view, case.connection.role) {
        // A pool may keep it, unless it has written since the FIN.
        missing.push(missing::FIN);
    }
    // A reader that pauses, but reads again.
    let after = case.progress.reads.unusual(case.after(Verdict::EofUnread));
    case.settle_after(after, case.read_at(), case.without_user(missing))
}
