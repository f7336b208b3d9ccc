//! One line of the stream.
//!
//! What comes in masses, transitions, ends of streams and whole connections, is written by hand: serde's generic way looks for
//! something to escape in every name of a field, and costs several times as much. The tests hold both ways together,
//! byte for byte.

use std::io;
use std::net::IpAddr;

use super::{
    Attribution, Body, Endpoint, Eof, Event, Life, Network, NetworkType, Process, Role, Socket,
    Subject, Transition,
};
use crate::output::clock::Time;
use finback_core::model::state;

/// Appends the event and a line feed.
pub fn write_line(event: &Event<'_>, buffer: &mut Vec<u8>) -> io::Result<()> {
    match &event.body {
        Body::Transition {
            subject,
            transition,
        } => {
            let mut line = Line(buffer);
            line.head(event, "transition", subject);
            line.transition(transition);
        }
        Body::Eof { subject, eof } => {
            let mut line = Line(buffer);
            line.head(event, "eof", subject);
            line.eof(eof);
        }
        Body::Connection {
            subject,
            connection,
        } => {
            let mut line = Line(buffer);
            line.head(event, "connection", subject);
            line.life(connection);
        }
        Body::Hello { .. }
        | Body::Finding { .. }
        | Body::Incident { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => {
            serde_json::to_writer(&mut *buffer, event)?;
        }
    }
    buffer.push(b'\n');
    Ok(())
}

struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    #[inline]
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// A number after the name of its field.
    #[inline]
    fn number(&mut self, name: &str, number: impl itoa::Integer) {
        self.raw(name);
        self.raw(itoa::Buffer::new().format(number));
    }

    fn optional(&mut self, name: &str, number: Option<impl itoa::Integer>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    /// A string that somebody outside has chosen.
    fn text(&mut self, text: &str) {
        let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
        if text.as_bytes().iter().all(plain) {
            self.raw("\"");
            self.raw(text);
            self.raw("\"");
        } else if let Ok(escaped) = serde_json::to_string(text) {
            self.raw(&escaped);
        }
    }

    fn time(&mut self, time: Time) {
        self.raw("\"");
        self.0.extend_from_slice(&time.render());
        self.raw("\"");
    }

    fn head(&mut self, event: &Event<'_>, kind: &str, subject: &Subject<'_>) {
        self.number("{\"schema\":", event.schema);
        self.number(",\"seq\":", event.seq);
        self.raw(",\"time\":");
        self.time(event.time);
        self.raw(",\"type\":\"");
        self.raw(kind);
        self.raw("\"");
        self.subject(subject);
    }

    fn subject(&mut self, subject: &Subject<'_>) {
        if let Some(socket) = &subject.socket {
            self.socket(socket);
        }
        if let Some(network) = &subject.network {
            self.network(network);
        }
        if let Some(process) = &subject.process {
            self.raw(",\"process\":");
            self.process(process);
        }
        if let Some(process) = &subject.peer_process {
            self.raw(",\"peer_process\":");
            self.process(process);
        }
        if let Some(cgroup) = &subject.cgroup {
            self.raw(",\"cgroup\":");
            self.text(cgroup);
        }
        if let Some(container) = &subject.container {
            self.raw(",\"container\":{\"id\":");
            self.text(&container.id);
            self.raw("}");
        }
    }

    fn socket(&mut self, socket: &Socket) {
        self.raw(",\"socket\":{\"id\":\"");
        socket.id.render(|text| self.raw(text));
        self.raw("\"");
        self.optional(",\"cookie\":", socket.cookie);
        self.optional(",\"inode\":", socket.inode);
        self.number(",\"netns\":", socket.netns);
        self.raw(",\"role\":\"");
        self.raw(role(socket.role));
        self.raw("\"}");
    }

    fn network(&mut self, network: &Network) {
        self.raw(",\"network\":{\"transport\":\"tcp\",\"type\":\"");
        self.raw(kind(network.kind));
        self.raw("\",\"local\":");
        self.endpoint(&network.local);
        self.raw(",\"peer\":");
        self.endpoint(&network.peer);
        self.raw(",\"connection\":{\"state\":\"");
        self.raw(state::TcpState::from(network.connection.state).name());
        if let Some(peer) = network.connection.peer_state {
            self.raw("\",\"peer_state\":\"");
            self.raw(state::TcpState::from(peer).name());
        }
        self.raw("\"}}");
    }

    fn endpoint(&mut self, endpoint: &Endpoint) {
        self.raw("{\"address\":\"");
        self.address(endpoint.address);
        self.number("\",\"port\":", endpoint.port);
        self.raw("}");
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                self.number("", a);
                self.number(".", b);
                self.number(".", c);
                self.number(".", d);
            }
            // The rules of RFC 5952 are the standard library's.
            IpAddr::V6(address) => self.raw(&address.to_string()),
        }
    }

    fn process(&mut self, process: &Process<'_>) {
        self.number("{\"pid\":", process.pid);
        self.raw(",\"start_time\":");
        self.time(process.start_time);
        self.raw(",\"executable\":{\"name\":");
        self.text(&process.executable.name);
        if let Some(path) = &process.executable.path {
            self.raw(",\"path\":");
            self.text(path);
        }
        self.raw("}");
        if let Some(command_line) = &process.command_line {
            self.raw(",\"command_line\":");
            self.text(command_line);
        }
        if let Some(user) = &process.user {
            self.number(",\"user\":{\"id\":", user.id);
            self.raw("}");
        }
        self.raw(",\"attribution\":\"");
        self.raw(attribution(process.attribution));
        self.raw("\"}");
    }

    fn transition(&mut self, transition: &Transition) {
        self.raw(",\"transition\":{\"from\":\"");
        self.raw(state::TcpState::from(transition.from).name());
        self.raw("\",\"to\":\"");
        self.raw(state::TcpState::from(transition.to).name());
        self.raw("\"");
        self.optional(",\"after_ns\":", transition.after_ns);
        self.raw(",\"cause\":\"");
        self.raw(state::Cause::from(transition.cause).name());
        self.raw("\"");
        if let Some(moment) = transition.segment_refused {
            self.raw(",\"segment_refused\":");
            self.time(moment);
        }
        self.raw("}}");
    }

    fn life(&mut self, life: &Life) {
        self.raw(",\"connection\":{");
        if let Some(opened) = life.opened {
            self.raw("\"opened\":");
            self.time(opened);
            self.raw(",");
        }
        self.raw("\"closed\":");
        self.time(life.closed);
        self.optional(",\"duration_ns\":", life.duration_ns);
        self.number(",\"sent_bytes\":", life.sent_bytes);
        self.number(",\"received_bytes\":", life.received_bytes);
        self.raw(",\"states\":[");
        for (index, spell) in life.states.iter().enumerate() {
            self.raw(if index == 0 { "" } else { "," });
            self.raw("{\"state\":\"");
            self.raw(state::TcpState::from(spell.state).name());
            self.number("\",\"duration_ns\":", spell.duration_ns);
            self.raw("}");
        }
        self.raw("],\"cause\":\"");
        self.raw(state::Cause::from(life.cause).name());
        self.raw("\"}}");
    }

    fn eof(&mut self, eof: &Eof) {
        self.raw(",\"eof\":{");
        if let Some(after) = eof.after_ns {
            self.number("\"after_ns\":", after);
            self.raw(",");
        }
        self.number("\"thread_id\":", eof.thread_id);
        self.raw("}}");
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
        Role::Unknown => "unknown",
    }
}

