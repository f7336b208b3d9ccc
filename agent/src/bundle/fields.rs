//! Every part of a line that tells where it comes from, or whose it is.
//!
//! Each type is taken apart with all of its fields, so that a new one is not forgotten here.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::output::json::{
    Body, Container, Event, Evidence, Executable, Finding, Frame, Holder, Incident, IncidentCause,
    IncidentPeer, IncidentProcess, K8s, Listed, Named, Network, Process, Stack, Subject,
};

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Arguments,
    Cgroup,
    Container,
    Namespace,
    Path,
    Pod,
    Program,
    Unit,
    Workload,
}

/// Such a part.
#[derive(Debug)]
pub(super) enum Field<'f, 'a> {
    Address(&'f mut IpAddr),
    Name(Kind, &'f mut Cow<'a, str>),
    /// In which names and addresses may stand.
    Sentence(&'f mut Cow<'a, str>),
}

/// Who is shown each of them.
pub(super) type See<'s, 'a> = dyn FnMut(Field<'_, 'a>) + 's;

/// Shows all of them; `false` for a line that is not about a connection, a process or an incident.
pub(super) fn each<'a>(event: &mut Event<'a>, see: &mut See<'_, 'a>) -> bool {
    match &mut event.body {
        Body::Transition { subject: of, .. }
        | Body::Eof { subject: of, .. }
        | Body::Connection { subject: of, .. } => subject(of, see),
        Body::Finding {
            subject: of,
            finding: found,
        } => {
            subject(of, see);
            finding(found, see);
        }
        Body::Incident {
            subject: of,
            incident: cause,
        } => {
            subject(of, see);
            incident(cause, see);
        }
        Body::Socket {
            subject: of,
            listed,
        } => {
            subject(of, see);
            let Listed { holders, .. } = &mut **listed;
            for one in holders {
                holder(one, see);
            }
        }
        Body::Hello { .. }
        | Body::Destroyed { .. }
        | Body::Remedy { .. }
        | Body::Explanation { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => return false,
    }
    true
}

fn name<'a>(kind: Kind, name: Option<&mut Cow<'a, str>>, see: &mut See<'_, 'a>) {
    if let Some(name) = name {
        see(Field::Name(kind, name));
    }
}

fn named<'a>(kind: Kind, named: Option<&mut Named<'a>>, see: &mut See<'_, 'a>) {
    name(kind, named.map(|named| &mut named.name), see);
}

fn subject<'a>(subject: &mut Subject<'a>, see: &mut See<'_, 'a>) {
    let Subject {
        socket: _,
        network,
        process: owner,
        peer_process,
        cgroup,
        systemd_unit,
        container: inside,
        k8s: within,
    } = subject;
    if let Some(network) = network {
        let Network { local, peer, .. } = network;
        see(Field::Address(&mut local.address));
        see(Field::Address(&mut peer.address));
        // It tells who has the addresses to whoever can guess them.
        *network = Network::between(network.local, network.peer, network.connection);
    }
    let processes = owner.iter_mut().chain(peer_process);
    processes.for_each(|one| process(one, see));
    name(Kind::Cgroup, cgroup.as_mut(), see);
    name(Kind::Unit, systemd_unit.as_mut(), see);
    if let Some(inside) = inside {
        container(inside, see);
    }
    if let Some(within) = within {
        k8s(within, see);
    }
}

fn process<'a>(process: &mut Process<'a>, see: &mut See<'_, 'a>) {
    let Process {
        pid: _,
        vpid: _,
        start_time: _,
        comm,
        executable: program,
        command_line,
        user: _,
        real_user: _,
        attribution: _,
    } = process;
    see(Field::Name(Kind::Program, comm));
    executable(program, see);
    name(Kind::Arguments, command_line.as_mut(), see);
}

fn executable<'a>(executable: &mut Executable<'a>, see: &mut See<'_, 'a>) {
    let Executable { name: file, path } = executable;
    see(Field::Name(Kind::Program, file));
    name(Kind::Path, path.as_mut(), see);
}

