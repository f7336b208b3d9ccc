//! We have sent FIN, the peer keeps its side open, and nothing it sent waits to be read.

use super::case::{Case, Opinion};
use crate::model::finding::Verdict;
use crate::model::peer::Peer;
use crate::model::state::TcpState;

/// FIN_WAIT2 with a descriptor: no timer of the kernel ends it. A relay whose client waits for the rest of an answer waits
/// for the same.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let waits = case.view.state == TcpState::FinWait2;
    let Some(counters) = case.view.counters.filter(|_| waits) else {
        return Opinion::No;
    };
    if counters.unread > 0 {
        return Opinion::No;
    }
    if case.relays_for == Some(Peer::Waits) {
        return Opinion::Excused(case.taken + case.settings.inspection_interval);
    }
    let untouched = case.progress.untouched_since().unwrap_or(case.taken);
    case.settle(Verdict::PeerNotClosing, untouched, Vec::new())
}