const fn kind(kind: NetworkType) -> &'static str {
    match kind {
        NetworkType::Ipv4 => "ipv4",
        NetworkType::Ipv6 => "ipv6",
    }
}

const fn attribution(attribution: Attribution) -> &'static str {
    match attribution {
        Attribution::Connect => "connect",
        Attribution::Accept => "accept",
        Attribution::Holder => "holder",
        Attribution::Listener => "listener",
        Attribution::Inherited => "inherited",
        Attribution::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::output::json::{
        Cause, Connection, Container, Executable, SCHEMA, SocketId, Spell, State, Transport, User,
    };
    use finback_core::model::socket::SocketKey;
    use finback_core::model::time::Timestamp;

    fn states() -> impl Strategy<Value = State> {
        (0..=12_u8).prop_filter_map("no such state", |number| {
            state::TcpState::from_kernel(number).map(State::from)
        })
    }

    /// The names of all are compared where they are defined.
    fn causes() -> impl Strategy<Value = Cause> {
        prop::sample::select(vec![Cause::FinReceived, Cause::AppClose, Cause::Unknown])
    }

    fn times() -> impl Strategy<Value = Time> {
        any::<u64>().prop_map(Time::from_unix_nanos)
    }

    prop_compose! {
        fn sockets()(
            sock in any::<u64>(),
            birth in any::<u64>(),
            cookie in any::<Option<u64>>(),
            inode in any::<Option<u64>>(),
            netns in any::<u32>(),
            role in prop::sample::select(vec![Role::Client, Role::Server, Role::Unknown]),
        ) -> Socket {
            let id = SocketId::from(SocketKey { sock, birth: Timestamp::from_nanos(birth) });
            Socket { id, cookie, inode, netns, role }
        }
    }

    prop_compose! {
        fn networks()(
            local in any::<SocketAddr>(),
            peer in any::<SocketAddr>(),
            state in states(),
            peer_state in option::of(states()),
        ) -> Network {
            Network {
                transport: Transport::Tcp,
                kind: NetworkType::from(&local),
                local: local.into(),
                peer: peer.into(),
                connection: Connection { state, peer_state },
            }
        }
    }

    prop_compose! {
        fn processes()(
            pid in any::<u32>(),
            start_time in times(),
            name in any::<String>(),
            path in any::<Option<String>>(),
            command_line in any::<Option<String>>(),
            user in any::<Option<u32>>(),
            attribution in prop::sample::select(vec![
                Attribution::Connect, Attribution::Accept, Attribution::Holder,
                Attribution::Listener, Attribution::Inherited, Attribution::Unknown,
            ]),
        ) -> Process<'static> {
            Process {
                pid,
                start_time,
                executable: Executable { name: name.into(), path: path.map(Into::into) },
                command_line: command_line.map(Into::into),
                user: user.map(|id| User { id }),
                attribution,
            }
        }
    }

    prop_compose! {
        fn subjects()(
            socket in option::of(sockets()),
            network in option::of(networks()),
            process in option::of(processes()),
            peer_process in option::of(processes()),
            cgroup in any::<Option<String>>(),
            container in any::<Option<String>>(),
        ) -> Subject<'static> {
            Subject {
                socket,
                network,
                process,
                peer_process,
                cgroup: cgroup.map(Into::into),
                container: container.map(|id| Container { id: id.into() }),
            }
        }
    }

    fn bodies() -> impl Strategy<Value = Body<'static>> {
        let transition = (
            subjects(),
            states(),
            states(),
            any::<Option<u64>>(),
            causes(),
            option::of(times()),
        )
            .prop_map(
                |(subject, from, to, after_ns, cause, segment_refused)| Body::Transition {
                    subject,
                    transition: Transition {
                        from,
                        to,
                        after_ns,
                        cause,
                        segment_refused,
                    },
                },
            );
        let eof = (subjects(), any::<Option<u64>>(), any::<u32>()).prop_map(
            |(subject, after_ns, thread_id)| Body::Eof {
                subject,
                eof: Eof {
                    after_ns,
                    thread_id,
                },
            },
        );
        let spells = prop::collection::vec((states(), any::<u64>()), 0..6);
        let life = (
            subjects(),
            option::of(times()),
            times(),
            any::<(Option<u64>, u64, u64)>(),
            spells,
            causes(),
        )
            .prop_map(|(subject, opened, closed, numbers, spells, cause)| {
                let (duration_ns, sent_bytes, received_bytes) = numbers;
                let spell = |(state, duration_ns)| Spell { state, duration_ns };
                Body::Connection {
                    subject,
                    connection: Life {
                        opened,
                        closed,
                        duration_ns,
                        sent_bytes,
                        received_bytes,
                        states: spells.into_iter().map(spell).collect(),
                        cause,
                    },
                }
            });
        prop_oneof![transition, eof, life]
    }

    proptest! {
        #[test]
        fn a_line_written_by_hand_is_serde_s(seq in any::<u64>(), time in times(), body in bodies()) {
            let event = Event { schema: SCHEMA, seq, time, body };
            let mut line = Vec::new();
            write_line(&event, &mut line).unwrap();
            let expected = serde_json::to_string(&event).unwrap() + "\n";
            prop_assert_eq!(String::from_utf8(line).unwrap(), expected);
        }
    }
}
