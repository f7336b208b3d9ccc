//! The receive window is shut and untouched: the FIN cannot even arrive.

use super::case::{Case, Opinion};
use crate::model::finding::Verdict;
use crate::model::look::SocketView;
use crate::model::state::TcpState;

/// Who has read more than is waiting has so many times the threshold: a download that is limited rests between two
/// bursts.
const READER: u32 = 5;

/// Nothing was taken out of the queue. A window that was shut for want of memory is no fault of the reader's.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    if !is_shut(case.view) {
        return Opinion::No;
    }
    let after = case.after(Verdict::NeverReads);
    let reads = case
        .view
        .counters
        .is_some_and(|c| c.read_total() >= u64::from(c.unread));
    let after = if reads {
        case.progress.reads.unusual(after.saturating_mul(READER))
    } else {
        after
    };
    case.settle_after(after, case.read_at(), Vec::new()).alone()
}

/// Also after the application has ended its own side.
pub(super) fn is_shut(view: &SocketView) -> bool {
    let state = matches!(
        view.state,
        TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2
    );
    let counters = view.counters.filter(|c| state && !c.upper_layer);
    counters.is_some_and(|c| c.unread > 0 && c.window == Some(0))
}
