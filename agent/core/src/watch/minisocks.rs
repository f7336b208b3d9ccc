//! Connections in TIME_WAIT, counted by whose they were.
//!
//! A minisock does not know that. The look that lists them brings along who connected to which peer lately, and each
//! process is given its part.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::look::{LocalPorts, Opener, Snapshot, Unheld};
use crate::model::socket::{Attribution, Owner, ProcessId, Role};
use crate::model::state::TcpState;

/// Fewer to one peer are not worth counting.
const FEW: u32 = 16;

/// Connections that take a local port from each other: a port can serve another local address or another peer at
/// the same time (`__inet_check_established`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Group {
    pub(super) process: ProcessId,
    pub(super) netns: u32,
    pub(super) local: IpAddr,
    pub(super) peer: SocketAddr,
}

/// What a count found.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) owner: Owner,
    pub(super) time_wait: u32,
    /// Nobody else has connected to that peer, and it was seen doing so.
    pub(super) proven: bool,
    /// Only ports that the kernel may choose were counted; otherwise which these are was not known.
    pub(super) in_range: bool,
}

type Destination = (u32, SocketAddr);

/// Connections in TIME_WAIT toward peers that known processes have connected to. `range` knows the ports that the
/// kernel may choose in a namespace.
pub(super) fn count(
    unheld: &[Unheld],
    snapshot: &Snapshot,
    range: impl Fn(u32) -> Option<LocalPorts>,
) -> BTreeMap<Group, Count> {
    let mut waiting: FxHashMap<(u32, IpAddr, SocketAddr), u32> = FxHashMap::default();
    for minisock in unheld.iter().filter(|one| one.state == TcpState::TimeWait) {
        let ends = minisock.endpoints;
        if range(ends.netns).is_none_or(|range| range.contains(ends.local.port())) {
            let to = (ends.netns, ends.local.ip(), ends.peer);
            *waiting.entry(to).or_default() += 1;
        }
    }
    let waiting: Vec<_> = waiting
        .into_iter()
        .filter(|(_, count)| *count >= FEW)
        .collect();
    let destinations = waiting.iter().map(|&((netns, _, peer), _)| (netns, peer));
    let clients = clients(snapshot, destinations);
    let mut counts = BTreeMap::new();
    for ((netns, local, peer), all) in waiting {
        let Some(clients) = clients.get(&(netns, peer)) else {
            continue;
        };
        for (owner, time_wait) in clients.parts(all) {
            let group = Group {
                process: owner.process.id,
                netns,
                local,
                peer,
            };
            let alone = clients.by_process.len() == 1;
            let count = Count {
                owner: owner.clone(),
                time_wait,
                proven: alone && owner.attribution == Attribution::Connect,
                in_range: range(netns).is_some(),
            };
            counts.insert(group, count);
        }
    }
    counts
}

/// Who connects to a peer.
#[derive(Debug, Default)]
struct Clients {
    by_process: BTreeMap<ProcessId, (Owner, u32)>,
    connections: u32,
}

impl Clients {
    fn add(&mut self, owner: Owner) {
        let process = owner.process.id;
        self.by_process.entry(process).or_insert((owner, 0)).1 += 1;
        self.connections += 1;
    }

    /// The part of `all` that each process has, rounded down.
    fn parts(&self, all: u32) -> impl Iterator<Item = (&Owner, u32)> {
        let connections = u64::from(self.connections.max(1));
        self.by_process.values().map(move |(owner, own)| {
            let part = u64::from(all) * u64::from(*own) / connections;
            (owner, u32::try_from(part).unwrap_or(u32::MAX))
        })
    }
}

/// Who connects to these peers.
fn clients(
    snapshot: &Snapshot,
    destinations: impl Iterator<Item = Destination>,
) -> FxHashMap<Destination, Clients> {
    let mut found: FxHashMap<Destination, Clients> =
        destinations.map(|to| (to, Clients::default())).collect();
    for Opener { netns, peer, owner } in &snapshot.openers {
        if let Some(clients) = found.get_mut(&(*netns, *peer)) {
            clients.add(Owner {
                thread: None,
                ..owner.clone()
            });
        }
    }
    let live = snapshot
        .sockets
        .iter()
        .filter(|view| view.role == Role::Client);
    for view in live {
        let to = (view.endpoints.netns, view.endpoints.peer);
        if let Some(clients) = found.get_mut(&to)
            && let Some(holder) = view.holders.first()
        {
            clients.add(Owner {
                process: Arc::clone(&holder.process),
                thread: None,
                attribution: Attribution::Holder,
                since: snapshot.taken,
            });
        }
    }
    found
}
