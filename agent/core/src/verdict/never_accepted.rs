//! Ended by its peer, by FIN or reset, while waiting in the accept queue.

use super::case::{Case, Opinion, Proof, missing};
use super::open_case::OpenCase;
use crate::model::finding::Verdict;
use crate::model::look::{Queued, SocketView};
use crate::model::state::TcpState;

/// Found in a listener's queue: nobody has accepted it.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let Some(queued) = &case.view.queued else {
        return Opinion::No;
    };
    case.settle(Verdict::NeverAccepted, case.fin.since, missing(queued))
}

/// One that was reset in the queue: it still takes a place there, and accept will hand it out.
pub(super) fn judge_reset(case: &OpenCase<'_>) -> Opinion {
    let Some(queued) = case.view.queued.as_ref().filter(|_| is_reset(case.view)) else {
        return Opinion::No;
    };
    let opinion = case.settle(Verdict::NeverAccepted);
    if let Opinion::Holds(_) = opinion {
        return Opinion::Holds(Proof::missing(missing(queued)));
    }
    opinion
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
