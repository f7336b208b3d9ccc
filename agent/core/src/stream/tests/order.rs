//! Records that are late, missing, repeated, or about other connections.

use super::*;

#[test]
fn a_late_record_is_not_told_and_moves_nothing_back() {
    let mut world = World::new();
    world.state(10, 1, TcpState::Established, TcpState::CloseWait);
    world.state(5, 1, TcpState::SynReceived, TcpState::Established);
    assert_eq!(world.known(), [(key(1, 10), TcpState::CloseWait)]);
    let told = (
        TcpState::Established,
        TcpState::CloseWait,
        Cause::FinReceived,
    );
    assert_eq!(world.transitions, [told]);
    assert_eq!(world.stream.stats().stale, 1);
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
fn a_change_that_two_programs_tell_one_after_the_other_is_told_once() {
    let mut world = World::new();
    world.state(10, 1, TcpState::SynSent, TcpState::Established);
    world.state(11, 1, TcpState::SynSent, TcpState::Established);
    world.state(20, 1, TcpState::Established, TcpState::FinWait1);
    assert_eq!(world.known(), [(key(1, 10), TcpState::FinWait1)]);
    assert_eq!(world.transitions.len(), 2);
}

#[test]
fn changes_at_the_same_moment_follow_their_states() {
    let mut world = World::new();
    world.state(10, 1, TcpState::Established, TcpState::CloseWait);
    world.state(10, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(world.known(), [(key(1, 10), TcpState::LastAck)]);
    world.state(20, 2, TcpState::CloseWait, TcpState::LastAck);
    world.state(20, 2, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.known()[1], (key(2, 20), TcpState::LastAck));
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
    world.state(10, 1, TcpState::LastAck, TcpState::Closed);
    world.ended(10, 1);
    world.state(9, 1, TcpState::CloseWait, TcpState::LastAck);
    world.eof(8, 1);
    world.opened(7, 1, owner(7, Attribution::Accept));
    assert_eq!(world.known(), []);
}

#[test]
fn the_end_is_the_end_though_it_happened_in_the_moment_of_what_came_before() {
    let mut world = World::new();
    world.opened(10, 1, owner(7, Attribution::Accept));
    world.state(10, 1, TcpState::CloseWait, TcpState::Closed);
    world.state(10, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.known(), [(key(1, 10), TcpState::Closed)]);
    let last = world.transitions.last().map(|&(_, to, _)| to);
    assert_eq!(last, Some(TcpState::Closed));
}

#[test]
fn a_closed_socket_stays_until_its_memory_is_freed() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    let reset = StateChange {
        error: 104,
        ..change(1, TcpState::Established, TcpState::Closed)
    };
    world.change(10, 1, reset);
    assert_eq!(world.known(), [(key(1, 1), TcpState::Closed)]);
    world.ended(20, 1);
    assert_eq!(world.known(), []);
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::Established, TcpState::Closed, Cause::RstReceived))
    );
    assert_eq!(world.transitions.len(), 2, "closed is told once");
}

