//! We have sent FIN, the peer keeps its side open.

use super::case::Opinion;
use super::open_case::OpenCase;
use crate::model::finding::Verdict;
use crate::model::state::TcpState;

/// FIN_WAIT2 with a descriptor: no timer of the kernel ends it.
pub(super) fn judge(case: &OpenCase<'_>) -> Opinion {
    if case.view.state != TcpState::FinWait2 || case.view.counters.is_none() {
        return Opinion::No;
    }
    case.settle(Verdict::PeerNotClosing)
}
