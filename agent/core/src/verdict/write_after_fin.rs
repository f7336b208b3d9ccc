//! A client's data are lost: they were written after the server's FIN.

use super::case::{Case, Opinion, Proof, missing};
use crate::connection::{CROSSING, acknowledged_since};
use crate::model::finding::Verdict;
use crate::model::socket::Role;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// A farewell (`COM_QUIT`, Terminate, `close_notify`) is shorter, and a pool's question whether the server is there.
const SHORT: u64 = 64;

/// Whether what was written after the FIN may have been no request at all.
pub(crate) const fn is_short(bytes: u64) -> bool {
    bytes < SHORT
}

/// A client speaks first: it should have looked before. Who closes at once has only been told so by the reset: the
/// connection must still be held a while later. A server learns that its client has gone by writing.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    if !is_lost(case) {
        return Opinion::No;
    }
    let after = case.after(Verdict::WriteAfterFin);
    let due = if case.view.state == TcpState::Closed {
        case.clock.due(case.connection.since, after)
    } else {
        unanswered(case)
    };
    if case.taken < due {
        return Opinion::NothingElse(due);
    }
    let mut missing = case.without_holders();
    if is_short(u64::from(case.connection.written)) {
        missing.push(missing::PURPOSE);
    }
    Opinion::Holds(Proof::missing(missing))
}

/// Sent again and again without an answer, for as long as a peer takes to be dead.
fn unanswered(case: &Case<'_>) -> Timestamp {
    let seen = case.progress.unanswered_since.unwrap_or(case.taken);
    case.clock.due(seen, case.after(Verdict::DeadPeer))
}

fn is_lost(case: &Case<'_>) -> bool {
    let connection = case.connection;
    let (Some(fin), Some(counters)) = (connection.fin, case.accepted_counters()) else {
        return false;
    };
    let state = case.view.state;
    let refused = (state == TcpState::CloseWait && counters.is_unanswered())
        || (state == TcpState::Closed && counters.is_shut() && !is_dead_long(case));
    let sent = connection.sent_at.or(case.times.map(|times| times.sent));
    let late = sent.is_some_and(|sent| sent >= fin.since + CROSSING);
    // Without the numbers at the FIN it may all have been taken.
    let untaken = acknowledged_since(case.view) == Some(false);
    refused && connection.role == Role::Client && connection.written > 0 && late && untaken
}

/// By then that it keeps the descriptor is the greater fault.
fn is_dead_long(case: &Case<'_>) -> bool {
    let after = case.after(Verdict::DeadOpen);
    case.taken >= case.clock.due(case.connection.since, after)
}
