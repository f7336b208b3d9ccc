//! Over, and the descriptor is still open.

use super::case::{Case, Grade, Opinion};
use super::stale_pooled;
use crate::connection::progress::Progress;
use crate::connection::written_since;
use crate::model::finding::Verdict;
use crate::model::look::SocketView;
use crate::model::socket::Role;
use crate::model::state::TcpState;

/// What the application knows of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Reset, timed out or destroyed, and every call that would tell it has not been made (`sock_error` takes the
    /// error).
    Untold,
    /// It has been told.
    Told,
    /// Both sides have ended it in order; only the descriptor is left.
    InOrder,
}

/// `ss` and `/proc/net/tcp` do not show them.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    if !is_dead(case.view) {
        return Opinion::No;
    }
    let end = end(case.progress, case.view);
    let told = case.progress.told_at.unwrap_or_default();
    let since = case.connection.since.max(told);
    let opinion = case.settle(Verdict::DeadOpen, since, Vec::new());
    let client = case.connection.role == Role::Client;
    if end == End::Untold && client && stale_pooled::was_idle(case) {
        opinion.graded(Grade::Harmless)
    } else {
        opinion
    }
}

/// A connect that failed leaves an error as well, but there never was a connection; and one whose addresses were taken
/// back (`AF_UNSPEC`) is not shut.
pub(super) fn is_dead(view: &SocketView) -> bool {
    let closed = view.state == TcpState::Closed && view.queued.is_none();
    let Some(counters) = view.counters.filter(|c| closed && c.is_shut()) else {
        return false;
    };
    let connected =
        view.role == Role::Server || counters.bytes_acked > 0 || counters.bytes_received > 0;
    connected && !view.holders.is_empty()
}

/// A pending error tells; without one it was fetched, or there was none: then both sides have sent their FIN.
pub(crate) fn end(progress: &Progress, view: &SocketView) -> End {
    let Some(counters) = view.counters else {
        return End::InOrder;
    };
    if counters.error != 0 {
        return End::Untold;
    }
    // A FIN of ours would count as one byte written after the peer's.
    let by_fin = view.half().is_some_and(|half| !half.by_reset);
    let unanswered_fin = by_fin && written_since(view) == Some(0);
    let fins = counters.fin_received && !unanswered_fin;
    if progress.told_at.is_some() || !fins {
        End::Told
    } else {
        End::InOrder
    }
}
