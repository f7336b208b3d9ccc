//! ESTABLISHED, receive queue full and untouched: the FIN cannot even arrive.

use super::case::Opinion;
use super::open_case::OpenCase;
use crate::model::finding::Verdict;
use crate::model::look::SocketView;
use crate::model::state::TcpState;

/// So much unread is much even where the window is still open.
const LARGE: u32 = 64 << 10;

/// Nothing received and nothing taken out of the queue means that the application has not read.
pub(super) fn judge(case: &OpenCase<'_>) -> Opinion {
    if !is_full(case.view) {
        return Opinion::No;
    }
    case.settle(Verdict::NeverReads)
}

pub(super) fn is_full(view: &SocketView) -> bool {
    let Some(counters) = view.counters.filter(|c| !c.upper_layer) else {
        return false;
    };
    let full = counters.unread > 0 && counters.window == Some(0);
    view.state == TcpState::Established && (full || counters.unread >= LARGE)
}
