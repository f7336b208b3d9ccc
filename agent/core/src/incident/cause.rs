//! Whose other end another incident is about.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::entry::Entry;
use super::member::Member;
use crate::effort;
use crate::model::incident::IncidentId;
use crate::model::socket::{ProcessId, Role};

/// Who is accused at which end of which port.
#[derive(Debug)]
pub(super) struct Accused(FxHashMap<(ProcessId, Role, Option<u16>), IncidentId>);

impl Accused {
    /// Of all incidents that have connections in trouble.
    pub(super) fn of(entries: &BTreeMap<IncidentId, Entry>) -> Self {
        let mut accused = FxHashMap::default();
        for entry in entries.values().filter(|entry| entry.connections > 0) {
            for process in entry.processes.keys() {
                effort::step();
                let end = (*process, entry.cause.role, entry.cause.port);
                accused.entry(end).or_insert(entry.id);
            }
        }
        Self(accused)
    }

    /// The incident at the other end, if its process is accused for the same connections.
    fn opposite(&self, entry: &Entry) -> Option<IncidentId> {
        let role = match entry.cause.role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
            Role::Unknown => return None,
        };
        let mut peers = entry.list.iter().filter_map(|listed| listed.peer_process);
        let end = (peers.next()?, role, entry.cause.port);
        self.0.get(&end).copied()
    }

    /// The incident that this one follows from: that of the finding which a finding of it names as its cause, else the
    /// one at the other end.
    pub(super) fn cause(
        &self,
        entry: &Entry,
        members: &FxHashMap<u64, Member>,
    ) -> Option<IncidentId> {
        let named = entry.list.iter().inspect(|_| effort::step());
        let mut named = named.filter_map(|listed| members.get(&listed.caused_by?));
        let named = named.next().map(|member| member.incident);
        named
            .filter(|cause| *cause != entry.id)
            .or_else(|| self.opposite(entry))
    }
}