fn container<'a>(container: &mut Container<'a>, see: &mut See<'_, 'a>) {
    let Container {
        id,
        name: called,
        // One of a few that are the same everywhere.
        runtime: _,
    } = container;
    see(Field::Name(Kind::Container, id));
    name(Kind::Container, called.as_mut(), see);
}

fn k8s<'a>(k8s: &mut K8s<'a>, see: &mut See<'_, 'a>) {
    let K8s {
        namespace,
        pod,
        container,
    } = k8s;
    named(Kind::Namespace, namespace.as_mut(), see);
    name(Kind::Pod, pod.name.as_mut(), see);
    name(Kind::Pod, pod.uid.as_mut(), see);
    named(Kind::Container, container.as_mut(), see);
}

fn holder<'a>(holder: &mut Holder<'a>, see: &mut See<'_, 'a>) {
    let Holder {
        pid: _,
        start_time: _,
        fd: _,
        comm,
        executable: program,
    } = holder;
    see(Field::Name(Kind::Program, comm));
    executable(program, see);
}

fn finding<'a>(finding: &mut Finding<'a>, see: &mut See<'_, 'a>) {
    let Finding {
        id: _,
        action: _,
        verdict: _,
        severity: _,
        incident: _,
        confidence: _,
        opened: _,
        half_closed_since: _,
        half_closed_ns: _,
        summary,
        hint,
        evidence: proof,
        missing: _,
        holders,
        history: _,
        verdict_changes: _,
        stacks,
        resolution: _,
        ended_after: _,
    } = finding;
    see(Field::Sentence(summary));
    see(Field::Sentence(hint));
    evidence(proof, see);
    for one in holders {
        holder(one, see);
    }
    for one in stacks {
        stack(one, see);
    }
}

fn evidence(evidence: &mut Evidence, see: &mut See<'_, '_>) {
    if let Some(used) = &mut evidence.port_use {
        see(Field::Address(&mut used.peer.address));
    }
    if let Some(ends) = &mut evidence.relays_for {
        see(Field::Address(&mut ends.local.address));
        see(Field::Address(&mut ends.peer.address));
    }
}

fn stack<'a>(stack: &mut Stack<'a>, see: &mut See<'_, 'a>) {
    let Stack {
        kind: _,
        pid: _,
        thread_id: _,
        thread_name,
        time: _,
        syscall: _,
        truncated: _,
        reason: _,
        frames,
    } = stack;
    see(Field::Name(Kind::Program, thread_name));
    for one in frames {
        frame(one, see);
    }
}

fn frame<'a>(frame: &mut Frame<'a>, see: &mut See<'_, 'a>) {
    let Frame {
        address: _,
        module,
        build_id: _,
        offset: _,
        function,
        file,
        line: _,
        inlined: _,
        reason: _,
    } = frame;
    name(Kind::Path, module.as_mut(), see);
    name(Kind::Path, file.as_mut(), see);
    if let Some(function) = function {
        see(Field::Sentence(function));
    }
}

fn incident<'a>(incident: &mut Incident<'a>, see: &mut See<'_, 'a>) {
    let Incident {
        id: _,
        action: _,
        severity: _,
        reason: _,
        severity_change: _,
        cause,
        opened: _,
        connections: _,
        total: _,
        verdicts: _,
        wait_states: _,
        oldest: _,
        trend: _,
        processes,
        process_count: _,
        peers,
        relays_for,
        descriptors: _,
        accept_queue: _,
        lost_requests: _,
        caused_by: _,
        stacks,
        summary,
        hint,
        findings: _,
    } = incident;
    let IncidentCause {
        workload,
        program,
        role: _,
        port: _,
    } = cause;
    name(Kind::Workload, workload.as_mut(), see);
    see(Field::Name(Kind::Program, program));
    for IncidentProcess {
        pid: _,
        start_time: _,
        comm,
        executable: program,
        connections: _,
    } in processes
    {
        see(Field::Name(Kind::Program, comm));
        executable(program, see);
    }
    for IncidentPeer { address, .. } in peers.iter_mut().chain(relays_for) {
        see(Field::Address(address));
    }
    for one in stacks {
        stack(&mut one.stack, see);
    }
    see(Field::Sentence(summary));
    see(Field::Sentence(hint));
}
