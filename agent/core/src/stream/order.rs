//! Whose record it is, and whether it is news.
//!
//! A socket's address is used again at once, records are lost and come late. What puts them in order is, besides the
//! time, that a connection goes through its states in one direction only.

use std::time::Duration;

use super::table::{Connection, Entry};
use crate::model::observation::{Open, StateChange};
use crate::model::socket::Endpoints;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// Two programs that tell one change may be so far apart: interrupts come between them, and hypervisors.
const TWICE: Duration = Duration::from_secs(1);

/// Of which of the connections that had a socket's address in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The one in the table.
    Its,
    /// An earlier one.
    Predecessors,
    /// A later one: the end of the one in the table was missed.
    Successors,
}

/// A change, compared with what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It leads further.
    Next,
    /// The connection was met in this state, and that was not told yet.
    Announced,
    /// It is known, or something that happened later is.
    Stale,
}

/// How far in its life a connection is in this state.
const fn stage(state: TcpState) -> u8 {
    match state {
        TcpState::Listen | TcpState::SynSent => 1,
        TcpState::SynReceived => 2,
        TcpState::Established => 3,
        TcpState::CloseWait | TcpState::FinWait1 => 4,
        TcpState::FinWait2 | TcpState::Closing | TcpState::LastAck => 5,
        TcpState::TimeWait => 6,
        TcpState::Closed => 7,
    }
}

/// Whether nothing of its connection comes before this change.
pub(super) const fn begins(change: &StateChange) -> bool {
    matches!(
        (change.from, change.to),
        (TcpState::Closed, _)
            | (TcpState::Listen, TcpState::SynReceived)
            | (TcpState::SynReceived, TcpState::Established)
    )
}

/// Whether a connection in one state can come to another one.
pub(super) const fn leads_to(from: TcpState, to: TcpState) -> bool {
    let peer_first = matches!(from, TcpState::CloseWait | TcpState::LastAck);
    let other_side = match to {
        TcpState::FinWait2 | TcpState::Closing | TcpState::TimeWait => peer_first,
        TcpState::LastAck => matches!(from, TcpState::FinWait1),
        TcpState::Closed
        | TcpState::Listen
        | TcpState::SynSent
        | TcpState::SynReceived
        | TcpState::Established
        | TcpState::CloseWait
        | TcpState::FinWait1 => false,
    };
    !other_side && stage(from) < stage(to)
}

/// Whether a connection that was in one state may be in another one now.
pub(super) fn fits(before: TcpState, now: TcpState) -> bool {
    before == now || leads_to(before, now)
}

/// Whether the connection may have been where this change begins.
fn may_precede(known: &Connection, change: &StateChange) -> bool {
    let born = matches!(
        (change.from, change.to),
        (TcpState::Closed, _) | (TcpState::Listen, TcpState::SynReceived)
    );
    !born && fits(known.state, change.from)
}

/// Whether the change is known: two programs have told it, one after the other. A later connection of the same socket
/// between the same addresses does not come to the same state so soon.
fn is_told_twice(known: &Connection, time: Timestamp, change: &StateChange) -> bool {
    known.state == change.to
        && known.id.endpoints == change.endpoints
        && time.since(known.changed) < TWICE
}

/// Whose change this is.
pub(super) fn whose_change(known: &Connection, time: Timestamp, change: &StateChange) -> Whose {
    if time < known.id.key.birth {
        // It was met before the record of how it had got there came.
        let announced = known.entry != Entry::Told && change.to == known.state;
        if announced && are_same(known.id.endpoints, change.endpoints) {
            return Whose::Its;
        }
        return Whose::Predecessors;
    }
    if time > known.changed && !may_precede(known, change) && !is_told_twice(known, time, change) {
        Whose::Successors
    } else {
        Whose::Its
    }
}

/// Whose opening this is.
pub(super) fn whose_opening(known: &Connection, time: Timestamp, open: &Open) -> Whose {
    if time < known.id.key.birth {
        return Whose::Predecessors;
    }
    let other = !are_same(known.id.endpoints, open.endpoints);
    if other || time > known.changed && !fits(known.state, open.state) {
        Whose::Successors
    } else {
        Whose::Its
    }
}

/// What a change of the connection tells.
pub(super) fn news(known: &Connection, change: &StateChange) -> News {
    if known.entry != Entry::Told && change.to == known.state {
        News::Announced
    } else if leads_to(known.state, change.to) {
        News::Next
    } else {
        News::Stale
    }
}

/// Whether two records may speak of one connection. The local port is chosen late, and a child knows its peer late.
pub(super) fn are_same(one: Endpoints, other: Endpoints) -> bool {
    let same = |one: std::net::SocketAddr, other: std::net::SocketAddr| {
        one == other || one.port() == 0 || other.port() == 0
    };
    same(one.local, other.local) && same(one.peer, other.peer) && one.netns == other.netns
}
