use std::net::SocketAddr;

use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::output::json::{
    Attribution, Cause, Connection, Container, Executable, K8s, Named, Network, Pod, Process, Role,
    SCHEMA, Socket, SocketId, Spell, State, User,
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
        Network::between(local.into(), peer.into(), Connection { state, peer_state })
    }
}

prop_compose! {
    fn processes()(
        (pid, vpid) in any::<(u32, Option<u32>)>(),
        start_time in times(),
        (comm, name, path) in any::<(String, String, Option<String>)>(),
        command_line in any::<Option<String>>(),
        (user, real_user) in any::<(Option<u32>, Option<u32>)>(),
        attribution in prop::sample::select(vec![
            Attribution::Connect, Attribution::Accept, Attribution::Holder,
            Attribution::Listener, Attribution::Inherited, Attribution::Unknown,
        ]),
    ) -> Process<'static> {
        Process {
            pid,
            vpid,
            start_time,
            comm: comm.into(),
            executable: Executable { name: name.into(), path: path.map(Into::into) },
            command_line: command_line.map(Into::into),
            user: user.map(|id| User { id }),
            real_user: real_user.map(|id| User { id }),
            attribution,
        }
    }
}

fn named() -> impl Strategy<Value = Option<Named<'static>>> {
    option::of(any::<String>().prop_map(|name| Named { name: name.into() }))
}

prop_compose! {
    fn containers()(
        id in any::<String>(),
        name in any::<Option<String>>(),
        runtime in named(),
    ) -> Container<'static> {
        Container { id: id.into(), name: name.map(Into::into), runtime }
    }
}

prop_compose! {
    fn pods()(
        (name, uid) in any::<(Option<String>, Option<String>)>(),
        namespace in named(),
        container in named(),
    ) -> K8s<'static> {
        let pod = Pod { name: name.map(Into::into), uid: uid.map(Into::into) };
        K8s { namespace, pod, container }
    }
}

prop_compose! {
    fn subjects()(
        socket in option::of(sockets()),
        network in option::of(networks()),
        process in option::of(processes()),
        peer_process in option::of(processes()),
        (cgroup, unit) in any::<(Option<String>, Option<String>)>(),
        container in option::of(containers()),
        k8s in option::of(pods()),
    ) -> Subject<'static> {
        Subject {
            socket,
            network,
            process,
            peer_process,
            cgroup: cgroup.map(Into::into),
            systemd_unit: unit.map(Into::into),
            container,
            k8s,
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