#[test]
fn a_reused_address_ends_the_older_connection() {
    let mut world = World::new();
    world.half_closed(1, 2);
    let birth = change(9, TcpState::SynReceived, TcpState::Established);
    world.change(16_000, 1, birth);
    assert_eq!(
        world.transitions[2..],
        [
            (TcpState::CloseWait, TcpState::Closed, Cause::Unknown),
            (
                TcpState::SynReceived,
                TcpState::Established,
                Cause::Handshake
            )
        ]
    );
    assert_eq!(world.known(), [(key(1, 16_000), TcpState::Established)]);
    world.eof(15_000, 1);
    world.state(15_001, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(world.known(), [(key(1, 16_000), TcpState::Established)]);
    assert_eq!(world.stream.stats().stale, 2);
}

#[test]
fn an_owner_may_come_before_or_after_the_change_it_belongs_to() {
    let mut world = World::new();
    world.opened(11, 1, owner(7, Attribution::Accept));
    world.state(10, 1, TcpState::SynReceived, TcpState::Established);
    assert_eq!(world.known(), [(key(1, 11), TcpState::Established)]);
    assert_eq!(world.transitions.len(), 1);
    world.opened(30, 1, owner(8, Attribution::Holder));
    let shown = world.view(key(1, 11));
    assert_eq!(shown.connection.owner.unwrap().process.id.pid, 7);
    assert_eq!(shown.entered, Some(at(10)));
}

#[test]
fn an_opening_between_other_addresses_ends_the_older_connection() {
    let mut world = World::new();
    world.half_closed(1, 2);
    let open = Open {
        endpoints: ends(9),
        state: TcpState::SynSent,
        role: Role::Client,
        owner: owner(8, Attribution::Connect),
        inode: None,
    };
    world.tell(50, sock(1), What::Open(open));
    let told = (TcpState::CloseWait, TcpState::Closed, Cause::Unknown);
    assert_eq!(world.transitions.last(), Some(&told));
    assert_eq!(world.known(), [(key(1, 50), TcpState::SynSent)]);
}

#[test]
fn a_connection_that_goes_back_is_another_one() {
    let mut world = World::new();
    world.half_closed(1, 2);
    // The end of the first and the beginning of the second are lost; the addresses are the same.
    world.state(50, 1, TcpState::Established, TcpState::FinWait1);
    assert_eq!(world.known(), [(key(1, 50), TcpState::FinWait1)]);
    let told: Vec<_> = world.transitions.iter().map(|&(_, to, _)| to).collect();
    assert_eq!(told[2..], [TcpState::Closed, TcpState::FinWait1]);
}

#[test]
fn sockets_that_are_named_by_their_cookie_are_followed() {
    let mut seed = view(1, TcpState::CloseWait);
    seed.sock = 4711;
    seed.cookie = Some(4711);
    let world = World::seeded(&Settings::default(), everything(), vec![seed]);
    let views: Vec<_> = world.stream.connections().collect();
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].connection.key.sock, 4711);
    let owner = views[0].connection.owner.as_ref().unwrap();
    assert_eq!(
        (owner.process.id.pid, owner.attribution),
        (7, Attribution::Holder)
    );
}

#[test]
fn a_record_of_the_first_moment_is_no_special_case() {
    let mut world = World::new();
    let birth = change(1, TcpState::SynReceived, TcpState::Established);
    let time = Timestamp::default();
    let what = What::State(birth);
    let observation = Observation {
        time,
        sock: sock(1),
        what,
    };
    world.stream = Stream::new(&Settings::default(), everything(), time);
    world.stream.handle(&observation, time, &mut world.out);
    world.drain();
    assert_eq!(world.transitions.len(), 1);
    assert_eq!(world.stream.stats().connections, 1);
}

#[test]
fn records_of_seeded_sockets_are_told_once_they_arrive() {
    let seed = view(1, TcpState::CloseWait);
    let mut world = World::seeded(&Settings::default(), everything(), vec![seed]);
    assert!(world.transitions.is_empty());
    world.state(0, 1, TcpState::Established, TcpState::CloseWait);
    world.state(0, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.transitions.len(), 1);
}

#[test]
fn a_seeded_socket_has_its_opener_s_moment_for_its_birth_or_the_name_that_it_has_elsewhere() {
    let mut opened = view(1, TcpState::Established);
    opened.opener = Some(Owner {
        since: Timestamp::from_nanos(5),
        ..owner(7, Attribution::Accept)
    });
    let look = snapshot(
        10,
        vec![
            opened,
            view(2, TcpState::CloseWait),
            view(3, TcpState::CloseWait),
        ],
    );
    let mut world = World::new();
    world.stream = Stream::new(&Settings::default(), everything(), at(5));
    let names = |found: u64, _| (found == sock(2)).then(|| key(2, 1));
    world
        .stream
        .handle_look(&look, &names, at(11), &mut world.out);
    let births: Vec<_> = world.known().iter().map(|(key, _)| key.birth).collect();
    assert_eq!(births, [Timestamp::from_nanos(5), at(1), at(10)]);
    assert_eq!(
        world.stream.known(sock(2), ends(2)).map(|known| known.0),
        Some(key(2, 1))
    );
    assert_eq!(world.stream.known(sock(2), ends(7)), None);
}

#[test]
fn a_state_that_was_not_asked_for_is_no_hole() {
    let asked = Interest::in_states([TcpState::Established, TcpState::Closed]);
    let mut world = World::with(&Settings::default(), asked);
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    let closed = StateChange {
        entered: Some(at(40)),
        ..change(1, TcpState::LastAck, TcpState::Closed)
    };
    world.change(50, 1, closed);
    assert_eq!(
        world.transitions,
        [
            (
                TcpState::SynReceived,
                TcpState::Established,
                Cause::Handshake
            ),
            (TcpState::LastAck, TcpState::Closed, Cause::Finished),
        ]
    );
    assert_eq!(world.stream.stats().holes, 0);
    let Some(Body::Transition { transition, .. }) = world.events.last().map(|e| &e.body) else {
        panic!("the end is told last")
    };
    assert_eq!(transition.after, Some(Duration::from_millis(10)));
}

