//! The last read took data and FIN together; the application never asked again.

use super::case::{Case, Opinion};
use crate::model::finding::Verdict;

/// Reading the last data consumes the FIN's sequence number as well, so an empty queue proves
/// nothing by itself: only a watch over every delivery since before the FIN does.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let (Some(counters), Some(fin)) = (case.accepted_counters(), case.fin()) else {
        return Opinion::No;
    };
    if counters.unread > 0 || case.connection.delivery.at.is_some() || !case.eof_watched(fin) {
        return Opinion::No;
    }
    let missing = case.without_user(case.without_peer(case.without_queue()));
    case.settle(Verdict::EofNotRequested, case.read_at(), missing)
}
