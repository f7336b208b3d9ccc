//! What is known of a connection's other end.

use super::names::Names;
use super::pairs::Pairs;
use super::peer::Peers;
use super::relays::Relays;
use super::watched::{Table, Watched};
use crate::connection::OtherEnd;
use crate::model::look::SocketView;
use crate::model::peer::Peer;
use crate::model::state::TcpState;
use crate::verdict::peer::Facing;

/// The other end as a look shows it, or that it has gone since it was last seen. Who it was the other engine may know
/// better.
pub(super) fn see_other_end(
    watched: &mut Watched,
    view: &SocketView,
    peers: &Peers<'_>,
    pairs: &Pairs,
    names: &dyn Names,
) {
    let known = names.other_end(view.sock, view.endpoints);
    let now = match (peers.of(view), known) {
        (Some(seen), Some(known)) => Some(OtherEnd {
            owner: known.owner.or(seen.owner),
            ..seen
        }),
        (seen, known) => seen.or(known),
    };
    watched.met |= now.is_some() || pairs.have_met(view);
    match (now, &mut watched.peer) {
        (Some(now), peer) => *peer = Some(now),
        (None, Some(before)) => (before.state, before.held) = (TcpState::Closed, None),
        (None, None) => {}
    }
}

/// What a look shows of the other end.
pub(super) fn facing<'a>(watched: &'a Watched, relays: &Relays, table: &Table) -> Facing<'a> {
    let other_end = watched.peer.as_ref();
    let held = other_end.and_then(|end| end.held);
    Facing {
        other_end,
        met: watched.met,
        relays_for: held.and_then(|(sock, _)| relays_for(sock, relays, table)),
    }
}

/// If a connection carries on for one that has ended: what is known of the other end of that.
pub(super) fn relays_for(sock: u64, relays: &Relays, table: &Table) -> Option<Peer> {
    let ended = table.get(relays.ended(sock)?)?;
    Some(ended.left)
}
