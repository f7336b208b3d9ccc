//! From the engine's event to a line.

use super::about::About;
use super::duration::nanos;
use super::{
    Body, Connection, Eof, Event, Executable, Finding, Incident, Life, Lost, Network, Process,
    Resync, SCHEMA, Socket, Subject, Transition, User,
};
use crate::output::clock::WallClock;
use finback_core::model::event as core;
use finback_core::model::incident;
use finback_core::model::socket::{self, Attribution, Owner};
use finback_core::model::state::TcpState;

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
            finding: Box::new(Finding::from_core(finding, clock, about)),
        },
        core::Body::ProcessFinding { owner, finding } => Body::Finding {
            subject: of_process(Some(owned(owner)), clock, about),
            finding: Box::new(Finding::from_core(finding, clock, about)),
        },
        core::Body::Incident(incident) => Body::Incident {
            subject: accused(incident, clock, about),
            incident: Box::new(Incident::from_core(incident, clock, about)),
        },
        core::Body::Connection { connection, life } => Body::Connection {
            subject: subject(connection, clock, about),
            connection: Life::from_core(life, clock),
        },
        core::Body::Lost { loss, since } => Body::Lost {
            lost: Lost {
                records: loss.records,
                reason: (*loss.reason).into(),
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
    let peer = connection.peer_owner.as_ref();
    Subject {
        socket: Some(Socket {
            id: connection.key.into(),
            cookie: connection.cookie,
            inode: connection.inode,
            netns: endpoints.netns,
            role: connection.role.into(),
        }),
        network: Some(Network {
            connection: Connection {
                state: connection.state.into(),
                peer_state: connection.peer_state.map(Into::into),
            },
            ..network(*endpoints, connection.state)
        }),
        peer_process: peer.map(|owner| process(&owner.process, owner.attribution, clock, about)),
        ..of_process(connection.owner.as_ref().map(owned), clock, about)
    }
}

/// Both ends and the state of this one.
pub(super) fn network(endpoints: socket::Endpoints, state: TcpState) -> Network {
    Network::between(
        endpoints.local.into(),
        endpoints.peer.into(),
        Connection {
            state: state.into(),
            peer_state: None,
        },
    )
}

/// The process that has most connections of an incident.
fn accused<'a>(
    incident: &'a incident::Incident,
    clock: WallClock,
    about: About<'a>,
) -> Subject<'a> {
    let most = incident.processes.first();
    let most = most.map(|(most, _)| (&**most, Attribution::Holder));
    of_process(most, clock, about)
}

fn owned(owner: &Owner) -> (&socket::Process, Attribution) {
    (&owner.process, owner.attribution)
}

/// A process without a connection, and what it is part of.
pub(super) fn of_process<'a>(
    owner: Option<(&'a socket::Process, Attribution)>,
    clock: WallClock,
    about: About<'a>,
) -> Subject<'a> {
    let known = owner.and_then(|(owner, _)| about.of(owner));
    let workload = known.and_then(|known| known.workload.as_deref());
    let unit = workload.and_then(|known| known.unit.as_deref());
    Subject {
        socket: None,
        network: None,
        process: owner.map(|(owner, how)| process(owner, how, clock, about)),
        peer_process: None,
        cgroup: workload.map(|known| (&*known.cgroup).into()),
        systemd_unit: unit.map(Into::into),
        container: workload.and_then(|known| known.container.as_ref().map(Into::into)),
        k8s: workload.and_then(|known| known.pod.as_ref().map(Into::into)),
    }
}

pub(super) fn process<'a>(
    process: &'a socket::Process,
    attribution: Attribution,
    clock: WallClock,
    about: About<'a>,
) -> Process<'a> {
    let known = about.of(process);
    let users = known.and_then(|known| known.users);
    let real = users.filter(|users| users.real != users.effective);
    let effective = users.map(|users| users.effective);
    Process {
        pid: process.id.pid,
        vpid: known.and_then(|known| known.vpid),
        start_time: clock.at(process.id.start),
        comm: (&*process.comm).into(),
        executable: Executable {
            path: known
                .and_then(|known| known.path.as_deref())
                .map(Into::into),
            ..about.executable(process)
        },
        command_line: known
            .and_then(|known| known.command_line.as_deref())
            .map(Into::into),
        user: effective.or(process.uid).map(|id| User { id }),
        real_user: real.map(|users| User { id: users.real }),
        attribution: attribution.into(),
    }
}
