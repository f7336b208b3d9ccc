//! Hung up while waiting in the accept queue.

use super::{Case, Opinion, missing};
use crate::model::finding::Verdict;

/// Found in a listener's queue: nobody has accepted it.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let Some(queued) = &case.view.queued else {
        return Opinion::No;
    };
    let mut missing = Vec::new();
    if !queued.proven {
        missing.push(missing::LISTENER);
    }
    if queued.listeners.is_empty() {
        missing.push(missing::HOLDERS);
    }
    case.settle(Verdict::NeverAccepted, case.half.since, missing)
}
