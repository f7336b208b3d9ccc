//! What a look at everything tells of incidents: how many connections their causes have, and their accept queues.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::entry::{Census, Entry};
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
            let waiting = members.get(listener).cloned().unwrap_or_default();
            (queue.members, queue.halted) = (waiting.sockets, waiting.halted);
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
            queue.head = counters.accept_head;
        }
    }
}

/// Those that wait in an accept queue although their peer has left.
#[derive(Clone, Debug, Default)]
struct Waiting {
    /// Sorted.
    sockets: Vec<u64>,
    /// Nobody can accept them.
    halted: bool,
}

/// Those that wait in the queues of these incidents, by listener.
fn members(snapshot: &Snapshot, found: &BTreeMap<IncidentId, Found>) -> FxHashMap<u64, Waiting> {
    let mut members: FxHashMap<u64, Waiting> = FxHashMap::default();
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
            all.sockets.push(view.sock);
            all.halted = view.halted.is_some();
        }
    }
    members
}
