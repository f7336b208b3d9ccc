//! The peer answers neither data nor probes, whether or not its FIN had come.

use super::case::{Case, Opinion, Proof};
use crate::model::finding::Verdict;
use crate::model::look::SocketView;
use crate::model::state::TcpState;

/// Unanswered probes of a closed window or of an idle connection.
const PROBES: u8 = 3;

/// Nothing was heard for as long as the threshold, and what was sent was sent again three times, seen for a third of it:
/// after an hour of rest three retransmissions take little more than a second. Probes of a window that a living peer keeps
/// closed are answered (`icsk_probes_out` is 0 then, and there are no retransmissions).
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    // What was unanswered when the connection ended stays in the closed socket (kernel: tcp_write_err).
    let over = case.view.state == TcpState::Closed || case.view.queued.is_some();
    if over || !is_unanswered(case.view) {
        return Opinion::No;
    }
    if case.view.counters.is_some_and(|c| c.probes >= PROBES) {
        return Opinion::Holds(Proof::missing(case.without_holders()));
    }
    let after = case.after(Verdict::DeadPeer);
    let seen = case.progress.unanswered_since.unwrap_or(case.taken);
    let heard = case.times.map_or(seen, |times| times.heard);
    let due = case.clock.due(heard, after);
    let due = due.max(case.clock.due(seen, after / 3));
    if case.taken < due {
        Opinion::NothingElse(due)
    } else {
        Opinion::Holds(Proof::missing(case.without_holders()))
    }
}

pub(super) fn is_unanswered(view: &SocketView) -> bool {
    view.counters
        .is_some_and(|c| c.is_unanswered() || c.probes >= PROBES)
}
