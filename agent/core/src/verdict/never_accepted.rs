//! Ended by its peer, by FIN or reset, while waiting in the accept queue.

use super::case::{Case, Opinion, missing};
use crate::model::finding::Verdict;
use crate::model::look::{Queued, SocketView};
use crate::model::state::TcpState;

/// Found in a listener's queue: nobody has accepted it. One that was reset there still takes a place, and accept will
/// hand it out.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let ended = matches!(case.view.state, TcpState::CloseWait | TcpState::Closed);
    let Some(queued) = case.view.queued.as_ref().filter(|_| ended) else {
        return Opinion::No;
    };
    case.settle(Verdict::NeverAccepted, case.ended_at(), missing(queued))
        .alone()
}

pub(super) fn is_reset(view: &SocketView) -> bool {
    view.queued.is_some() && view.state == TcpState::Closed
}

fn missing(queued: &Queued) -> Vec<&'static str> {
    let mut missing = Vec::new();
    if !queued.proven {
        missing.push(missing::LISTENER);
    }
    if queued.listeners.is_empty() {
        missing.push(missing::HOLDERS);
    }
    missing
}
