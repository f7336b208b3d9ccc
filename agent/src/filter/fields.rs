//! What a line says to each word: the only place that knows where the fields are.

use super::found::{
    Value, confidence, end, family, number, owned, role, severity, state, text, type_name, verdict,
};
use super::words::Name;
use crate::output::clock::Time;
use crate::output::json::{
    Body, Confidence, Endpoint, Event, Executable, Finding, Frame, Holder, Incident,
    IncidentProcess, K8s, Listed, Network, Process, Remedy, Role, Severity, Socket, State, Subject,
    Verdict,
};

/// Shows each value that a line has for a word; none if it has no such field.
pub(super) fn each<'e>(event: &'e Event<'_>, name: Name, see: &mut dyn FnMut(Value<'e>)) {
    let line = Line::of(event);
    match name {
        Name::State => line.state().map(state).into_iter().for_each(see),
        Name::Src | Name::Local => line.local().map(end).into_iter().for_each(see),
        Name::Dst | Name::Peer => line.peers().for_each(see),
        Name::Sport => line.local_ports().map(number).for_each(see),
        Name::Dport => line.peer_ports().map(number).for_each(see),
        Name::Port => (line.local_ports().chain(line.peer_ports()))
            .map(number)
            .for_each(see),
        Name::Family => line.families().for_each(see),
        Name::Pid => line.pids().map(number).for_each(see),
        Name::Comm => line.comms().map(text).for_each(see),
        Name::Exe => line.paths().map(text).for_each(see),
        Name::Cmd => line.command_line().map(text).into_iter().for_each(see),
        Name::User => line.user().map(number).into_iter().for_each(see),
        Name::Holder => line.holders().map(|one| number(one.pid)).for_each(see),
        Name::Fd => line.holders().map(|one| number(one.fd)).for_each(see),
        Name::Inode => line.inode().map(number).into_iter().for_each(see),
        Name::Cookie => line.cookie().map(number).into_iter().for_each(see),
        Name::Netns => line.netns().map(number).into_iter().for_each(see),
        Name::Id => line.ids(see),
        Name::Role => line.role().map(role).into_iter().for_each(see),
        Name::Verdict => line.verdicts().map(verdict).for_each(see),
        Name::Severity => line.severity().map(severity).into_iter().for_each(see),
        Name::Confidence => line.confidence().map(confidence).into_iter().for_each(see),
        Name::Age => line.age().map(number).into_iter().for_each(see),
        Name::Unread => line.unread().map(number).into_iter().for_each(see),
        Name::Unacked => line.unacked().map(number).into_iter().for_each(see),
        Name::Stack => line.frames().for_each(|frame| places(frame, see)),
        Name::Cgroup => line.cgroup().map(text).into_iter().for_each(see),
        Name::Unit => line.units().map(text).for_each(see),
        Name::Container => line.containers().map(text).for_each(see),
        Name::Pod => line.pods().map(text).for_each(see),
        Name::Namespace => line.namespace().map(text).into_iter().for_each(see),
        Name::Type => see(type_name(&event.body)),
        Name::Host => line.host().map(text).into_iter().for_each(see),
    }
}

/// A line, and the parts of it that only some types have.
struct Line<'e> {
    event: &'e Event<'e>,
    subject: Option<&'e Subject<'e>>,
    finding: Option<&'e Finding<'e>>,
    incident: Option<&'e Incident<'e>>,
    listed: Option<&'e Listed<'e>>,
    remedy: Option<&'e Remedy<'e>>,
}

impl<'e> Line<'e> {
    fn of(event: &'e Event<'_>) -> Self {
        let mut line = Self {
            event,
            subject: None,
            finding: None,
            incident: None,
            listed: None,
            remedy: None,
        };
        match &event.body {
            Body::Finding { subject, finding } => {
                (line.subject, line.finding) = (Some(subject), Some(&**finding));
            }
            Body::Incident { subject, incident } => {
                (line.subject, line.incident) = (Some(subject), Some(&**incident));
            }
            Body::Socket { subject, listed } => {
                (line.subject, line.listed) = (Some(subject), Some(&**listed));
            }
            Body::Remedy { subject, remedy } => {
                (line.subject, line.remedy) = (Some(subject), Some(&**remedy));
            }
            Body::Transition { subject, .. }
            | Body::Eof { subject, .. }
            | Body::Connection { subject, .. }
            | Body::Destroyed { subject, .. }
            | Body::Explanation { subject, .. } => line.subject = Some(subject),
            Body::Hello { .. } | Body::Lost { .. } | Body::Resync { .. } => {}
        }
        line
    }

