//! Connections of one process to one peer with the same settings, worst first.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::sentence::sentence;
use super::{Judgement, Scope, judge};
use crate::output::json::{Body, Event, Listed, Network, Role, Subject};
use crate::output::text::clean;

/// What all of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Name and pid; without a pid where nobody is known.
    process: (String, Option<u32>),
    pub(super) peer: Peer,
    pub(super) settings: String,
}

impl Key {
    pub(super) fn process(&self) -> String {
        match &self.process {
            (name, Some(pid)) => format!("{name}[{pid}]"),
            (name, None) => name.clone(),
        }
    }
}

/// Whom it talks to: a server's clients have chosen their ports at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    Server(SocketAddr),
    Client(IpAddr, u16),
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) connections: u64,
    /// Idle for so long, the longest of them.
    pub(super) longest: Option<Duration>,
}

/// What lines amount to.
#[derive(Debug)]
pub struct Groups {
    pub(super) scope: Scope,
    never: BTreeMap<Key, Size>,
    noticed: BTreeMap<Key, Size>,
    pub(super) loopback: u64,
    pub(super) unknown: u64,
    pub(super) busy: u64,
}

impl Groups {
    /// None yet.
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            never: BTreeMap::new(),
            noticed: BTreeMap::new(),
            loopback: 0,
            unknown: 0,
            busy: 0,
        }
    }

    /// Counts a line, and says what is said of it.
    pub fn add(&mut self, event: &Event<'_>) -> Judgement {
        let judgement = judge(event, self.scope);
        let groups = match judgement {
            Judgement::NotMeant => return judgement,
            Judgement::Loopback => {
                self.loopback += 1;
                return judgement;
            }
            Judgement::Unknown => {
                self.unknown += 1;
                return judgement;
            }
            Judgement::Busy => {
                self.busy += 1;
                return judgement;
            }
            Judgement::Noticed => &mut self.noticed,
            Judgement::Never => &mut self.never,
        };
        if let Body::Socket { subject, listed } = &event.body
            && let Some(key) = key(subject, listed)
        {
            let size = groups.entry(key).or_default();
            size.connections += 1;
            size.longest = size.longest.max(listed.idle_ns.map(Duration::from_nanos));
        }
        judgement
    }

    /// Those that would never notice.
    pub fn never(&self) -> u64 {
        total(&self.never)
    }

    /// Whether there are connections, and nothing is known of any.
    pub fn knows_nothing(&self) -> bool {
        self.unknown > 0 && self.busy + self.never() + self.noticed() == 0
    }

    /// Those that would.
    pub(super) fn noticed(&self) -> u64 {
        total(&self.noticed)
    }

    /// Those that would never notice, then (if `all`) the others; each with most connections first, then with the longest
    /// idle.
    pub(super) fn worst_first(&self, all: bool) -> Vec<(&Key, Size)> {
        let mut sorted = sorted(&self.never);
        if all {
            sorted.extend(self::sorted(&self.noticed));
        }
        sorted
    }
}

fn total(groups: &BTreeMap<Key, Size>) -> u64 {
    groups.values().map(|size| size.connections).sum()
}

fn sorted(groups: &BTreeMap<Key, Size>) -> Vec<(&Key, Size)> {
    let mut sorted: Vec<(&Key, Size)> = groups.iter().map(|(key, size)| (key, *size)).collect();
    sorted.sort_by_key(|(_, size)| std::cmp::Reverse((size.connections, size.longest)));
    sorted
}

fn key(subject: &Subject<'_>, listed: &Listed<'_>) -> Option<Key> {
    let network = subject.network.as_ref()?;
    let role = subject.socket.map(|socket| socket.role);
    Some(Key {
        process: process(subject, listed),
        peer: peer(network, role),
        settings: sentence(listed.guard.as_ref()?),
    })
}

fn process(subject: &Subject<'_>, listed: &Listed<'_>) -> (String, Option<u32>) {
    let named = subject.process.as_ref();
    let named = named.map(|process| (&process.comm, process.pid));
    let holder = listed.holders.first();
    let named = named.or_else(|| holder.map(|holder| (&holder.comm, holder.pid)));
    named.map_or_else(
        || ("-".to_owned(), None),
        |(name, pid)| (clean(name), Some(pid)),
    )
}

fn peer(network: &Network, role: Option<Role>) -> Peer {
    match role {
        Some(Role::Server) => Peer::Client(network.peer.address, network.local.port),
        _ => Peer::Server(network.peer.into()),
    }
}
