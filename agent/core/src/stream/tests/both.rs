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
        let open = Open {
            endpoints: change.endpoints,
            state: TcpState::SynSent,
            role: Role::Client,
            owner: owner(8, Attribution::Connect),
            inode: None,
        };
        world.tell(ms, sock(2), What::Open(open));
        world.change(ms, 2, change.clone());
        let key = key(2, ms);
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
        world.change(ms, 2, change);
        if to == TcpState::Closed {
            let endpoints = self.change.endpoints;
            let end = End {
                endpoints,
                ..end(2)
            };
            world.tell(ms, self.key.sock, What::End(end));
        }
    }
}

/// Process at the other end in the last event.
fn peer(world: &World) -> Option<u32> {
    let connection = world.events.last().and_then(connection).unwrap();
    let peer = connection.peer_owner.as_ref();
    peer.map(|peer| peer.process.id.pid)
}

#[test]
fn the_other_end_is_known_and_remembered_when_it_is_gone() {
    let mut world = World::new();
    world.half_closed(1, 100);
    let far = Far::connected(&mut world, 0);
    far.goes(&mut world, 99, TcpState::Established, TcpState::FinWait2);
    let state = |world: &World| {
        let other = world.stream.other_end(sock(1), ends(1)).unwrap();
        (other.owner.map(|owner| owner.process.id.pid), other.state)
    };
    assert_eq!(state(&world), (Some(8), TcpState::FinWait2));
    // It is reset: no trace of it is left in the kernel.
    far.goes(&mut world, 14_500, TcpState::FinWait2, TcpState::Closed);
    world.state(15_000, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(state(&world), (Some(8), TcpState::Closed));
    assert_eq!(peer(&world), Some(8));
}

#[test]
fn time_wait_remembers_whose_the_other_end_was() {
    let mut world = World::new();
    world.state(0, 1, TcpState::SynReceived, TcpState::Established);
    world.opened(0, 1, owner(7, Attribution::Accept));
    let far = Far::connected(&mut world, 0);
    world.state(10, 1, TcpState::Established, TcpState::FinWait1);
    far.goes(&mut world, 20, TcpState::Established, TcpState::Closed);
    let entered = What::TimeWaitEntered {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    };
    world.tell(30, sock(1), entered);
    let shown = world.events.last().and_then(connection).unwrap();
    assert_eq!(shown.state, TcpState::TimeWait);
    assert_eq!(peer(&world), Some(8));
}

#[test]
fn the_last_to_close_knows_the_owner_of_the_other_end_in_time_wait() {
    let mut world = World::new();
    world.half_closed(1, 100);
    let far = Far::connected(&mut world, 0);
    let endpoints = ends(1).reversed();
    let entered = What::TimeWaitEntered {
        endpoints,
        substate: TcpState::TimeWait,
    };
    world.tell(200, far.key.sock, entered);
    let end = End {
        endpoints,
        ..end(2)
    };
    world.tell(201, far.key.sock, What::End(end));
    world.state(210, 1, TcpState::LastAck, TcpState::Closed);
    assert_eq!(peer(&world), Some(8));
}

#[test]
fn a_younger_connection_between_the_same_addresses_is_not_the_other_end() {
    let mut world = World::new();
    world.half_closed(1, 100);
    let next = Far::connected(&mut world, 5_000);
    assert_eq!(world.stream.other_end(sock(1), ends(1)), None);
    next.goes(&mut world, 14_100, TcpState::Established, TcpState::Closed);
    world.state(15_000, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(peer(&world), None);
}