    fn socket(&self) -> Option<&'e Socket> {
        self.subject?.socket.as_ref()
    }

    fn network(&self) -> Option<&'e Network> {
        self.subject?.network.as_ref()
    }

    fn process(&self) -> Option<&'e Process<'e>> {
        self.subject?.process.as_ref()
    }

    fn state(&self) -> Option<State> {
        Some(self.network()?.connection.state)
    }

    fn local(&self) -> Option<Endpoint> {
        Some(self.network()?.local)
    }

    /// Of the connection, of a process's connections in TIME_WAIT, or of the incident.
    fn peers(&self) -> impl Iterator<Item = Value<'e>> + use<'e> {
        let own = self.network().map(|network| network.peer);
        let port_use = self.finding.and_then(|finding| finding.evidence.port_use);
        let own = own.or(port_use.map(|port_use| port_use.peer));
        let many = self
            .incident
            .into_iter()
            .flat_map(|incident| &incident.peers);
        let many = many.map(|peer| Value::End(peer.address, peer.port));
        own.map(end).into_iter().chain(many)
    }

    fn local_ports(&self) -> impl Iterator<Item = u16> + use<'e> {
        let own = self.local().map(|local| local.port);
        own.into_iter().chain(self.cause_port(Role::Server))
    }

    fn peer_ports(&self) -> impl Iterator<Item = u16> + use<'e> {
        let peers = self.peers().filter_map(|peer| match peer {
            Value::End(_, port) => port,
            Value::Word(_) | Value::Number(_) | Value::Text(_) => None,
        });
        peers.chain(self.cause_port(Role::Client))
    }

    /// The port that an incident's connections have in common, if it is of this end.
    fn cause_port(&self, role: Role) -> Option<u16> {
        let cause = &self.incident?.cause;
        cause.port.filter(|_| cause.role == role)
    }

    fn families(&self) -> impl Iterator<Item = Value<'e>> + use<'e> {
        self.peers().filter_map(|peer| match peer {
            Value::End(address, _) => Some(family(address)),
            Value::Word(_) | Value::Number(_) | Value::Text(_) => None,
        })
    }

    fn holders(&self) -> impl Iterator<Item = &'e Holder<'e>> + use<'e> {
        let found = self.finding.map(|finding| &finding.holders);
        let listed = self.listed.map(|listed| &listed.holders);
        found.into_iter().chain(listed).flatten()
    }

    fn members(&self) -> impl Iterator<Item = &'e IncidentProcess<'e>> + use<'e> {
        let incident = self.incident.into_iter();
        incident.flat_map(|incident| &incident.processes)
    }

    fn pids(&self) -> impl Iterator<Item = u32> + use<'e> {
        let own = self.process().map(|process| process.pid);
        let holders = self.holders().map(|holder| holder.pid);
        let members = self.members().map(|process| process.pid);
        own.into_iter().chain(holders).chain(members)
    }

    /// Of all that [`Self::pids`] names.
    fn programs(&self) -> impl Iterator<Item = &'e Executable<'e>> + use<'e> {
        let own = self.process().map(|process| &process.executable);
        let holders = self.holders().map(|holder| &holder.executable);
        let members = self.members().map(|process| &process.executable);
        own.into_iter().chain(holders).chain(members)
    }

    /// What the kernel calls them.
    fn comms(&self) -> impl Iterator<Item = &'e str> + use<'e> {
        let own = self.process().map(|process| &*process.comm);
        let holders = self.holders().map(|holder| &*holder.comm);
        let members = self.members().map(|process| &*process.comm);
        own.into_iter().chain(holders).chain(members)
    }

    /// Each path, and its last part; the name alone where the path is not known.
    fn paths(&self) -> impl Iterator<Item = &'e str> + use<'e> {
        let paths = self.programs().filter_map(|one| one.path.as_deref());
        let names = self.programs().map(|one| &*one.name);
        paths.chain(names)
    }

    fn command_line(&self) -> Option<&'e str> {
        self.process()?.command_line.as_deref()
    }

    fn user(&self) -> Option<u32> {
        Some(self.process()?.user?.id)
    }

    fn inode(&self) -> Option<u64> {
        self.socket()?.inode
    }

    fn cookie(&self) -> Option<u64> {
        self.socket()?.cookie
    }

    fn netns(&self) -> Option<u32> {
        Some(self.socket()?.netns)
    }

    fn cgroup(&self) -> Option<&'e str> {
        self.subject?.cgroup.as_deref()
    }

    /// Its unit; what the causes of incidents have in common is one wherever there is one.
    fn units(&self) -> impl Iterator<Item = &'e str> + use<'e> {
        let own = self
            .subject
            .and_then(|subject| subject.systemd_unit.as_deref());
        let cause = self
            .incident
            .and_then(|incident| incident.cause.workload.as_deref());
        own.into_iter().chain(cause)
    }

    /// The id in full and as tools shorten it, the runtime's name for it, and the pod's.
    fn containers(&self) -> impl Iterator<Item = &'e str> + use<'e> {
        let container = self.subject.and_then(|subject| subject.container.as_ref());
        let id = container.map(|container| &*container.id);
        let short = id.and_then(|id| id.get(..SHORT_ID));
        let name = container.and_then(|container| container.name.as_deref());
        let inner = self.k8s().and_then(|k8s| k8s.container.as_ref());
        let inner = inner.map(|inner| &*inner.name);
        [id, short, name, inner].into_iter().flatten()
    }

    fn k8s(&self) -> Option<&'e K8s<'e>> {
        self.subject?.k8s.as_ref()
    }

    /// Its name and its UID.
    fn pods(&self) -> impl Iterator<Item = &'e str> + use<'e> {
        let pod = self.k8s().map(|k8s| &k8s.pod);
        let name = pod.and_then(|pod| pod.name.as_deref());
        let uid = pod.and_then(|pod| pod.uid.as_deref());
        name.into_iter().chain(uid)
    }

    fn namespace(&self) -> Option<&'e str> {
        Some(&self.k8s()?.namespace.as_ref()?.name)
    }

    fn host(&self) -> Option<&'e str> {
        match &self.event.body {
            Body::Hello { hello } => Some(&hello.host),
            Body::Transition { .. }
            | Body::Eof { .. }
            | Body::Finding { .. }
            | Body::Incident { .. }
            | Body::Connection { .. }
            | Body::Socket { .. }
            | Body::Lost { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Resync { .. } => None,
        }
    }

    fn ids(&self, see: &mut dyn FnMut(Value<'e>)) {
        let incident = self.incident.map(|incident| &incident.id);
        let incident = incident.or_else(|| self.finding?.incident.as_ref());
        let incident = incident.or_else(|| self.listed?.incident.as_ref());
        let incident = incident.or_else(|| self.remedy?.incident.as_ref());
        let finding = self.finding.map(|finding| finding.id);
        let finding = finding.or_else(|| self.listed?.finding);
        let finding = finding.or_else(|| self.remedy?.finding);
        let many = self
            .incident
            .into_iter()
            .flat_map(|incident| &incident.findings);
        if let Some(socket) = self.socket() {
            see(owned(&socket.id));
        }
        if let Some(id) = incident {
            see(text(id));
        }
        for id in finding.into_iter().chain(many.copied()) {
            see(owned(&id));
        }
    }

    fn role(&self) -> Option<Role> {
        let own = self.socket().map(|socket| socket.role);
        own.or_else(|| Some(self.incident?.cause.role))
    }

    fn confidence(&self) -> Option<Confidence> {
        Some(self.finding?.confidence)
    }

    fn verdicts(&self) -> impl Iterator<Item = Verdict> + use<'e> {
        let own = self.finding.map(|finding| finding.verdict);
        let own = own.or_else(|| self.listed?.verdict);
        let many = self
            .incident
            .into_iter()
            .flat_map(|incident| &incident.verdicts);
        own.into_iter().chain(many.map(|count| count.verdict))
    }

    fn severity(&self) -> Option<Severity> {
        let found = self.finding.map(|finding| finding.severity);
        let found = found.or_else(|| Some(self.incident?.severity));
        found.or_else(|| self.listed?.severity)
    }

    fn unread(&self) -> Option<u32> {
        let listed = self.listed.and_then(|listed| listed.unread_bytes);
        listed.or_else(|| self.finding?.evidence.unread_bytes)
    }

    fn unacked(&self) -> Option<u32> {
        let listed = self.listed.and_then(|listed| listed.unacked_bytes);
        listed.or_else(|| self.finding?.evidence.unacked_bytes)
    }

    /// Nanoseconds.
    fn age(&self) -> Option<u64> {
        let since = |moment: Time| {
            let now = self.event.time.as_unix_nanos();
            now.saturating_sub(moment.as_unix_nanos())
        };
        match &self.event.body {
            Body::Socket { listed, .. } => listed.age_ns,
            Body::Finding { finding, .. } => Some(
                finding
                    .half_closed_ns
                    .unwrap_or_else(|| since(finding.opened)),
            ),
            Body::Incident { incident, .. } => {
                Some(since(incident.oldest.unwrap_or(incident.opened)))
            }
            Body::Transition { transition, .. } => transition.after_ns,
            Body::Eof { eof, .. } => eof.after_ns,
            Body::Connection { connection, .. } => connection.duration_ns,
            Body::Hello { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => None,
        }
    }

    fn frames(&self) -> impl Iterator<Item = &'e Frame<'e>> + use<'e> {
        let found = self.finding.into_iter().flat_map(|finding| &finding.stacks);
        let many = self
            .incident
            .into_iter()
            .flat_map(|incident| &incident.stacks);
        let stacks = found.chain(many.map(|count| &count.stack));
        stacks.flat_map(|stack| &stack.frames)
    }
}

/// Digits of a container's id that tools show.
const SHORT_ID: usize = 12;

fn places<'e>(frame: &'e Frame<'_>, see: &mut dyn FnMut(Value<'e>)) {
    frame
        .function
        .iter()
        .for_each(|function| see(text(function)));
    frame.module.iter().for_each(|module| see(text(module)));
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => see(owned(&format_args!("{file}:{line}"))),
        (Some(file), None) => see(text(file)),
        (None, _) => {}
    }
}
