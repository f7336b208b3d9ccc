//! Connections whose both ends were seen on this host while both were open: when one of them is gone later, it has
//! closed.

use std::hash::{BuildHasher as _, BuildHasherDefault};
use std::net::IpAddr;

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use super::peer::Peers;
use crate::model::look::{Snapshot, SocketView};
use crate::model::state::TcpState;

/// Those that the latest look still shows, by socket, with a hash of their addresses: a later connection can have the
/// same socket.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    met: FxHashMap<u64, u64>,
}

impl Pairs {
    /// Takes a look. Connections with other hosts cost a look at a set of addresses.
    pub(super) fn look(&mut self, snapshot: &Snapshot) {
        let sockets = || snapshot.sockets.iter();
        let here: FxHashSet<IpAddr> = sockets().map(|view| view.endpoints.local.ip()).collect();
        let is_near = |view: &&SocketView| {
            let near = here.contains(&view.endpoints.peer.ip()) || self.have_met(view);
            near && view.state != TcpState::Listen
        };
        let near: Vec<&SocketView> = sockets().filter(is_near).collect();
        let peers = Peers::find(snapshot, &near);
        let met = near
            .iter()
            .filter(|view| self.have_met(view) || peers.of(view).is_some());
        self.met = met.map(|view| (view.sock, addresses(view))).collect();
    }

    /// Whether both ends of this connection were seen.
    pub(super) fn have_met(&self, view: &SocketView) -> bool {
        self.met.get(&view.sock) == Some(&addresses(view))
    }
}

fn addresses(view: &SocketView) -> u64 {
    BuildHasherDefault::<FxHasher>::default().hash_one(view.endpoints)
}
