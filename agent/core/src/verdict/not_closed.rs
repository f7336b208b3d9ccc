//! The end-of-stream was delivered, the descriptor is still open, nothing is being sent.

use super::case::{Case, Opinion, missing};
use crate::connection::Fin;
use crate::model::finding::Verdict;
use crate::model::time::Timestamp;

/// Proven by a seen delivery. Where a delivery may have been missed, an empty queue still says that everything
/// was read: likely, without `eof`.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let Some(fin) = case.fin().filter(|_| case.view.queued.is_none()) else {
        return Opinion::No;
    };
    match case.connection.delivery.at {
        Some(eof_at) => delivered(case, eof_at),
        None => maybe_delivered(case, fin),
    }
}

fn delivered(case: &Case<'_>, eof_at: Timestamp) -> Opinion {
    let mut missing = case.without_holders();
    if case.view.counters.is_none() {
        // What it sends cannot be seen: after a write it may be sending still.
        if case.connection.written > 0 {
            return Opinion::No;
        }
        missing.push(missing::COUNTERS);
    }
    let missing = case.without_user(case.without_peer(missing));
    case.settle(Verdict::NotClosed, eof_at, missing)
}

fn maybe_delivered(case: &Case<'_>, fin: Fin) -> Opinion {
    let Some(counters) = case.accepted_counters() else {
        return Opinion::No;
    };
    if counters.unread > 0 || case.eof_watched(fin) {
        return Opinion::No;
    }
    let mut missing = vec![missing::EOF];
    missing.extend(case.without_queue());
    let missing = case.without_user(case.without_peer(missing));
    case.settle(Verdict::NotClosed, case.read_at(), missing)
}