#[test]
fn changes_of_a_marked_socket_that_nobody_asked_for_are_not_told_and_confuse_nothing() {
    let asked = Interest::in_states([TcpState::Established, TcpState::Closed]);
    let mut world = World::with(&Settings::default(), asked);
    world.half_closed(1, 20);
    world.state(30, 1, TcpState::CloseWait, TcpState::LastAck);
    world.state(40, 1, TcpState::LastAck, TcpState::Closed);
    assert_eq!(world.transitions.len(), 2);
    assert_eq!(world.known(), [(key(1, 1), TcpState::Closed)]);
}

#[test]
fn the_next_record_makes_up_for_a_lost_one() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    let left = StateChange {
        entered: Some(at(20)),
        ..change(1, TcpState::CloseWait, TcpState::LastAck)
    };
    world.change(30, 1, left);
    // It was only late.
    world.state(20, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(
        world.transitions[1..],
        [
            (TcpState::Established, TcpState::CloseWait, Cause::Resync),
            (TcpState::CloseWait, TcpState::LastAck, Cause::FinSent),
        ]
    );
    assert_eq!(world.times(key(1, 1))[1..], [at(20), at(30)]);
    assert_eq!(world.stream.stats().holes, 1);
}

#[test]
fn what_was_entered_before_anybody_asked_is_not_made_up_for() {
    let mut world = World::new();
    world.stream = Stream::new(&Settings::default(), everything(), at(100));
    let left = StateChange {
        entered: Some(at(20)),
        ..change(1, TcpState::CloseWait, TcpState::LastAck)
    };
    world.change(130, 1, left);
    assert_eq!(world.transitions.len(), 1);
}

#[test]
fn both_ends_on_this_host_name_each_other() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.opened(2, 1, owner(7, Attribution::Accept));
    let mut other = change(2, TcpState::SynSent, TcpState::Established);
    other.endpoints = Endpoints {
        netns: 2,
        ..ends(1).reversed()
    };
    world.change(3, 2, other);
    let shown = world.view(key(2, 3));
    assert_eq!(shown.connection.peer_owner.unwrap().process.id.pid, 7);
}

#[test]
fn the_same_addresses_in_two_namespaces_are_not_mixed_up() {
    let mut world = World::new();
    for n in [1, 2] {
        let mut birth = change(1, TcpState::SynReceived, TcpState::Established);
        birth.endpoints.netns = u32::try_from(n).unwrap();
        let open = Open {
            endpoints: birth.endpoints,
            state: TcpState::Established,
            role: Role::Server,
            owner: owner(7, Attribution::Accept),
            inode: None,
        };
        world.change(n, n, birth);
        world.tell(n, sock(n), What::Open(open));
    }
    let mut other = change(3, TcpState::SynSent, TcpState::Established);
    other.endpoints = Endpoints {
        netns: 3,
        ..ends(1).reversed()
    };
    world.change(3, 3, other);
    assert_eq!(world.known().len(), 3);
    let shown = world.view(key(3, 3));
    assert_eq!(shown.connection.peer_owner, None, "two could be meant");
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
    world.tell(50, sock(1), what);
    world.state(100, 1, TcpState::Established, TcpState::CloseWait);
    world.state(200, 1, TcpState::CloseWait, TcpState::LastAck);
    let refused = |event: &Event| match &event.body {
        Body::Transition { transition, .. } => Some(transition.segment_refused),
        _ => None,
    };
    let refused: Vec<_> = world.events.iter().filter_map(refused).collect();
    assert_eq!(refused, [None, Some(at(50)), None]);
}

#[test]
fn the_end_of_stream_is_told_once_with_its_age() {
    let mut world = World::new();
    world.half_closed(1, 20);
    world.eof(50, 1);
    world.eof(60, 1);
    let eofs: Vec<_> = world
        .events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Eof { after, thread, .. } => Some((event.time, *after, *thread)),
            _ => None,
        })
        .collect();
    assert_eq!(eofs, [(at(50), Some(Duration::from_millis(30)), 7)]);
}

#[test]
fn who_did_not_ask_for_ends_of_streams_is_not_told() {
    let mut world = World::with(&Settings::default(), lives());
    world.half_closed(1, 20);
    world.eof(50, 1);
    assert_eq!(world.events, []);
}
