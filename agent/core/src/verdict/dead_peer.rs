//! No FIN, but the peer does not answer.

use super::case::Opinion;
use super::open_case::OpenCase;
use crate::model::finding::Verdict;
use crate::model::look::SocketView;
use crate::model::state::TcpState;

/// Unanswered probes of a closed window or of an idle connection.
const PROBES: u8 = 3;

/// Doublings alone prove nothing: probes of a window that a living peer keeps closed are doubled as well, but
/// answered (`icsk_probes_out` is 0 then, and there are no retransmissions).
pub(super) fn judge(case: &OpenCase<'_>) -> Opinion {
    // What was unanswered when the connection ended stays in the closed socket (kernel: tcp_write_err).
    if !is_unanswered(case.view) || case.view.state == TcpState::Closed {
        return Opinion::No;
    }
    case.settle(Verdict::DeadPeer)
}

pub(super) fn is_unanswered(view: &SocketView) -> bool {
    view.counters
        .is_some_and(|c| c.is_unanswered() || c.probes >= PROBES)
}
