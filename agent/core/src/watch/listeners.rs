//! Who takes connections from a listener: of several that hold it, not all mean to.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::look::{Snapshot, SocketView};
use crate::model::socket::{Attribution, Holder, Owner, Process, ProcessId};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::verdict::wording::Listening;

/// Whoever accepted last from the listeners in whose queues something is wrong, by the listener's socket.
#[derive(Debug, Default)]
pub(super) struct Acceptors {
    last: FxHashMap<u64, Acceptor>,
}

#[derive(Clone, Debug)]
struct Acceptor {
    process: Arc<Process>,
    at: Timestamp,
}

impl Acceptors {
    /// Takes a look: what was accepted tells by whom, as long as it is open.
    pub(super) fn look(&mut self, snapshot: &Snapshot, views: &[&SocketView]) {
        let queued = views.iter().filter_map(|view| view.queued.as_ref());
        let mut listeners: Vec<u64> = queued.filter_map(|queued| queued.listener).collect();
        listeners.sort_unstable();
        listeners.dedup();
        self.last
            .retain(|listener, _| listeners.binary_search(listener).is_ok());
        let mut by_port: FxHashMap<(u32, u16), Vec<&SocketView>> = FxHashMap::default();
        for listener in listeners.iter().filter_map(|sock| snapshot.find(*sock)) {
            by_port.entry(port(listener)).or_default().push(listener);
        }
        if by_port.is_empty() {
            return;
        }
        for view in &snapshot.sockets {
            let acceptor = view.opener.as_ref();
            let acceptor = acceptor.filter(|owner| owner.attribution == Attribution::Accept);
            let (Some(acceptor), Some(listeners)) = (acceptor, by_port.get(&port(view))) else {
                continue;
            };
            for listener in listeners.iter().filter(|listener| serves(listener, view)) {
                self.accepted(listener.sock, acceptor);
            }
        }
    }

    fn accepted(&mut self, listener: u64, owner: &Owner) {
        let known = self.last.get(&listener);
        if known.is_none_or(|known| known.at < owner.since) {
            let process = Arc::clone(&owner.process);
            let at = owner.since;
            self.last.insert(listener, Acceptor { process, at });
        }
    }

    /// Of those that hold a listener, the one to name: whoever accepted last, else the first that does not hold listeners
    /// for others.
    pub(super) fn named<'a>(
        &self,
        listener: Option<u64>,
        holders: &'a [Holder],
    ) -> Option<&'a Arc<Process>> {
        let last = self.last_of(listener);
        let mut all = holders.iter();
        let acceptor = all.find(|holder| last == Some(holder.process.id));
        let named = acceptor.or_else(|| Holder::first(holders));
        named.map(|holder| &holder.process)
    }

    /// What is to be said of those that hold it.
    pub(super) fn listening(&self, listener: Option<u64>, holders: &[Holder]) -> Listening {
        let last = self.last_of(listener);
        let held = |id| holders.iter().any(|holder| holder.process.id == id);
        let first = Holder::first(holders);
        if last.is_some_and(held) {
            Listening::Taken
        } else if first.is_some_and(|first| first.process.is_service_manager()) {
            Listening::NotTaken
        } else if last.is_some() {
            Listening::Left
        } else {
            Listening::Taken
        }
    }

    fn last_of(&self, listener: Option<u64>) -> Option<ProcessId> {
        let last = self.last.get(&listener?)?;
        Some(last.process.id)
    }
}

fn port(view: &SocketView) -> (u32, u16) {
    (view.endpoints.netns, view.endpoints.local.port())
}

fn serves(listener: &SocketView, view: &SocketView) -> bool {
    let ip = listener.endpoints.local.ip();
    let own = ip.is_unspecified() || ip == view.endpoints.local.ip();
    own && listener.state == TcpState::Listen && view.state != TcpState::Listen
}
