//! Records that are late, missing, repeated, or about other connections.

use super::*;

fn known(world: &World) -> Vec<(SocketKey, TcpState)> {
    world
        .tracker
        .connections()
        .map(|view| (view.connection.key, view.connection.state))
        .collect()
}

#[test]
fn a_late_record_is_not_told_and_moves_nothing_back() {
    let mut world = World::new();
    world.state(10, 1, TcpState::Established, TcpState::CloseWait);
    world.state(5, 1, TcpState::SynReceived, TcpState::Established);
    assert_eq!(known(&world), [(key(1), TcpState::CloseWait)]);
    assert_eq!(
        world.transitions,
        [(
            TcpState::Established,
            TcpState::CloseWait,
            Cause::FinReceived
        )]
    );
    assert_eq!(world.tracker.stats().stale, 1);
}

#[test]
fn a_repeated_record_and_a_self_loop_say_nothing() {
    let mut world = World::new();
    world.state(10, 1, TcpState::Established, TcpState::FinWait2);
    world.state(10, 1, TcpState::Established, TcpState::FinWait2);
    world.state(11, 1, TcpState::FinWait2, TcpState::FinWait2);
    assert_eq!(world.transitions.len(), 1);
}

#[test]
fn changes_at_the_same_moment_follow_their_states() {
    let mut world = World::new();
    world.state(10, 1, TcpState::Established, TcpState::CloseWait);
    world.state(10, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(known(&world), [(key(1), TcpState::LastAck)]);
    world.state(20, 2, TcpState::CloseWait, TcpState::LastAck);
    world.state(20, 2, TcpState::Established, TcpState::CloseWait);
    assert_eq!(known(&world)[1], (key(2), TcpState::LastAck));
    assert_eq!(
        world.transitions.len(),
        3,
        "the last one told is the latest"
    );
}

#[test]
fn the_end_is_the_end_though_a_record_comes_after_it() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    let mut end = change(1, TcpState::LastAck, TcpState::Closed);
    end.dead = true;
    world.tell(10, key(1), What::State(end));
    world.state(9, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(known(&world), []);
}

#[test]
fn the_end_is_the_end_though_it_happened_in_the_moment_of_what_came_before() {
    let mut world = World::new();
    world.owned(10, 1, owner(7, Attribution::Accept));
    world.state(10, 1, TcpState::CloseWait, TcpState::Closed);
    world.state(10, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(known(&world), [(key(1), TcpState::Closed)]);
    let last = world.transitions.last().map(|&(_, to, _)| to);
    assert_eq!(last, Some(TcpState::Closed));
}

#[test]
fn a_closed_socket_stays_until_its_memory_is_freed() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    let mut reset = change(1, TcpState::Established, TcpState::Closed);
    reset.error = 104;
    world.tell(10, key(1), What::State(reset));
    assert_eq!(known(&world), [(key(1), TcpState::Closed)]);
    world.tell(20, key(1), What::Gone);
    assert_eq!(known(&world), []);
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::Established, TcpState::Closed, Cause::RstReceived))
    );
    assert_eq!(world.transitions.len(), 2, "closed is told once");
}

#[test]
fn a_reused_address_ends_the_older_connection() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(15_000, |_| vec![view(1)]);
    let younger = SocketKey {
        birth: at(16_000),
        ..key(1)
    };
    let birth = change(9, TcpState::SynReceived, TcpState::Established);
    world.tell(16_000, younger, What::State(birth));
    assert_eq!(world.resolution(), Some(Resolution::Resync));
    assert_eq!(known(&world), [(younger, TcpState::Established)]);
    world.eof(16_001, 1);
    world.state(16_002, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(known(&world), [(younger, TcpState::Established)]);
}

#[test]
fn an_owner_may_come_before_or_after_the_change_it_belongs_to() {
    let mut world = World::new();
    world.owned(11, 1, owner(7, Attribution::Accept));
    world.state(10, 1, TcpState::SynReceived, TcpState::Established);
    assert_eq!(known(&world), [(key(1), TcpState::Established)]);
    assert_eq!(world.transitions.len(), 1);
    world.owned(30, 1, owner(8, Attribution::Holder));
    let shown = world.tracker.connections().next().unwrap();
    assert_eq!(shown.connection.owner.unwrap().process.id.pid, 7);
    assert_eq!(shown.entered, Some(at(10)));
}

