//! All that is known of one connection, for every section of its page.

use std::borrow::Cow;
use std::time::Duration;

use super::host::{Host, Seen};
use super::known::{Connection, Known};
use super::runtime::{self, Runtime};
use super::words;
use crate::output::clock::Time;
use crate::output::json::{
    Action, Evidence, Finding, Holder, Incident, Listed, Process, Role, State, Verdict, WaitState,
};

/// Where the lines come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A daemon that has watched.
    Daemon,
    /// One look, just now.
    Look,
    /// A file of lines.
    File,
}

/// A connection with everything around it.
#[derive(Debug)]
pub(super) struct Case<'k, 'a> {
    pub(super) asked: &'k str,
    pub(super) source: Source,
    pub(super) now: Time,
    pub(super) connection: &'k Connection<'a>,
    pub(super) incident: Option<&'k Incident<'a>>,
    /// The same connection seen from the peer, on this host.
    pub(super) other_end: Option<&'k Connection<'a>>,
    /// The connection on the other side of a relay.
    pub(super) mate: Option<&'k Connection<'a>>,
    /// What its process has now.
    pub(super) seen: Option<Seen>,
    /// Namespace in which commands would be run.
    pub(super) netns: Option<u32>,
}

impl<'k, 'a> Case<'k, 'a> {
    pub(super) fn new(
        known: &'k Known<'a>,
        connection: &'k Connection<'a>,
        asked: &'k str,
        source: Source,
        host: &dyn Host,
    ) -> Self {
        let mut case = Self {
            asked,
            source,
            now: known.now,
            connection,
            incident: incident(known, connection),
            other_end: known.other_end(connection),
            mate: mate(known, connection),
            seen: None,
            netns: host.netns(),
        };
        case.seen = case
            .held_by()
            .and_then(|(pid, start)| host.process(pid, start));
        case
    }

    /// The finding that is open.
    pub(super) fn finding(&self) -> Option<&'k Finding<'a>> {
        self.connection.open()
    }

    /// The finding that is over.
    pub(super) fn past(&self) -> Option<&'k Finding<'a>> {
        let finding = self.connection.finding.as_deref()?;
        (finding.action == Action::Resolved).then_some(finding)
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.finding().map(|finding| finding.verdict)
    }

    pub(super) fn evidence(&self) -> Option<&'k Evidence> {
        self.finding().map(|finding| &finding.evidence)
    }

    pub(super) fn listed(&self) -> Option<&'k Listed<'a>> {
        self.connection.listed.as_deref()
    }

    pub(super) fn state(&self) -> State {
        self.connection.state()
    }

    pub(super) fn role(&self) -> Role {
        let socket = self.connection.subject.socket;
        socket.map_or(Role::Unknown, |socket| socket.role)
    }

    /// The other end's address.
    pub(super) fn peer(&self) -> String {
        let ends = self.connection.ends();
        ends.map_or_else(|| "the peer".to_owned(), |(_, peer)| peer.to_string())
    }

    /// Our address.
    pub(super) fn local(&self) -> String {
        let ends = self.connection.ends();
        ends.map_or_else(|| "this end".to_owned(), |(local, _)| local.to_string())
    }

    pub(super) fn holders(&self) -> &'k [Holder<'a>] {
        self.connection.holders()
    }

    pub(super) fn process(&self) -> Option<&'k Process<'a>> {
        self.connection.subject.process.as_ref()
    }

    /// The process that is meant, with its start: a holder, for the opener may have gone.
    pub(super) fn held_by(&self) -> Option<(u32, Time)> {
        let owner = self.process().map(|owner| (owner.pid, owner.start_time));
        let holders = self
            .holders()
            .iter()
            .map(|holder| (holder.pid, holder.start_time));
        let mut holders = holders
            .clone()
            .filter(|id| Some(*id) == owner)
            .chain(holders);
        holders.next().or(owner)
    }

    /// Its pid.
    pub(super) fn pid(&self) -> Option<u32> {
        self.held_by().map(|(pid, _)| pid)
    }

    /// Its name and pid.
    pub(super) fn who(&self) -> Cow<'static, str> {
        if let Some(holder) = self
            .holders()
            .iter()
            .find(|holder| Some(holder.pid) == self.pid())
        {
            return words::holder(holder).into();
        }
        match self.process() {
            Some(process) => words::process(process).into(),
            None => "nobody".into(),
        }
    }

    pub(super) fn runtime(&self) -> Runtime {
        let path = self
            .seen
            .as_ref()
            .and_then(|seen| seen.executable.as_deref());
        let process = self.process();
        let told = process.and_then(|process| process.executable.path.as_deref());
        let name = process.map(|process| &*process.executable.name);
        let stacks = self.finding().map_or(&[][..], |finding| &finding.stacks);
        let names: Vec<&str> = [path, told, name].into_iter().flatten().collect();
        runtime::of(&names, stacks)
    }

    /// In which way somebody waits for it, with the thread if that is blocked on it.
    pub(super) fn waits(&self) -> Option<(WaitState, Option<u32>)> {
        let evidence = self.evidence();
        let found =
            evidence.and_then(|evidence| Some((evidence.wait_state?, evidence.wait_thread)));
        found.or_else(|| Some((self.listed()?.wait_state?, None)))
    }

    /// Bytes that wait to be read.
    pub(super) fn unread(&self) -> Option<u32> {
        let listed = self.listed().and_then(|listed| listed.unread_bytes);
        listed.or_else(|| self.evidence()?.unread_bytes)
    }

    /// Bytes that wait to be sent or acknowledged.
    pub(super) fn unacked(&self) -> Option<u32> {
        let listed = self.listed().and_then(|listed| listed.unacked_bytes);
        listed.or_else(|| self.evidence()?.unacked_bytes)
    }

    /// For how long its state has lasted, or its trouble.
    pub(super) fn age(&self) -> Option<Duration> {
        let finding = self.finding();
        let half_closed = finding.and_then(|finding| finding.half_closed_ns);
        let ns = half_closed.or_else(|| self.listed()?.age_ns);
        ns.map(Duration::from_nanos)
    }

    /// Whether commands must be run in another namespace first.
    pub(super) fn elsewhere(&self) -> bool {
        let of = self.connection.subject.socket.map(|socket| socket.netns);
        of.is_some() && self.netns.is_some() && of != self.netns
    }
}

/// The one that its finding names.
fn incident<'k, 'a>(known: &'k Known<'a>, of: &Connection<'a>) -> Option<&'k Incident<'a>> {
    let id = of.finding.as_deref()?.incident.as_ref()?;
    let mut all = known.incidents.iter();
    all.find(|(_, incident)| incident.id == *id)
        .map(|(_, incident)| incident)
}

/// The connection for which it carries on, or the one that carries on for it.
fn mate<'k, 'a>(known: &'k Known<'a>, of: &Connection<'a>) -> Option<&'k Connection<'a>> {
    let relayed = |one: &Connection<'a>| one.open()?.evidence.relays_for;
    if let Some(ends) = relayed(of) {
        return known.between(ends.local, ends.peer);
    }
    let (local, peer) = of.ends()?;
    known.connections.iter().find(|other| {
        relayed(other).is_some_and(|ends| {
            let ends = (
                super::known::address(ends.local),
                super::known::address(ends.peer),
            );
            ends == (local, peer)
        })
    })
}
