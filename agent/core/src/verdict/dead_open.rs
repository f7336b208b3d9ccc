//! Reset, timed out or destroyed; the descriptor is still open and nobody looked.

use super::case::Opinion;
use super::open_case::OpenCase;
use crate::model::finding::Verdict;
use crate::model::look::SocketView;
use crate::model::socket::Role;
use crate::model::state::TcpState;

/// `EPIPE`, `ENETUNREACH`, `ECONNABORTED`, `ECONNRESET`, `ETIMEDOUT`, `EHOSTUNREACH`: how a connection ends that
/// nobody closes.
const ENDS: [u32; 6] = [32, 101, 103, 104, 110, 113];

/// A closed socket with a descriptor, whose error waits to be fetched: every call that would tell the application
/// takes it (`sock_error`).
pub(super) fn judge(case: &OpenCase<'_>) -> Opinion {
    if !is_dead(case.view) {
        return Opinion::No;
    }
    case.settle(Verdict::DeadOpen)
}

/// A connect that failed leaves the same error, but there never was a connection.
pub(super) fn is_dead(view: &SocketView) -> bool {
    let Some(counters) = view.counters.filter(|_| view.state == TcpState::Closed) else {
        return false;
    };
    let connected =
        view.role == Role::Server || counters.bytes_acked > 0 || counters.bytes_received > 0;
    connected && ENDS.contains(&counters.error)
}
