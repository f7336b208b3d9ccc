//! Which lines belong to what is asked for: enough for the same pages again.

use std::collections::BTreeSet;

use super::topic::Topic;
use crate::explain::{Connection, Known};
use crate::output::json::{Action, Body, Endpoint, Event, SocketId};

/// Those of them that belong to the topics.
pub(super) fn choose(lines: &str, known: &Known<'_>, topics: &[Topic]) -> Vec<String> {
    let mut wanted = Wanted::default();
    for topic in topics {
        wanted.add(topic, known);
    }
    let lines = lines.lines();
    let chosen = lines.filter(|line| {
        let event = serde_json::from_str::<Event<'_>>(line);
        event.is_ok_and(|event| wanted.has(&event))
    });
    chosen.map(ToOwned::to_owned).collect()
}

#[derive(Debug, Default)]
struct Wanted {
    sockets: BTreeSet<SocketId>,
    incidents: BTreeSet<String>,
    /// Findings about processes.
    findings: BTreeSet<u64>,
}

impl Wanted {
    fn add(&mut self, topic: &Topic, known: &Known<'_>) {
        match topic {
            Topic::Socket(id) => {
                let mut all = known.connections.iter();
                if let Some(connection) = all.find(|one| id_of(one) == Some(*id)) {
                    self.connection(connection, known);
                }
            }
            Topic::Process(pid) => self.process(*pid, known),
            Topic::Finding(id) => drop(self.findings.insert(*id)),
            Topic::Incident(id) => drop(self.incidents.insert(id.clone())),
        }
    }

    /// With its other end, both sides of a relay, and what it follows from.
    fn connection(&mut self, connection: &Connection<'_>, known: &Known<'_>) {
        let finding = connection.finding.as_deref();
        let incident = finding.and_then(|finding| finding.incident.as_ref());
        self.incidents.extend(incident.map(ToString::to_string));
        let relays_for = connection.open().and_then(|open| open.evidence.relays_for);
        let caused_by = connection.open().and_then(|open| open.evidence.caused_by);
        let others = [
            Some(connection),
            known.other_end(connection),
            relays_for.and_then(|ends| known.between(ends.local, ends.peer)),
            known
                .connections
                .iter()
                .find(|other| relays(other, connection)),
            caused_by.and_then(|id| known.of_finding(id)),
        ];
        self.sockets
            .extend(others.into_iter().flatten().filter_map(id_of));
    }

    fn process(&mut self, pid: u32, known: &Known<'_>) {
        let own = known.connections.iter().filter(|one| one.belongs_to(pid));
        self.sockets.extend(own.filter_map(id_of));
        let incidents = known.incidents.iter().map(|(_, incident)| incident);
        let its = incidents.filter(|incident| {
            let mut processes = incident.processes.iter();
            incident.action != Action::Resolved && processes.any(|process| process.pid == pid)
        });
        self.incidents
            .extend(its.map(|incident| incident.id.to_string()));
    }

    fn has(&self, event: &Event<'_>) -> bool {
        match &event.body {
            Body::Incident { incident, .. } => self.incidents.contains(&*incident.id),
            Body::Finding { subject, finding } => match subject.socket {
                Some(socket) => self.sockets.contains(&socket.id),
                None => self.findings.contains(&finding.id),
            },
            Body::Socket { subject, .. }
            | Body::Transition { subject, .. }
            | Body::Eof { subject, .. }
            | Body::Connection { subject, .. } => subject
                .socket
                .is_some_and(|socket| self.sockets.contains(&socket.id)),
            Body::Hello { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => false,
        }
    }
}

fn id_of(connection: &Connection<'_>) -> Option<SocketId> {
    connection.subject.socket.map(|socket| socket.id)
}

/// Whether one carries on for the other.
fn relays(one: &Connection<'_>, other: &Connection<'_>) -> bool {
    let ends = one.open().and_then(|open| open.evidence.relays_for);
    let address = |end: Endpoint| std::net::SocketAddr::from(end);
    let ends = ends.map(|ends| (address(ends.local), address(ends.peer)));
    ends.is_some() && ends == other.ends()
}
