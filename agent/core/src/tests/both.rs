//! Both ends of a connection on this host.

use super::*;

/// The client's end of the first connection, held by process 8.
fn far(state: TcpState) -> SocketView {
    SocketView {
        sock: sock(2),
        endpoints: ends(1).reversed(),
        state,
        // Which end it is nobody saw: it may only linger.
        role: Role::Unknown,
        opener: Some(owner(8, Attribution::Connect)),
        inode: Some(2),
        ..held_by(8, drained(2))
    }
}

/// Process and state of the other end in every finding event.
fn shown(world: &World) -> Vec<(Option<u32>, Option<TcpState>)> {
    let connections = world.events.iter().filter_map(about_connection);
    connections
        .map(|(connection, _)| {
            let peer = connection.peer_owner.as_ref();
            (peer.map(|peer| peer.process.id.pid), connection.peer_state)
        })
        .collect()
}

#[test]
fn a_finding_shows_the_other_end_as_the_last_look_saw_it_even_when_that_is_gone() {
    let mut world = World::new();
    world.half_closed(1, 100);
    world.run(14_000, |_| vec![view(1), far(TcpState::FinWait2)]);
    // It is reset: no trace of it is left in the kernel.
    world.run(25_000, |_| vec![view(1)]);
    world.state(26_000, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(world.resolution(), Some(Resolution::ClosedByApp));
    assert_eq!(
        shown(&world),
        [
            (Some(8), Some(TcpState::FinWait2)),
            (Some(8), Some(TcpState::Closed)),
            (Some(8), Some(TcpState::Closed))
        ]
    );
}

#[test]
fn whoever_has_reset_a_connection_has_nothing_left_of_it() {
    let mut world = World::new();
    world.half_closed(1, 100);
    world.run(14_000, |_| vec![view(1), far(TcpState::FinWait2)]);
    world.reset(14_500, 1);
    world.end(14_600, 1);
    assert_eq!(
        shown(&world).last(),
        Some(&(Some(8), Some(TcpState::Closed)))
    );
}

#[test]
fn an_end_in_another_namespace_is_found_if_only_one_has_the_addresses() {
    for (others, expected) in [(1, Some(8)), (2, None)] {
        let mut world = World::new();
        world.half_closed(1, 100);
        world.run(14_000, |_| {
            let elsewhere = |n: u32| {
                let mut far = far(TcpState::FinWait2);
                (far.sock, far.endpoints.netns) = (sock(2 + u64::from(n)), 2 + n);
                far
            };
            let mut all = vec![view(1)];
            all.extend((0..others).map(elsewhere));
            all
        });
        assert_eq!(shown(&world)[0].0, expected, "{others}");
    }
}

#[test]
fn a_younger_connection_between_the_same_addresses_is_not_the_other_end() {
    let mut world = World::new();
    world.half_closed(1, 100);
    world.run(14_000, |_| vec![view(1), far(TcpState::SynSent)]);
    world.state(15_000, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(shown(&world), [(None, None), (None, None)]);
}
