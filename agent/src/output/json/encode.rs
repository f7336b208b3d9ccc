//! From the engine's event to a line.

use std::borrow::Cow;

use super::duration::nanos;
use super::{
    Body, Connection, Container, Endpoint, Eof, Event, Executable, Finding, Incident, Life, Lost,
    Network, NetworkType, Process, Resync, SCHEMA, Socket, Subject, Transition, Transport, User,
};
use crate::output::clock::WallClock;
use crate::process::Description;
use crate::process::stack::model::Stack;
use finback_core::model::event as core;
use finback_core::model::incident;
use finback_core::model::socket::{self, Attribution, Owner};

/// What `/proc` knows of an event's processes, where somebody has asked it.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// Of the connection's process.
    pub process: Option<&'a Description>,
    /// Of the process at the other end.
    pub peer_process: Option<&'a Description>,
    /// Stacks of a finding.
    pub stacks: &'a [Stack],
    /// Where most connections of an incident were opened, with how many.
    pub opened_at: &'a [(u32, Stack)],
}

/// The wire form of an event; borrows from it.
pub fn event<'a>(
    event: &'a core::Event,
    seq: u64,
    clock: WallClock,
    about: About<'a>,
) -> Event<'a> {
    Event {
        schema: SCHEMA,
        seq,
        time: clock.at(event.time),
        body: body(&event.body, clock, about),
    }
}

fn body<'a>(body: &'a core::Body, clock: WallClock, about: About<'a>) -> Body<'a> {
    match body {
        core::Body::Transition {
            connection,
            transition,
        } => Body::Transition {
            subject: subject(connection, clock, about),
            transition: change(transition, clock),
        },
        core::Body::Eof {
            connection,
            after,
            thread,
        } => Body::Eof {
            subject: subject(connection, clock, about),
            eof: Eof {
                after_ns: after.map(nanos),
                thread_id: *thread,
            },
        },
        core::Body::Finding {
            connection,
            finding,
        } => Body::Finding {
            subject: subject(connection, clock, about),
            finding: Box::new(Finding::from_core(finding, clock, about.stacks)),
        },
        core::Body::ProcessFinding { owner, finding } => Body::Finding {
            subject: alone(owner, clock, about),
            finding: Box::new(Finding::from_core(finding, clock, about.stacks)),
        },
        core::Body::Incident(incident) => Body::Incident {
            subject: accused(incident, clock, about),
            incident: Box::new(Incident::from_core(incident, clock, about.opened_at)),
        },
        core::Body::Connection { connection, life } => Body::Connection {
            subject: subject(connection, clock, about),
            connection: Life::from_core(life, clock),
        },
        core::Body::Lost { loss, since } => Body::Lost {
            lost: Lost {
                records: loss.records,
                reason: loss.reason.into(),
                since: clock.at(*since),
            },
        },
        core::Body::Resync {
            sockets,
            corrected,
            took,
        } => Body::Resync {
            resync: Resync {
                sockets: *sockets,
                corrected: *corrected,
                took_ns: nanos(*took),
            },
        },
    }
}

fn change(transition: &core::Transition, clock: WallClock) -> Transition {
    Transition {
        from: transition.from.into(),
        to: transition.to.into(),
        after_ns: transition.after.map(nanos),
        cause: transition.cause.into(),
        segment_refused: transition.segment_refused.map(|moment| clock.at(moment)),
    }
}

fn subject<'a>(
    connection: &'a core::Connection,
    clock: WallClock,
    about: About<'a>,
) -> Subject<'a> {
    let endpoints = &connection.endpoints;
    Subject {
        socket: Some(Socket {
            id: connection.key.into(),
            cookie: connection.cookie,
            inode: connection.inode,
            netns: endpoints.netns,
            role: connection.role.into(),
        }),
        network: Some(Network {
            transport: Transport::Tcp,
            kind: NetworkType::from(&endpoints.local),
            local: Endpoint::from(endpoints.local),
            peer: Endpoint::from(endpoints.peer),
            connection: Connection {
                state: connection.state.into(),
                peer_state: connection.peer_state.map(Into::into),
            },
        }),
        process: connection
            .owner
            .as_ref()
            .map(|owner| owned(owner, clock, about.process)),
        peer_process: connection
            .peer_owner
            .as_ref()
            .map(|owner| owned(owner, clock, about.peer_process)),
        cgroup: cgroup(about),
        container: container(about),
    }
}

/// The process that has most connections of an incident.
fn accused<'a>(
    incident: &'a incident::Incident,
    clock: WallClock,
    about: About<'a>,
) -> Subject<'a> {
    let most = incident.processes.first();
    Subject {
        socket: None,
        network: None,
        process: most.map(|(most, _)| process(most, Attribution::Holder, clock, about.process)),
        peer_process: None,
        cgroup: cgroup(about),
        container: container(about),
    }
}

/// A process without a connection.
fn alone<'a>(owner: &'a Owner, clock: WallClock, about: About<'a>) -> Subject<'a> {
    Subject {
        socket: None,
        network: None,
        process: Some(owned(owner, clock, about.process)),
        peer_process: None,
        cgroup: cgroup(about),
        container: container(about),
    }
}

fn cgroup(about: About<'_>) -> Option<Cow<'_, str>> {
    let path = about.process?.cgroup.as_deref()?;
    Some(path.into())
}

fn container(about: About<'_>) -> Option<Container<'_>> {
    let id = about.process?.container.as_deref()?;
    Some(Container { id: id.into() })
}

fn owned<'a>(owner: &'a Owner, clock: WallClock, known: Option<&'a Description>) -> Process<'a> {
    process(&owner.process, owner.attribution, clock, known)
}

pub(super) fn process<'a>(
    process: &'a socket::Process,
    attribution: Attribution,
    clock: WallClock,
    known: Option<&'a Description>,
) -> Process<'a> {
    Process {
        pid: process.id.pid,
        start_time: clock.at(process.id.start),
        executable: Executable {
            name: (&*process.comm).into(),
            path: known
                .and_then(|known| known.path.as_deref())
                .map(Into::into),
        },
        command_line: known
            .and_then(|known| known.command_line.as_deref())
            .map(Into::into),
        user: process.uid.map(|id| User { id }),
        attribution: attribution.into(),
    }
}
