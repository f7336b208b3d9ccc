//! The other end of a connection, where both are on this host.

use std::net::SocketAddr;

use rustc_hash::FxHashMap;

use crate::connection::OtherEnd;
use crate::model::look::{Snapshot, SocketView};
use crate::model::socket::{Attribution, Owner};
use crate::model::state::TcpState;

/// The other ends that a look shows, of the connections that were asked for.
#[derive(Debug, Default)]
pub(super) struct Peers<'a> {
    by_ends: FxHashMap<(SocketAddr, SocketAddr), Vec<&'a SocketView>>,
}

impl<'a> Peers<'a> {
    /// Finds the other ends of these in one pass.
    pub(super) fn find(snapshot: &'a Snapshot, views: &[&SocketView]) -> Self {
        let ends = views.iter().map(|view| view.endpoints);
        let mut by_ends: FxHashMap<_, Vec<_>> = ends
            .map(|ends| ((ends.peer, ends.local), Vec::new()))
            .collect();
        if by_ends.is_empty() {
            return Self::default();
        }
        // Hardly any socket has one of these ports: it is not worth asking the map.
        let mut ports = vec![false; 1 << 16];
        for view in views {
            ports[usize::from(view.endpoints.peer.port())] = true;
        }
        let here = |view: &&SocketView| ports[usize::from(view.endpoints.local.port())];
        for view in snapshot.sockets.iter().filter(here) {
            let ends = (view.endpoints.local, view.endpoints.peer);
            if let Some(found) = by_ends.get_mut(&ends) {
                found.push(view);
            }
        }
        Self { by_ends }
    }

    /// In the same namespace, or in another one if only one has such addresses (loopback addresses never leave their
    /// namespace).
    pub(super) fn of(&self, view: &SocketView) -> Option<OtherEnd> {
        let endpoints = view.endpoints;
        let found = self.by_ends.get(&(endpoints.peer, endpoints.local))?;
        let found: Vec<_> = found.iter().filter(|far| can_face(far, view)).collect();
        let here = found
            .iter()
            .find(|view| view.endpoints.netns == endpoints.netns);
        let elsewhere = || match found[..] {
            [one] if !endpoints.peer.ip().is_loopback() => Some(one),
            _ => None,
        };
        here.copied().or_else(elsewhere).map(|far| other_end(far))
    }
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
