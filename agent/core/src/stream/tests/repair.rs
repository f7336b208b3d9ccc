//! Comparison with the kernel.

use super::*;

impl World {
    /// What a comparison with this look comes to.
    fn compare(&mut self, ms: u64, snapshot: &Snapshot) -> (u64, u64) {
        let told = self.events.len();
        let loss = loss("ring_full");
        self.stream.handle_loss(loss, snapshot.taken, &mut self.out);
        self.stream.looking(true);
        self.look(ms, snapshot);
        let resync = |event: &Event| match event.body {
            Body::Resync {
                sockets, corrected, ..
            } => Some((sockets, corrected)),
            _ => None,
        };
        self.events[told..].iter().rev().find_map(resync).unwrap()
    }
}

fn half(n: u64, fin: u64) -> SocketView {
    SocketView {
        half: Some(Box::new(HalfClosed::at(at(fin)))),
        ..view(n, TcpState::CloseWait)
    }
}

fn established(n: u64) -> SocketView {
    view(n, TcpState::Established)
}

fn unheld(state: TcpState, minisock: bool) -> UnheldList {
    let endpoints = ends(1);
    listed(vec![Unheld {
        endpoints,
        state,
        minisock,
    }])
}

#[test]
fn a_comparison_corrects_adds_and_removes() {
    let mut world = World::new();
    for n in [1, 2] {
        world.state(1, n, TcpState::SynReceived, TcpState::Established);
    }
    let told = world.transitions.len();
    let found = snapshot(100, vec![half(1, 50), established(3)]);
    assert_eq!(world.compare(101, &found), (2, 3));
    assert_eq!(
        world.transitions[told..],
        [
            (TcpState::Established, TcpState::CloseWait, Cause::Resync),
            (TcpState::Closed, TcpState::Established, Cause::Resync),
            (TcpState::Established, TcpState::Closed, Cause::Resync),
        ]
    );
    assert_eq!(world.times(key(1, 1)), [at(1), at(50)]);
    let again = snapshot(200, vec![half(1, 50), established(3)]);
    assert_eq!(world.compare(201, &again), (2, 0));
}

#[test]
fn a_connection_that_was_met_in_use_is_told_by_the_comparison() {
    let mut world = World::new();
    // The record of the handshake is lost, that of the first use is not.
    world.opened(20, 1, owner(7, Attribution::Accept));
    assert_eq!(world.transitions, []);
    let found = snapshot(100, vec![established(1)]);
    assert_eq!(world.compare(101, &found), (1, 1));
    assert_eq!(
        world.transitions,
        [(TcpState::Closed, TcpState::Established, Cause::Resync)]
    );
    assert_eq!(world.compare(201, &found), (1, 0));
    world.state(10, 1, TcpState::SynReceived, TcpState::Established);
    assert_eq!(world.transitions.len(), 1);
}

#[test]
fn a_change_during_the_look_is_told_once() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    // The look begins at 100 and comes to the socket at 110; its FIN came at 105, and that record is late.
    let mut found = snapshot(100, vec![view(1, TcpState::CloseWait)]);
    found.took = Duration::from_millis(20);
    world.compare(121, &found);
    world.state(105, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.transitions.len(), 2);
    world.state(112, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(world.transitions.len(), 3);
    assert!(world.times(key(1, 1)).is_sorted());
}

#[test]
fn a_record_older_than_the_comparison_that_told_the_state_is_not_told_after_it() {
    let mut world = World::new();
    world.compare(101, &snapshot(100, vec![established(3)]));
    let told = world.transitions.len();
    world.state(50, 3, TcpState::SynSent, TcpState::Established);
    world.state(49, 3, TcpState::Closed, TcpState::SynSent);
    assert_eq!(world.transitions.len(), told);
}

#[test]
fn the_entry_into_time_wait_that_a_comparison_has_overtaken_says_nothing() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    let mut found = snapshot(100, Vec::new());
    found.unheld = Some(unheld(TcpState::TimeWait, true));
    world.compare(101, &found);
    let told = world.transitions.len();
    let entered = What::TimeWaitEntered {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    };
    world.tell(50, sock(1), entered);
    assert_eq!(world.transitions[told..], []);
}