#[test]
fn a_socket_that_the_kernel_cannot_follow_is_told_but_not_judged() {
    let mut world = World::new();
    let nameless = SocketKey {
        birth: Timestamp::default(),
        ..key(1)
    };
    let fin = change(1, TcpState::Established, TcpState::CloseWait);
    world.tell(10, nameless, What::State(fin));
    assert_eq!(world.transitions.len(), 1);
    assert_eq!(known(&world), []);
    assert_eq!(world.tracker.poll_timeout(), None);
}

#[test]
fn a_full_table_counts_what_it_does_not_follow() {
    let mut world = World::with(Settings {
        max_connections: 1,
        ..Settings::default()
    });
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.state(2, 2, TcpState::SynReceived, TcpState::Established);
    assert_eq!(world.tracker.stats().connections, 1);
    assert_eq!(world.tracker.stats().overflow, 1);
    assert_eq!(world.transitions.len(), 2);
}

#[test]
fn records_of_seeded_sockets_are_told_once_they_arrive() {
    let mut seed = view(1);
    seed.changed = Some(at(0));
    let mut world = World::seeded(Settings::default(), vec![seed]);
    assert!(world.transitions.is_empty());
    world.state(0, 1, TcpState::Established, TcpState::CloseWait);
    world.state(0, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.transitions.len(), 1);
    assert_eq!(
        world.tracker.connections().next().unwrap().fin_at,
        Some(at(0))
    );
}

#[test]
fn both_ends_on_this_host_name_each_other() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.owned(2, 1, owner(7, Attribution::Accept));
    let mut other = change(2, TcpState::SynSent, TcpState::Established);
    other.endpoints = Endpoints {
        netns: 2,
        ..ends(1).reversed()
    };
    world.tell(3, key(2), What::State(other));
    let shown = world.tracker.connections().nth(1).unwrap();
    assert_eq!(shown.connection.peer_owner.unwrap().process.id.pid, 7);
}

#[test]
fn the_same_addresses_in_two_namespaces_are_not_mixed_up() {
    let mut world = World::new();
    for n in [1, 2] {
        let mut birth = change(1, TcpState::SynReceived, TcpState::Established);
        birth.endpoints.netns = u32::try_from(n).unwrap();
        world.tell(n, key(n), What::State(birth));
    }
    let mut other = change(3, TcpState::SynSent, TcpState::Established);
    other.endpoints = Endpoints {
        netns: 3,
        ..ends(1).reversed()
    };
    world.tell(3, key(3), What::State(other));
    assert_eq!(world.tracker.connections().count(), 3);
    let shown = world.tracker.connections().nth(2).unwrap();
    assert_eq!(shown.connection.peer_owner, None, "two could be meant");
}

#[test]
fn a_connection_costs_less_than_400_bytes() {
    // Both indexes hold 16 bytes and a control byte at a load of at least 7/16, the timers 16 at half load.
    let indexes = 2 * 17 * 16 / 7 + 32;
    let connection = size_of::<Option<crate::table::Tracked>>();
    assert!(connection + indexes <= 400, "{connection} + {indexes}");
}

#[test]
fn a_refused_segment_is_shown_with_the_next_change_once() {
    let mut world = World::new();
    world.state(0, 1, TcpState::SynReceived, TcpState::Established);
    let what = What::Segment {
        fin: true,
        rst: false,
        seq: 2_000,
        rcv_nxt: 1_000,
    };
    world.tell(50, key(1), what);
    world.state(100, 1, TcpState::Established, TcpState::CloseWait);
    world.state(200, 1, TcpState::CloseWait, TcpState::LastAck);
    let refused: Vec<_> = world
        .events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Transition { transition, .. } => Some(transition.segment_refused),
            Body::Finding { .. }
            | Body::Eof { .. }
            | Body::ProcessFinding { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => None,
        })
        .collect();
    assert_eq!(refused, [None, Some(at(50)), None]);
}
