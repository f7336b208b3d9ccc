//! The peer's FIN is in the receive queue and nobody reads.

use super::case::{Case, Opinion};
use crate::model::finding::Verdict;

/// A FIN that waits in the queue (`rcv_nxt - copied_seq >= 1`) was not read. An application that
/// only peeked has been told all the same: then an end-of-stream was seen and `not_closed` is the verdict.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let Some(counters) = case.accepted_counters() else {
        return Opinion::No;
    };
    if counters.unread == 0 || case.connection.delivery.at.is_some() {
        return Opinion::No;
    }
    case.settle(Verdict::EofUnread, case.read_at(), case.without_queue())
}