#[test]
fn a_comparison_never_undoes_what_happened_after_it() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.state(1, 2, TcpState::SynReceived, TcpState::Established);
    world.lost(50);
    world.stream.looking(true);
    world.state(110, 1, TcpState::Established, TcpState::CloseWait);
    world.state(111, 2, TcpState::Established, TcpState::Closed);
    world.ended(111, 2);
    world.state(112, 3, TcpState::SynReceived, TcpState::Established);
    let found = snapshot(100, vec![established(1), established(2)]);
    assert_eq!(world.compare(120, &found), (2, 0));
    assert_eq!(
        world.known(),
        [
            (key(1, 1), TcpState::CloseWait),
            (key(3, 112), TcpState::Established)
        ]
    );
}

#[test]
fn a_connection_that_another_replaced_during_the_comparison_ends_after_what_it_did() {
    let mut world = World::new();
    world.half_closed(1, 2);
    // The comparison begins at 1,000; this happens before it gets to the socket, whose address is reused by then.
    world.eof(990, 1);
    let next = SocketView {
        endpoints: ends(2),
        ..established(1)
    };
    world.compare(1_030, &snapshot(1_000, vec![next]));
    let times = world.times(key(1, 1));
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(times.last(), Some(&at(1_000)), "it was told to have ended");
    assert_eq!(world.known(), [(key(1, 1_000), TcpState::Established)]);
}

#[test]
fn a_minisock_that_made_room_during_the_comparison_left_no_earlier_than_it_came() {
    let mut world = World::new();
    world.state(1, 1, TcpState::Established, TcpState::FinWait1);
    let entered = What::TimeWaitEntered {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    };
    world.tell(990, sock(1), entered);
    // The comparison began at 1,000 and finds the same addresses in use again.
    let next = SocketView {
        sock: sock(2),
        ..established(1)
    };
    world.compare(1_030, &snapshot(1_000, vec![next]));
    let times = world.times(key(1, 1));
    assert_eq!(times.len(), 3, "in, into TIME_WAIT and out");
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn a_comparison_begun_before_time_wait_does_not_bring_the_full_socket_back() {
    let mut world = World::new();
    world.state(1, 1, TcpState::Established, TcpState::FinWait1);
    // Due to a loss the stream waits for a comparison, which begins at 1,000.
    world.lost(900);
    world.stream.looking(true);
    let entered = What::TimeWaitEntered {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    };
    world.tell(1_010, sock(1), entered);
    world.state(1_011, 1, TcpState::FinWait2, TcpState::Closed);
    world.ended(1_011, 1);
    let told = world.transitions.len();
    let mut found = snapshot(1_000, vec![view(1, TcpState::FinWait1)]);
    found.unheld = Some(unheld(TcpState::TimeWait, true));
    world.compare(1_030, &found);
    assert_eq!(world.transitions[told..], []);
}

#[test]
fn an_orphan_that_is_still_closing_stays() {
    let mut world = World::new();
    world.half_closed(1, 2);
    world.state(3, 1, TcpState::CloseWait, TcpState::LastAck);
    let mut found = snapshot(100, Vec::new());
    found.unheld = Some(unheld(TcpState::LastAck, false));
    assert_eq!(world.compare(101, &found), (0, 0));
    assert_eq!(world.known(), [(key(1, 1), TcpState::LastAck)]);
    assert_eq!(world.compare(201, &snapshot(200, Vec::new())), (0, 1));
    assert_eq!(world.known(), []);
}

#[test]
fn without_the_list_of_what_has_no_descriptor_nothing_is_taken_for_gone() {
    let mut world = World::new();
    world.half_closed(1, 2);
    world.state(3, 1, TcpState::CloseWait, TcpState::LastAck);
    world.lost(50);
    let held = Snapshot {
        unheld: None,
        ..snapshot(100, Vec::new())
    };
    world.look(101, &held);
    assert_eq!(world.known(), [(key(1, 1), TcpState::LastAck)]);
}

/// Such as one that may not be entered, or one that only a descriptor holds.
#[test]
fn nothing_is_taken_for_gone_in_a_namespace_that_was_not_listed() {
    let mut world = World::new();
    world.half_closed(1, 2);
    world.state(3, 1, TcpState::CloseWait, TcpState::LastAck);
    let mut found = snapshot(100, vec![established(2)]);
    found.unheld = Some(UnheldList {
        namespaces: vec![7],
        sockets: Vec::new(),
    });
    assert_eq!(world.compare(101, &found), (1, 1), "what is found counts");
    assert_eq!(world.known()[0], (key(1, 1), TcpState::LastAck));
    assert_eq!(due(&world.stream), None, "no other look would tell more");
}

#[test]
fn a_process_had_no_part_in_what_happened_before_it_started() {
    let mut world = World::new();
    let child = Holder {
        process: Arc::new(Process {
            id: ProcessId {
                pid: 9,
                start: at(50),
            },
            ..(*process(9)).clone()
        }),
        fd: 4,
    };
    let found = SocketView {
        holders: vec![child],
        ..half(1, 10)
    };
    world.compare(110, &snapshot(100, vec![found]));
    let told = world.events.iter().find_map(|event| {
        let Body::Transition { connection, .. } = &event.body else {
            return None;
        };
        Some((event.time, connection.owner.clone()))
    });
    assert_eq!(told, Some((at(10), None)));
}

#[test]
fn records_older_than_a_comparison_do_not_bring_back_what_it_did_not_find() {
    let mut world = World::new();
    world.compare(1_010, &snapshot(1_000, Vec::new()));
    world.state(500, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.transitions, []);
    assert_eq!(world.known(), []);
    world.state(1_500, 2, TcpState::SynReceived, TcpState::Established);
    assert_eq!(world.known().len(), 1);
}

#[test]
fn a_record_that_a_comparison_has_overtaken_is_not_told_again() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.compare(101, &snapshot(100, vec![half(1, 90)]));
    world.state(90, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.transitions.len(), 2);
}

