//! Both ends of a connection on this host.

use super::*;

/// A client's end of the first connection, held by process 8 and born at `ms`.
struct Far {
    key: SocketKey,
    change: StateChange,
}

impl Far {
    fn connected(world: &mut World, ms: u64) -> Self {
        let mut change = change(2, TcpState::SynSent, TcpState::Established);
        change.endpoints = ends(1).reversed();
        change.role = Role::Client;
        let key = SocketKey {
            birth: at(ms),
            ..key(2)
        };
        let what = What::Owner {
            endpoints: change.endpoints,
            state: TcpState::SynSent,
            role: Role::Client,
            owner: owner(8, Attribution::Connect),
            inode: None,
        };
        world.tell(ms, key, what);
        world.tell(ms, key, What::State(change.clone()));
        Self { key, change }
    }

    fn goes(&self, world: &mut World, ms: u64, from: TcpState, to: TcpState) {
        let change = StateChange {
            from,
            to,
            error: if to == TcpState::Closed { 104 } else { 0 },
            dead: true,
            ..self.change.clone()
        };
        world.tell(ms, self.key, What::State(change));
    }
}

/// Process and state of the other end in every finding event.
fn shown(world: &World) -> Vec<(Option<u32>, Option<TcpState>)> {
    let connections = world.events.iter().filter_map(|event| match &event.body {
        Body::Finding { connection, .. } => Some(connection),
        Body::Transition { .. }
        | Body::Eof { .. }
        | Body::ProcessFinding { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => None,
    });
    connections
        .map(|connection| {
            let peer = connection.peer_owner.as_ref();
            (peer.map(|peer| peer.process.id.pid), connection.peer_state)
        })
        .collect()
}

#[test]
fn a_finding_shows_the_state_of_the_other_end_even_when_that_is_gone() {
    let mut world = World::new();
    world.half_closed(1, 100);
    let far = Far::connected(&mut world, 0);
    far.goes(&mut world, 99, TcpState::Established, TcpState::FinWait2);
    world.run(14_000, |_| vec![view(1)]);
    // It is reset: no trace of it is left in the kernel.
    far.goes(&mut world, 14_500, TcpState::FinWait2, TcpState::Closed);
    world.state(15_000, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(world.resolution(), Some(Resolution::ClosedByApp));
    assert_eq!(
        shown(&world),
        [
            (Some(8), Some(TcpState::FinWait2)),
            (Some(8), Some(TcpState::Closed))
        ]
    );
}

#[test]
fn time_wait_remembers_whose_the_other_end_was() {
    let mut world = World::new();
    world.state(0, 1, TcpState::SynReceived, TcpState::Established);
    world.opened(0, 1, owner(7, Attribution::Accept));
    let far = Far::connected(&mut world, 0);
    world.state(10, 1, TcpState::Established, TcpState::FinWait1);
    far.goes(&mut world, 20, TcpState::Established, TcpState::Closed);
    let endpoints = ends(1);
    let substate = TcpState::TimeWait;
    world.tell(
        30,
        key(1),
        What::TimeWaitEntered {
            endpoints,
            substate,
        },
    );
    let Some(Body::Transition { connection, .. }) = world.events.last().map(|event| &event.body)
    else {
        panic!("a transition is the last event")
    };
    assert_eq!(connection.state, TcpState::TimeWait);
    let peer = connection.peer_owner.as_ref();
    assert_eq!(peer.map(|peer| peer.process.id.pid), Some(8));
}

#[test]
fn a_younger_connection_between_the_same_addresses_is_not_the_other_end() {
    let mut world = World::new();
    world.half_closed(1, 100);
    let next = Far::connected(&mut world, 5_000);
    world.run(14_000, |_| vec![view(1)]);
    next.goes(&mut world, 14_100, TcpState::Established, TcpState::Closed);
    world.state(15_000, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(shown(&world), [(None, None), (None, None)]);
}
