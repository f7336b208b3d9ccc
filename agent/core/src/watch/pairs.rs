//! Connections whose both ends were seen on this host while both were open: when one of them is gone later, it has
//! closed.

use std::hash::BuildHasher as _;
use std::net::IpAddr;

use rustc_hash::{FxBuildHasher, FxHashSet};

use super::peer::Peers;
use crate::model::look::{Snapshot, SocketView};
use crate::model::state::TcpState;

/// Those that the latest look still shows: hashes of socket and addresses, as a later connection can have the same socket.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    met: FxHashSet<u64>,
}

impl Pairs {
    /// Takes a look. Connections with other hosts cost a look at a set of addresses.
    pub(super) fn look(&mut self, snapshot: &Snapshot) {
        let sockets = || snapshot.sockets.iter();
        // Few, of many: it is not asked for the room that all would take.
        let mut here: FxHashSet<IpAddr> = FxHashSet::default();
        for view in sockets() {
            here.insert(view.endpoints.local.ip());
        }
        let is_near = |view: &&SocketView| {
            let near = here.contains(&view.endpoints.peer.ip()) || self.have_met(view);
            near && view.state != TcpState::Listen
        };
        let near: Vec<&SocketView> = sockets().filter(is_near).collect();
        let peers = Peers::find(snapshot, &near);
        let met = near
            .iter()
            .filter(|view| self.have_met(view) || peers.of(view).is_some());
        self.met = met.map(|view| name(view)).collect();
    }

    /// Whether both ends of this connection were seen.
    pub(super) fn have_met(&self, view: &SocketView) -> bool {
        self.met.contains(&name(view))
    }
}

fn name(view: &SocketView) -> u64 {
    FxBuildHasher.hash_one((view.sock, view.endpoints))
}
