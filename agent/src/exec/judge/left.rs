//! What is left behind, one line for each.

use super::ends::{Ends, Members, Opened, address, ends};
use crate::output::clock::Time;
use crate::output::json::{
    Body, Connection, Endpoint, Event, Holder, Listed, Network, Process, SCHEMA, Socket, State,
    Subject, Verdict, write_line,
};

/// How a connection was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Its peer had ended it, nobody noticed, and the end of its process closed it.
    ClosedByExit,
    /// Its peer has ended it, nobody has noticed, and a process that lives on holds it.
    Unnoticed,
    /// The process that opened it has ended, and one that runs another program holds it.
    Inherited,
    /// A process that lives on holds it.
    StillHeld,
    /// Its peer had ended it, and it was closed only when its process ended: maybe by its runtime.
    ClosedLate,
    /// It was open when its process ended, as many clients do it.
    OpenAtExit,
}

impl How {
    /// Whether somebody is at fault in any case.
    pub const fn is_a_leak(self) -> bool {
        matches!(self, Self::ClosedByExit | Self::Unnoticed | Self::Inherited)
    }
}

/// A connection that was left, with the line of the stream that tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// How.
    pub how: How,
    /// A `finding`, a `socket` or a `transition`, with its line feed.
    pub line: Vec<u8>,
}

impl Left {
    /// The line, read.
    pub fn event(&self) -> Option<Event<'_>> {
        serde_json::from_slice(&self.line).ok()
    }

    pub(super) fn ends(&self) -> Option<Ends> {
        match self.event()?.body {
            Body::Transition { subject, .. }
            | Body::Finding { subject, .. }
            | Body::Socket { subject, .. } => ends(&subject),
            Body::Hello { .. }
            | Body::Eof { .. }
            | Body::Incident { .. }
            | Body::Connection { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => None,
        }
    }
}

/// Everything that was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What somebody should have closed.
    pub leaks: Vec<Left>,
    /// Worth knowing.
    pub others: Vec<Left>,
}

impl Report {
    pub(super) fn extend(&mut self, left: Option<Left>, strict: bool) {
        let Some(left) = left else {
            return;
        };
        if strict || left.how.is_a_leak() {
            self.leaks.push(left);
        } else {
            self.others.push(left);
        }
    }
}

/// A connection that a process holds which lives on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Our end.
    pub local: Endpoint,
    /// The other end.
    pub peer: Endpoint,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// Its state.
    pub state: State,
    /// Its inode number.
    pub inode: u64,
    /// Every descriptor of the command's processes that refers to it; at least one.
    pub holders: Vec<Holder<'static>>,
}

/// Standard input, output and error are handed over on purpose.
const STANDARD: u32 = 2;

impl Held {
    pub(super) const fn ends(&self) -> Ends {
        (address(self.local), address(self.peer), self.netns)
    }

    pub(super) fn left(
        self,
        opened: Option<&Opened>,
        seq: u64,
        members: &impl Members,
    ) -> Option<Left> {
        let inherited = opened.is_some_and(|opened| self.is_inherited(opened, members));
        let known = opened.and_then(|opened| serde_json::from_slice(&opened.line).ok());
        let how = if inherited {
            How::Inherited
        } else {
            How::StillHeld
        };
        let mut line = Vec::new();
        let event = Event {
            schema: SCHEMA,
            seq,
            time: Time::now(),
            body: self.body(known.as_ref(), inherited),
        };
        // Writing to memory does not fail.
        write_line(&event, &mut line).ok()?;
        Some(Left { how, line })
    }

    /// A process that becomes a daemon takes its connections along: it runs the same program.
    fn is_inherited(&self, opened: &Opened, members: &impl Members) -> bool {
        let stranger = |holder: &Holder<'_>| {
            holder.pid != opened.pid
                && holder.fd > STANDARD
                && holder.executable.name != *opened.name
        };
        members.ended(opened.pid).is_some() && self.holders.iter().all(stranger)
    }

    fn body<'a>(&'a self, opening: Option<&'a Event<'a>>, inherited: bool) -> Body<'a> {
        let known = opening.and_then(|event| match &event.body {
            Body::Transition { subject, .. } => Some(subject),
            Body::Hello { .. }
            | Body::Eof { .. }
            | Body::Finding { .. }
            | Body::Incident { .. }
            | Body::Connection { .. }
            | Body::Socket { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => None,
        });
        let process: Option<Process<'a>> = known.and_then(|subject| subject.process.clone());
        let socket: Option<Socket> = known.and_then(|subject| subject.socket);
        let inode = Some(self.inode);
        Body::Socket {
            subject: Subject {
                socket: socket.map(|socket| Socket { inode, ..socket }),
                network: Some(self.network()),
                process,
                peer_process: None,
                cgroup: known.and_then(|subject| subject.cgroup.clone()),
                systemd_unit: known.and_then(|subject| subject.systemd_unit.clone()),
                container: known.and_then(|subject| subject.container.clone()),
                k8s: known.and_then(|subject| subject.k8s.clone()),
            },
            listed: Box::new(Listed {
                holders: self.holders.clone(),
                verdict: inherited.then_some(Verdict::Inherited),
                ..Listed::default()
            }),
        }
    }

    fn network(&self) -> Network {
        let connection = Connection {
            state: self.state,
            peer_state: None,
        };
        Network::between(self.local, self.peer, connection)
    }
}
