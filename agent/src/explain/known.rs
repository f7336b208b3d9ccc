//! Lines put together by what they are about: connections with their finding and history, incidents, and findings about
//! processes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::output::clock::Time;
use crate::output::json::{
    Action, Body, Endpoint, Event, Finding, Holder, Incident, Listed, SocketId, State, Subject,
};

/// What lines say.
#[derive(Debug, Default)]
pub struct Known<'a> {
    /// Connections and listeners.
    pub connections: Vec<Connection<'a>>,
    /// The last line of every incident.
    pub incidents: Vec<(Subject<'a>, Incident<'a>)>,
    /// The last line of every finding about a process.
    pub processes: Vec<(Subject<'a>, Finding<'a>)>,
    /// The latest of their times.
    pub now: Time,
    /// Where in `connections` a socket is.
    places: BTreeMap<SocketId, usize>,
}

/// A connection or a listener.
#[derive(Debug)]
pub struct Connection<'a> {
    /// Addresses and processes, as the last line has them.
    pub subject: Subject<'a>,
    /// What a list says of it.
    pub listed: Option<Box<Listed<'a>>>,
    /// The last line of its finding.
    pub finding: Option<Box<Finding<'a>>>,
    /// Its changes, in the order of the lines.
    pub history: Vec<Event<'a>>,
}

/// Changes of one connection that are kept.
const HISTORY_MAX: usize = 32;

impl<'a> Known<'a> {
    /// Takes a line.
    pub fn add(&mut self, event: Event<'a>) {
        self.now = self.now.max(event.time);
        match event.body {
            Body::Socket { subject, listed } => {
                if let Some(connection) = self.connection(subject) {
                    connection.listed = Some(listed);
                }
            }
            Body::Finding { subject, finding } if subject.socket.is_none() => {
                self.processes.retain(|(_, known)| known.id != finding.id);
                self.processes.push((subject, *finding));
            }
            Body::Finding { subject, finding } => {
                if let Some(connection) = self.connection(subject) {
                    connection.finding = Some(finding);
                }
            }
            Body::Incident { subject, incident } => {
                self.incidents.retain(|(_, known)| known.id != incident.id);
                self.incidents.push((subject, *incident));
            }
            Body::Transition { ref subject, .. }
            | Body::Eof { ref subject, .. }
            | Body::Connection { ref subject, .. } => {
                let subject = subject.clone();
                if let Some(connection) = self.connection(subject)
                    && connection.history.len() < HISTORY_MAX
                {
                    connection.history.push(event);
                }
            }
            Body::Hello { .. }
            | Body::Explanation { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => {}
        }
    }

    /// Takes lines of the past: they say nothing new of what is known already, and of the rest the latest counts. A
    /// daemon that was killed has not told how its findings ended, but the next one has.
    pub fn add_past(&mut self, lines: impl IntoIterator<Item = Event<'a>>) {
        let lines = lines.into_iter();
        let mut new: Vec<_> = lines.filter(|event| !self.knows(event)).collect();
        new.sort_by_key(|event| event.time);
        // Every daemon counts its findings from 1 on: the latest of a number is meant.
        let mut numbers = BTreeSet::new();
        let mut is_latest = |event: &Event<'a>| {
            let Body::Finding { finding, .. } = &event.body else {
                return true;
            };
            numbers.insert(finding.id)
        };
        let mut latest: Vec<_> = new.into_iter().rev().filter(&mut is_latest).collect();
        while let Some(event) = latest.pop() {
            self.add(event);
        }
    }

    fn knows(&self, event: &Event<'a>) -> bool {
        if let Body::Incident { incident, .. } = &event.body {
            let mut all = self.incidents.iter();
            return all.any(|(_, known)| known.id == incident.id);
        }
        let socket = event.body.subject().and_then(|subject| subject.socket);
        let connection = socket.and_then(|socket| self.places.get(&socket.id));
        let connection = connection.and_then(|at| self.connections.get(*at));
        connection.is_some_and(|connection| connection.finding.is_some())
    }

