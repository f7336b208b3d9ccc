//! Idle outgoing connections that their servers have ended, side by side: those of one process to one address.

use std::net::SocketAddr;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::connection::written_since;
use crate::model::look::SocketView;
use crate::model::socket::{ProcessId, Role};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// What one server did to all its clients it did within this time.
const TOGETHER: Duration = Duration::from_secs(10);

/// The sets.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    sets: FxHashMap<(ProcessId, SocketAddr), Vec<Member>>,
}

/// An idle connection.
#[derive(Clone, Copy, Debug)]
struct Member {
    sock: u64,
    ended: Option<Timestamp>,
    unread: u32,
}

/// What is known of the set that a connection belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pool {
    /// How many there are.
    pub(crate) size: u32,
    /// How many others have ended at about the same time and left as many bytes unread.
    pub(crate) alike: u32,
}

impl Pools {
    /// Those that a look found; `role` is what is known of each, by this look or an earlier one.
    pub(crate) fn find(views: &[&SocketView], role: impl Fn(&SocketView) -> Role) -> Self {
        let mut pools = Self::default();
        for view in views.iter().filter(|view| is_idle(view, role(view))) {
            if let Some(key) = key(view) {
                pools.sets.entry(key).or_default().push(Member::of(view));
            }
        }
        pools
    }

    /// The set of this connection, if it is in one.
    pub(crate) fn of(&self, view: &SocketView) -> Option<Pool> {
        let members = self.sets.get(&key(view)?)?;
        let own = members.iter().find(|member| member.sock == view.sock)?;
        let alike = members.iter().filter(|other| own.is_like(other));
        let count = |all: usize| u32::try_from(all).unwrap_or(u32::MAX);
        Some(Pool {
            size: count(members.len()),
            alike: count(alike.count()),
        })
    }
}

impl Member {
    fn of(view: &SocketView) -> Self {
        Self {
            sock: view.sock,
            ended: view.half().map(|half| half.fin_at),
            unread: view.counters.map_or(0, |counters| counters.unread),
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        let apart = self.ended.zip(other.ended);
        let apart = apart.map(|(one, two)| one.since(two).max(two.since(one)));
        self.sock != other.sock
            && self.unread == other.unread
            && apart.is_some_and(|apart| apart <= TOGETHER)
    }
}

/// Whether it is a client's, an exchange lies behind it, all that was sent was acknowledged, and nothing was written
/// since its end.
pub(super) fn is_idle(view: &SocketView, role: Role) -> bool {
    let ended = matches!(view.state, TcpState::CloseWait | TcpState::Closed);
    let held = !view.holders.is_empty() && view.queued.is_none();
    if !ended || !held || role != Role::Client {
        return false;
    }
    let Some(counters) = view.counters.filter(|c| !c.upper_layer) else {
        return false;
    };
    let exchanged = counters.bytes_sent > 0 && counters.read_total() > 0;
    let written = written_since(view).is_some_and(|bytes| bytes > 0);
    exchanged && counters.unacked == 0 && !written
}

fn key(view: &SocketView) -> Option<(ProcessId, SocketAddr)> {
    let first = view.holders.iter().map(|holder| holder.process.id).min()?;
    Some((first, view.endpoints.peer))
}
