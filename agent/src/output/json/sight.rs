//! What one look found, as lines of a list.

use super::encode::{About, process};
use super::finding::Holder;
use super::listed::Listed;
use super::socket::{Connection, Endpoint, Network, Socket, Subject};
use super::{Body, Event, NetworkType, SCHEMA, Transport};
use crate::output::clock::WallClock;
use finback_core::model::guard::GuardDefaults;
use finback_core::model::look::{Snapshot, SocketView};
use finback_core::model::socket::{self, Attribution, Endpoints, SocketKey};
use finback_core::model::state::TcpState;

/// A look.
#[derive(Debug)]
pub struct Sight {
    /// What was found.
    pub snapshot: Snapshot,
    /// For its moments.
    pub clock: WallClock,
    /// What its network namespaces give to sockets that ask for nothing.
    pub defaults: Vec<GuardDefaults>,
}

impl Sight {
    /// Every socket that a descriptor or an accept queue leads to, then those that none does.
    pub fn lines(&self) -> impl Iterator<Item = Event<'_>> {
        let held = self.snapshot.sockets.iter();
        let held = held.map(|view| (self.subject(view), self.listed(view)));
        let unheld = self.snapshot.unheld.iter().flat_map(|list| &list.sockets);
        let unheld = unheld.map(|unheld| {
            let network = Some(network(unheld.endpoints, unheld.state));
            (subject(network), Listed::default())
        });
        let lines = held.chain(unheld).zip(1..);
        lines.map(|((subject, listed), seq)| Event {
            schema: SCHEMA,
            seq,
            time: self.clock.at(self.snapshot.taken),
            body: Body::Socket {
                subject,
                listed: Box::new(listed),
            },
        })
    }

    fn subject<'a>(&'a self, view: &'a SocketView) -> Subject<'a> {
        let owner = socket::Holder::first(leading(view));
        let attribution = if view.queued.is_some() {
            Attribution::Listener
        } else {
            Attribution::Holder
        };
        let about = About::default();
        Subject {
            socket: Some(Socket {
                id: key(view).into(),
                cookie: view.cookie,
                inode: view.inode,
                netns: view.endpoints.netns,
                role: view.role.into(),
            }),
            process: owner
                .map(|owner| process(&owner.process, attribution, self.clock, about.process)),
            ..subject(Some(network(view.endpoints, view.state)))
        }
    }

    fn listed<'a>(&'a self, view: &'a SocketView) -> Listed<'a> {
        let mut listed = Listed {
            queued: view.queued.is_some(),
            holders: leading(view)
                .iter()
                .map(|holder| Holder::from_core(holder, self.clock))
                .collect(),
            ..Listed::default()
        };
        if let Some(counters) = &view.counters {
            listed.unread_bytes = Some(counters.unread);
            listed.unacked_bytes = Some(counters.unacked);
            if view.state != TcpState::Listen && view.queued.is_none() {
                let netns = view.endpoints.netns;
                let defaults = self.defaults.iter().find(|known| known.netns == netns);
                listed.add_guard(counters, self.snapshot.jiffies, defaults.copied());
            }
        }
        listed
    }
}

/// Whose descriptors lead to it.
fn leading(view: &SocketView) -> &[socket::Holder] {
    let queued = view.queued.as_ref();
    queued.map_or(&view.holders, |queued| &queued.listeners)
}

fn key(view: &SocketView) -> SocketKey {
    SocketKey {
        sock: view.sock,
        birth: view
            .opener
            .as_ref()
            .map(|opener| opener.since)
            .unwrap_or_default(),
    }
}

const fn subject<'a>(network: Option<Network>) -> Subject<'a> {
    Subject {
        socket: None,
        network,
        process: None,
        peer_process: None,
        cgroup: None,
        container: None,
    }
}

fn network(endpoints: Endpoints, state: TcpState) -> Network {
    Network {
        transport: Transport::Tcp,
        kind: NetworkType::from(&endpoints.local),
        local: Endpoint::from(endpoints.local),
        peer: Endpoint::from(endpoints.peer),
        connection: Connection {
            state: state.into(),
            peer_state: None,
        },
    }
}
