//! How much is followed, and what it takes.

use super::*;

#[test]
fn a_full_table_tells_what_it_does_not_follow_and_that_it_does_not() {
    let settings = Settings {
        max_connections: 1,
        ..Settings::default()
    };
    let mut world = World::with(&settings, everything());
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.state(2, 2, TcpState::SynReceived, TcpState::Established);
    assert_eq!(world.stream.stats().connections, 1);
    assert_eq!(world.stream.stats().overflow, 1);
    assert_eq!(world.transitions.len(), 2);
    world.run(2);
    world.state(3, 3, TcpState::SynReceived, TcpState::Established);
    world.state(4, 4, TcpState::SynReceived, TcpState::Established);
    world.run(5_000);
    assert_eq!(losses(&world), [(at(2), 1), (at(1_002), 2)]);
}

/// When records were told to be lost because of a full table, and how many.
fn losses(world: &World) -> Vec<(Timestamp, u64)> {
    let lost = |event: &Event| match &event.body {
        Body::Lost { loss, .. } if loss.reason == "table_full" => Some((event.time, loss.records)),
        _ => None,
    };
    world.events.iter().filter_map(lost).collect()
}

#[test]
fn time_wait_takes_no_room_from_connections() {
    let settings = Settings {
        max_connections: 10,
        max_minisocks: 50,
        ..Settings::default()
    };
    let mut world = World::with(&settings, everything());
    for n in 0..100 {
        let ms = 10 * (n + 1);
        world.state(ms, n, TcpState::SynReceived, TcpState::Established);
        let entered = What::TimeWaitEntered {
            endpoints: ends(n),
            substate: TcpState::TimeWait,
        };
        world.tell(ms + 1, sock(n), entered);
        world.state(ms + 2, n, TcpState::FinWait2, TcpState::Closed);
        world.ended(ms + 2, n);
    }
    let stats = world.stream.stats();
    assert_eq!((stats.connections, stats.minisocks), (0, 50));
    world.state(2_000, 200, TcpState::SynReceived, TcpState::Established);
    assert!(
        world
            .known()
            .contains(&(key(200, 2_000), TcpState::Established))
    );
    world.run(3_000);
    let told: u64 = losses(&world).iter().map(|&(_, records)| records).sum();
    assert_eq!(told, 50, "those that there was no room for");
    let entries = world
        .transitions
        .iter()
        .filter(|&&(_, to, _)| to == TcpState::TimeWait);
    assert_eq!(entries.count(), 100, "each was told");
}

#[test]
fn a_connection_costs_less_than_400_bytes() {
    // Both indexes hold 16 bytes and a control byte at a load of at least 7/16.
    let indexes = 2 * 17 * 16 / 7;
    let connection = crate::stream::table::SIZE;
    assert!(connection + indexes <= 400, "{connection} + {indexes}");
}

#[test]
fn after_a_surge_its_memory_is_given_back_while_others_come_and_go() {
    let mut world = World::with(&Settings::default(), everything());
    let open = |world: &mut World, ms, n| {
        world.state(ms, n, TcpState::SynReceived, TcpState::Established);
    };
    let close = |world: &mut World, ms, n| {
        world.state(ms, n, TcpState::LastAck, TcpState::Closed);
        world.ended(ms, n);
    };
    (0..1_000).for_each(|n| open(&mut world, 10 + n, n));
    // The last ones stay when the others have gone, and others follow them.
    (0..990).for_each(|n| close(&mut world, 2_000 + n, n));
    for n in 990..1_000 {
        open(&mut world, 4_000 + n, n + 1_000);
        close(&mut world, 5_000 + n, n);
    }
    assert_eq!(world.stream.stats().connections, 10);
    world.stream.shrink_to_fit();
    assert!(world.stream.capacity() < 50, "{}", world.stream.capacity());
    for n in 1_990..2_000 {
        close(&mut world, 5_000 + n, n);
    }
    assert_eq!(world.stream.stats().connections, 0);
}