    /// The one that a line is about, with the newest that is known of who has it.
    fn connection(&mut self, subject: Subject<'a>) -> Option<&mut Connection<'a>> {
        let id = subject.socket?.id;
        let at = *self.places.entry(id).or_insert_with(|| {
            self.connections.push(Connection {
                subject: subject.clone(),
                listed: None,
                finding: None,
                history: Vec::new(),
            });
            self.connections.len() - 1
        });
        let connection = self.connections.get_mut(at)?;
        connection.renew(subject);
        Some(connection)
    }

    /// The connection of a finding that is open.
    pub fn of_finding(&self, id: u64) -> Option<&Connection<'a>> {
        let mut all = self.connections.iter();
        all.find(|connection| connection.open().is_some_and(|finding| finding.id == id))
    }

    /// The one with the same two addresses the other way round, if exactly one has them.
    pub fn other_end(&self, of: &Connection<'a>) -> Option<&Connection<'a>> {
        let (local, peer) = of.ends()?;
        self.only(|other| other.ends() == Some((peer, local)))
    }

    /// The connection between these, if it is exactly one.
    pub fn between(&self, local: Endpoint, peer: Endpoint) -> Option<&Connection<'a>> {
        self.only(|other| other.ends() == Some((address(local), address(peer))))
    }

    fn only(&self, fits: impl Fn(&Connection<'a>) -> bool) -> Option<&Connection<'a>> {
        let mut all = self
            .connections
            .iter()
            .filter(|connection| fits(connection));
        all.next().filter(|_| all.next().is_none())
    }
}

impl<'a> Connection<'a> {
    /// Later lines may know less of the processes.
    fn renew(&mut self, subject: Subject<'a>) {
        let old = std::mem::replace(&mut self.subject, subject);
        let new = &mut self.subject;
        let described = new
            .process
            .as_ref()
            .is_some_and(|new| new.command_line.is_some());
        if !described && (new.process.is_none() || same(&old, new)) {
            new.process = old.process;
            new.cgroup = new.cgroup.take().or(old.cgroup);
            new.container = new.container.take().or(old.container);
        }
        new.peer_process = new.peer_process.take().or(old.peer_process);
        if let (Some(new), Some(old)) = (&mut new.socket, old.socket) {
            new.inode = new.inode.or(old.inode);
            new.cookie = new.cookie.or(old.cookie);
        }
        if let (Some(new), Some(old)) = (&mut new.network, old.network) {
            let peer = new.connection.peer_state.or(old.connection.peer_state);
            new.connection.peer_state = peer;
        }
    }

    /// Its finding, unless that is over.
    pub fn open(&self) -> Option<&Finding<'a>> {
        let finding = self.finding.as_deref()?;
        (finding.action != Action::Resolved).then_some(finding)
    }

    /// Local and remote address.
    pub fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        let network = self.subject.network.as_ref()?;
        Some((address(network.local), address(network.peer)))
    }

    /// Its state; closed where nothing tells.
    pub fn state(&self) -> State {
        let network = self.subject.network.as_ref();
        network.map_or(State::Closed, |network| network.connection.state)
    }

    /// Descriptors that refer to it.
    pub fn holders(&self) -> &[Holder<'a>] {
        let listed = self.listed.as_deref().map(|listed| &*listed.holders);
        let listed = listed.filter(|holders| !holders.is_empty());
        let found = self.open().map(|finding| &*finding.holders);
        listed.or(found).unwrap_or_default()
    }

    /// Whether a process has it.
    pub fn belongs_to(&self, pid: u32) -> bool {
        let owner = self
            .subject
            .process
            .as_ref()
            .is_some_and(|owner| owner.pid == pid);
        owner || self.holders().iter().any(|holder| holder.pid == pid)
    }
}

fn same(old: &Subject<'_>, new: &Subject<'_>) -> bool {
    let id = |subject: &Subject<'_>| {
        let process = subject.process.as_ref()?;
        Some((process.pid, process.start_time))
    };
    id(old) == id(new)
}

/// As one.
pub(super) fn address(end: Endpoint) -> SocketAddr {
    end.into()
}
