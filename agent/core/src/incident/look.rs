//! What a look at everything tells of incidents: how many connections their causes have, their accept queues, and whose
//! other end another incident is about.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::entry::{Census, Entry, Member};
use super::queue::QueueView;
use crate::effort;
use crate::model::incident::{Cause, IncidentId};
use crate::model::look::{Snapshot, SocketView};
use crate::model::socket::{ProcessId, Role};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// What was found of one incident.
#[derive(Debug, Default)]
struct Found {
    census: Census,
    queues: BTreeMap<u64, QueueView>,
}

/// Counts the connections of every incident; `now` is watched time.
pub(super) fn count(
    entries: &mut BTreeMap<IncidentId, Entry>,
    snapshot: &Snapshot,
    now: Timestamp,
) {
    let mut accused: FxHashMap<ProcessId, Vec<IncidentId>> = FxHashMap::default();
    for entry in entries.values() {
        for process in entry.processes.keys() {
            effort::step();
            accused.entry(*process).or_default().push(entry.id);
        }
    }
    let mut found: BTreeMap<IncidentId, Found> = BTreeMap::new();
    for view in &snapshot.sockets {
        for id in whose(view, &accused) {
            effort::step();
            if let Some(entry) = entries.get(&id)
                && fits(&entry.cause, view)
            {
                found.entry(id).or_default().see(view);
            }
        }
    }
    let members = members(snapshot, &found);
    for (id, entry) in entries {
        let mut found = found.remove(id).unwrap_or_default();
        for (listener, queue) in &mut found.queues {
            queue.members = members.get(listener).cloned().unwrap_or_default();
        }
        entry.census = Some(found.census);
        entry.queues.look(&found.queues, &entry.settings, now);
    }
}

/// The incidents of those that hold a socket, each once.
fn whose(view: &SocketView, accused: &FxHashMap<ProcessId, Vec<IncidentId>>) -> Vec<IncidentId> {
    let mut all: Vec<IncidentId> = Vec::new();
    let holders = view.holders.iter();
    for ids in holders.filter_map(|holder| accused.get(&holder.process.id)) {
        all.extend(ids);
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether a connection or a listener belongs to a cause, as far as its port tells.
fn fits(cause: &Cause, view: &SocketView) -> bool {
    let (local, peer) = (view.endpoints.local.port(), view.endpoints.peer.port());
    let same = |port: u16| cause.port.is_none_or(|known| known == port);
    if view.state == TcpState::Listen {
        return cause.role != Role::Client && same(local);
    }
    match cause.role {
        Role::Server => view.role != Role::Client && same(local),
        Role::Client => view.role != Role::Server && same(peer),
        Role::Unknown => same(local) || same(peer),
    }
}

impl Found {
    fn see(&mut self, view: &SocketView) {
        if view.state != TcpState::Listen {
            self.census.open += 1;
            self.census.live += u32::from(view.state == TcpState::Established);
        } else if let Some(counters) = view.counters {
            let queue = self.queues.entry(view.sock).or_default();
            queue.waiting = counters.backlog;
            queue.limit = counters.max_backlog;
        }
    }
}

/// The sockets that wait in the queues of these incidents, sorted, by listener.
fn members(snapshot: &Snapshot, found: &BTreeMap<IncidentId, Found>) -> FxHashMap<u64, Vec<u64>> {
    let mut members: FxHashMap<u64, Vec<u64>> = FxHashMap::default();
    for found in found.values() {
        for listener in found.queues.keys() {
            members.entry(*listener).or_default();
        }
    }
    if members.is_empty() {
        return members;
    }
    for view in &snapshot.sockets {
        effort::step();
        let listener = view.queued.as_ref().and_then(|queued| queued.listener);
        if let Some(all) = listener.and_then(|listener| members.get_mut(&listener)) {
            all.push(view.sock);
        }
    }
    members
}

/// The incident that this one follows from: that of the finding which a finding of it names as its cause, or the one at
/// the other end, if its process is accused for the same connections.
pub(super) fn cause<'a>(
    entry: &Entry,
    entries: &'a BTreeMap<IncidentId, Entry>,
    members: &FxHashMap<u64, Member>,
) -> Option<&'a Entry> {
    let mut named = entry.listed.values().filter_map(|listed| listed.caused_by);
    let named = named.find_map(|finding| members.get(&finding));
    let named = named.and_then(|member| entries.get(&member.incident));
    named
        .filter(|cause| cause.id != entry.id)
        .or_else(|| opposite(entry, entries))
}

fn opposite<'a>(entry: &Entry, entries: &'a BTreeMap<IncidentId, Entry>) -> Option<&'a Entry> {
    let faces = |other: &&Entry| {
        let roles = (entry.cause.role, other.cause.role);
        let ends = matches!(
            roles,
            (Role::Client, Role::Server) | (Role::Server, Role::Client)
        );
        ends && other.cause.port == entry.cause.port && other.connections > 0
    };
    let mut peers = entry
        .listed
        .values()
        .filter_map(|listed| listed.peer_process);
    let peer = peers.next()?;
    entries
        .values()
        .inspect(|_| effort::step())
        .filter(faces)
        .find(|other| other.processes.contains_key(&peer))
}
