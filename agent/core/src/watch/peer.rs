//! The other end of a connection, where both are on this host.

use std::hash::{BuildHasher as _, Hash};

use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::connection::OtherEnd;
use crate::model::look::{Snapshot, SocketView};
use crate::model::socket::{Attribution, Endpoints, Owner};
use crate::model::state::TcpState;

/// The other ends that a look shows, of the connections that were asked for.
#[derive(Debug, Default)]
pub(super) struct Peers<'a> {
    /// Sorted by the hash of their addresses: there may be a hundred thousand, whose addresses are not kept again.
    by_ends: Vec<(u64, &'a SocketView)>,
}

impl<'a> Peers<'a> {
    /// Finds the other ends of these in one pass.
    pub(super) fn find(snapshot: &'a Snapshot, views: &[&SocketView]) -> Self {
        if views.is_empty() {
            return Self::default();
        }
        let wanted: FxHashSet<u64> = views.iter().map(|view| facing(&view.endpoints)).collect();
        // Hardly any socket has one of these ports: it is not worth asking the set.
        let mut ports = vec![false; 1 << 16];
        for view in views {
            ports[usize::from(view.endpoints.peer.port())] = true;
        }
        let here = |view: &&SocketView| ports[usize::from(view.endpoints.local.port())];
        let near = snapshot.sockets.iter().filter(here);
        let near = near.map(|view| (own(&view.endpoints), view));
        let mut by_ends: Vec<_> = near.filter(|(ends, _)| wanted.contains(ends)).collect();
        by_ends.sort_unstable_by_key(|(ends, view)| (*ends, view.sock));
        Self { by_ends }
    }

    /// In the same namespace, or in another one if only one has such addresses (loopback addresses never leave their
    /// namespace).
    pub(super) fn of(&self, view: &SocketView) -> Option<OtherEnd> {
        let endpoints = view.endpoints;
        let found = || self.facing(&endpoints).filter(|far| can_face(far, view));
        let here = found().find(|view| view.endpoints.netns == endpoints.netns);
        let elsewhere = || {
            let mut found = found();
            let one = found.next().filter(|_| !endpoints.peer.ip().is_loopback());
            one.filter(|_| found.next().is_none())
        };
        here.or_else(elsewhere).map(other_end)
    }

    /// Those that have these addresses the other way round, in any namespace.
    fn facing(&self, endpoints: &Endpoints) -> impl Iterator<Item = &'a SocketView> {
        let (wanted, far) = (facing(endpoints), endpoints.reversed());
        let first = self.by_ends.partition_point(|(ends, _)| *ends < wanted);
        let same = self.by_ends.iter().skip(first);
        let same = same.take_while(move |(ends, _)| *ends == wanted);
        same.map(|(_, view)| *view).filter(move |view| {
            (view.endpoints.local, view.endpoints.peer) == (far.local, far.peer)
        })
    }
}

fn own(endpoints: &Endpoints) -> u64 {
    hash((endpoints.local, endpoints.peer))
}

fn facing(endpoints: &Endpoints) -> u64 {
    hash((endpoints.peer, endpoints.local))
}

fn hash(ends: impl Hash) -> u64 {
    FxBuildHasher.hash_one(ends)
}

/// What has sent its FIN is not open any more: a later connection has the same addresses.
fn can_face(far: &SocketView, view: &SocketView) -> bool {
    let open = matches!(
        far.state,
        TcpState::SynSent | TcpState::SynReceived | TcpState::Established
    );
    view.state != TcpState::CloseWait || !open
}

fn other_end(view: &SocketView) -> OtherEnd {
    let first = view.holders.iter().min_by_key(|h| (h.process.id, h.fd));
    let held_by = |process| view.holders.iter().any(|h| h.process.id == process);
    let opener = view.opener.as_ref();
    let opener = opener.filter(|owner| view.holders.is_empty() || held_by(owner.process.id));
    let holder = first.map(|holder| Owner {
        process: std::sync::Arc::clone(&holder.process),
        thread: None,
        attribution: Attribution::Holder,
        since: crate::model::time::Timestamp::default(),
    });
    let held = !view.holders.is_empty();
    OtherEnd {
        owner: opener.cloned().or(holder),
        state: view.state,
        held: held.then_some((view.sock, view.role)),
    }
}
