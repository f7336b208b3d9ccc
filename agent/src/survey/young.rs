//! What two looks, a moment apart, tell of sockets that have no stamp of their end.

use rustc_hash::FxHashMap;

use finback_core::model::look::{Snapshot, SocketView};
use finback_core::model::socket::Endpoints;
use finback_core::model::state::TcpState;

/// It is over and its descriptor open, or it hung up while it waits in an accept queue: since when, nothing says.
fn is_undated(view: &SocketView) -> bool {
    let ended = matches!(view.state, TcpState::CloseWait | TcpState::Closed);
    match &view.queued {
        Some(_) => ended,
        None => view.state == TcpState::Closed && !view.holders.is_empty(),
    }
}

/// Whether there is any.
pub(super) fn has_undated(snapshot: &Snapshot) -> bool {
    snapshot.sockets.iter().any(is_undated)
}

/// Leaves out those that were not so at an earlier look: they are being dealt with, for all one can tell.
pub(super) fn leave_out(later: &mut Snapshot, earlier: &Snapshot) {
    let before = earlier.sockets.iter().filter(|view| is_undated(view));
    let before: FxHashMap<u64, (Endpoints, TcpState)> = before
        .map(|view| (view.sock, (view.endpoints, view.state)))
        .collect();
    let was = |view: &SocketView| before.get(&view.sock) == Some(&(view.endpoints, view.state));
    later.sockets.retain(|view| !is_undated(view) || was(view));
}