#[test]
fn a_missed_time_wait_is_found_among_the_minisocks() {
    let mut world = World::new();
    world.state(1, 1, TcpState::Established, TcpState::FinWait1);
    let mut found = snapshot(100, Vec::new());
    found.unheld = Some(unheld(TcpState::TimeWait, true));
    assert_eq!(world.compare(101, &found), (0, 1));
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::FinWait1, TcpState::TimeWait, Cause::Resync))
    );
    assert_eq!(world.known(), [(key(1, 1), TcpState::TimeWait)]);
    // An exit may be lost as well: a list of its namespace is asked for, not inferred from a look, which does not
    // know of a namespace that only a descriptor holds.
    world.compare(201, &snapshot(200, Vec::new()));
    assert_eq!(world.known(), [(key(1, 1), TcpState::TimeWait)]);
    world.run(5_000);
    assert_eq!(world.sweeps, [[1]]);
}

#[test]
fn who_asked_for_no_states_has_none_corrected() {
    let mut world = World::with(&Settings::default(), lives());
    world.opened(1, 1, owner(7, Attribution::Accept));
    world.opened(1, 2, owner(7, Attribution::Accept));
    let found = snapshot(100, vec![half(1, 50), established(2)]);
    assert_eq!(world.compare(101, &found), (2, 0));
    assert_eq!(world.known()[0], (key(1, 1), TcpState::CloseWait));
    assert_eq!(world.transitions, []);
}

#[test]
fn what_ended_during_the_look_is_not_brought_back_by_its_last_record() {
    let mut world = World::new();
    world.state(1, 1, TcpState::Closed, TcpState::SynSent);
    // The look begins at 100, the connection ends at 105, the look comes to its place at 110.
    let found = Snapshot {
        took: Duration::from_millis(10),
        cost: Duration::from_millis(10),
        ..snapshot(100, Vec::new())
    };
    world.compare(111, &found);
    let ended = StateChange {
        entered: Some(at(1)),
        ..change(1, TcpState::SynSent, TcpState::Closed)
    };
    world.change(105, 1, ended);
    assert_eq!(world.known(), []);
    let told: Vec<_> = world.transitions.iter().map(|&(_, to, _)| to).collect();
    assert_eq!(told, [TcpState::SynSent, TcpState::Closed]);
}

#[test]
fn a_state_that_the_connection_cannot_have_is_another_one_s() {
    let mut world = World::new();
    world.half_closed(1, 2);
    let mut found = snapshot(100, Vec::new());
    found.unheld = Some(unheld(TcpState::FinWait1, false));
    assert_eq!(world.compare(101, &found), (0, 1));
    let told = (TcpState::CloseWait, TcpState::Closed, Cause::Resync);
    assert_eq!(world.transitions.last(), Some(&told));
    assert_eq!(world.known(), []);
}
