//! Loss and comparison with the kernel.

use super::*;
use crate::model::observation::{Loss, Minisock};

fn loss() -> Loss {
    Loss {
        records: 3,
        reason: "ring_full",
    }
}

fn resync(world: &mut World, ms: u64, snapshot: &Snapshot) -> (u64, u64) {
    world.tracker.handle_resync(snapshot, at(ms));
    world.drain();
    world
        .events
        .iter()
        .rev()
        .find_map(|event| {
            if let Body::Resync {
                sockets, corrected, ..
            } = event.body
            {
                Some((sockets, corrected))
            } else {
                None
            }
        })
        .unwrap()
}

fn established(n: u64) -> SocketView {
    SocketView {
        state: TcpState::Established,
        ..view(n)
    }
}

#[test]
fn a_loss_is_told_with_the_last_good_moment_and_repaired_at_once() {
    let mut world = World::new();
    world.tracker.handle_no_loss(at(500));
    world.tracker.handle_loss(loss(), at(1_000));
    world.drain();
    assert_eq!(world.resyncs, 1);
    assert_eq!(
        world.events.last().map(|event| &event.body),
        Some(&Body::Lost {
            loss: loss(),
            since: at(500)
        })
    );
}

#[test]
fn losses_in_a_row_are_repaired_once_a_second() {
    let mut world = World::new();
    world.tracker.handle_loss(loss(), at(1_000));
    world.tracker.handle_loss(loss(), at(1_010));
    world.drain();
    assert_eq!(world.resyncs, 1, "one is under way");
    resync(&mut world, 1_020, &snapshot(1_015, Vec::new()));
    world.run(1_900, |_| Vec::new());
    assert_eq!(world.resyncs, 1);
    world.run(2_000, |_| Vec::new());
    assert_eq!(world.resyncs, 2);
}

#[test]
fn a_comparison_corrects_adds_and_removes() {
    let mut world = World::new();
    for n in [1, 2] {
        world.state(1, n, TcpState::SynReceived, TcpState::Established);
    }
    let told = world.transitions.len();
    let found = snapshot(100, vec![view(1), established(3)]);
    assert_eq!(resync(&mut world, 101, &found), (2, 3));
    assert_eq!(
        world.transitions[told..],
        [
            (TcpState::Established, TcpState::CloseWait, Cause::Resync),
            (TcpState::Closed, TcpState::Established, Cause::Resync),
            (TcpState::Established, TcpState::Closed, Cause::Resync),
        ]
    );
    let again = snapshot(200, vec![view(1), established(3)]);
    assert_eq!(resync(&mut world, 201, &again), (2, 0));
}

#[test]
fn a_connection_that_was_met_in_use_is_told_by_the_comparison() {
    let mut world = World::new();
    // The record of the handshake is lost, that of the first use is not.
    world.owned(20, 1, owner(7, Attribution::Accept));
    assert_eq!(world.transitions, []);
    let found = SocketView {
        changed: Some(at(10)),
        ..established(1)
    };
    let found = snapshot(100, vec![found]);
    assert_eq!(resync(&mut world, 101, &found), (1, 1));
    assert_eq!(
        world.transitions,
        [(TcpState::Closed, TcpState::Established, Cause::Resync)]
    );
    assert_eq!(resync(&mut world, 201, &found), (1, 0));
    world.state(10, 1, TcpState::SynReceived, TcpState::Established);
    assert_eq!(world.transitions.len(), 1);
}

#[test]
fn a_record_older_than_the_comparison_that_told_the_state_is_not_told_after_it() {
    let mut world = World::new();
    let changed = SocketView {
        changed: Some(at(50)),
        ..established(3)
    };
    resync(&mut world, 101, &snapshot(100, vec![changed]));
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
    found.time_wait = Some(vec![Minisock {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    }]);
    resync(&mut world, 101, &found);
    let told = world.transitions.len();
    let entered = What::TimeWaitEntered {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    };
    world.tell(50, key(1), entered);
    assert_eq!(world.transitions[told..], []);
}

#[test]
fn a_comparison_never_undoes_what_happened_after_it() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.state(1, 2, TcpState::SynReceived, TcpState::Established);
    world.tracker.handle_loss(loss(), at(50));
    world.state(110, 1, TcpState::Established, TcpState::CloseWait);
    let mut end = change(2, TcpState::Established, TcpState::Closed);
    end.dead = true;
    world.tell(111, key(2), What::State(end));
    world.state(112, 3, TcpState::SynReceived, TcpState::Established);
    let found = snapshot(100, vec![established(1), established(2)]);
    assert_eq!(resync(&mut world, 120, &found), (2, 0));
    let states: Vec<_> = world
        .tracker
        .connections()
        .map(|view| (view.connection.key, view.connection.state))
        .collect();
    assert_eq!(
        states,
        [
            (key(1), TcpState::CloseWait),
            (key(3), TcpState::Established)
        ]
    );
}

#[test]
fn a_connection_that_another_replaced_during_the_comparison_ends_after_what_it_did() {
    let mut world = World::new();
    world.half_closed(1, 0);
    // The comparison begins at 1,000; this happens before it gets to the socket, whose address is reused by then.
    world.eof(1_010, 1);
    let mut next = established(1);
    next.key.birth = at(1_020);
    next.endpoints = ends(2);
    resync(&mut world, 1_030, &snapshot(1_000, vec![next]));
    let times: Vec<_> = world
        .events
        .iter()
        .filter(|event| {
            let (Body::Transition { connection, .. } | Body::Eof { connection, .. }) = &event.body
            else {
                return false;
            };
            connection.key == key(1)
        })
        .map(|event| event.time)
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(
        times.last() >= Some(&at(1_010)),
        "it was told to have ended"
    );
}

#[test]
fn a_minisock_that_made_room_during_the_comparison_left_no_earlier_than_it_came() {
    let mut world = World::new();
    world.state(1, 1, TcpState::Established, TcpState::FinWait1);
    let entered = What::TimeWaitEntered {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    };
    world.tell(1_010, key(1), entered);
    // The comparison began at 1,000 and finds the same addresses in use again.
    let mut next = established(1);
    next.key = SocketKey {
        birth: at(1_020),
        ..key(2)
    };
    resync(&mut world, 1_030, &snapshot(1_000, vec![next]));
    let times: Vec<_> = world
        .events
        .iter()
        .filter(|event| {
            matches!(&event.body, Body::Transition { connection, .. } if connection.key == key(1))
        })
        .map(|event| event.time)
        .collect();
    assert!(times.len() >= 3, "in, into TIME_WAIT and out: {times:?}");
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn a_comparison_begun_before_time_wait_does_not_bring_the_full_socket_back() {
    let mut world = World::new();
    world.state(1, 1, TcpState::Established, TcpState::FinWait1);
    // Due to a loss the tracker waits for a comparison, which begins at 1,000.
    world.tracker.handle_loss(loss(), at(900));
    world.drain();
    let entered = What::TimeWaitEntered {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    };
    world.tell(1_010, key(1), entered);
    let closed = StateChange {
        dead: true,
        fin_received: true,
        ..change(1, TcpState::FinWait2, TcpState::Closed)
    };
    world.tell(1_011, key(1), What::State(closed));
    let told = world.transitions.len();
    let mut found = established(1);
    found.state = TcpState::FinWait1;
    found.changed = Some(at(1));
    let mut snapshot = snapshot(1_000, vec![found]);
    snapshot.time_wait = Some(vec![Minisock {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    }]);
    resync(&mut world, 1_030, &snapshot);
    assert_eq!(world.transitions[told..], []);
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
        changed: Some(at(10)),
        holders: vec![child],
        ..established(1)
    };
    resync(&mut world, 110, &snapshot(100, vec![found]));
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
    world.tracker.handle_loss(loss(), at(900));
    world.drain();
    resync(&mut world, 1_010, &snapshot(1_000, Vec::new()));
    world.state(500, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.transitions, []);
    assert_eq!(world.tracker.connections().count(), 0);
    world.state(1_500, 2, TcpState::SynReceived, TcpState::Established);
    assert_eq!(world.tracker.connections().count(), 1);
}

#[test]
fn a_record_that_a_comparison_has_overtaken_is_not_told_again() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    let mut found = view(1);
    found.changed = Some(at(90));
    resync(&mut world, 101, &snapshot(100, vec![found]));
    world.state(90, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.transitions.len(), 2);
}

#[test]
fn a_finding_whose_socket_is_gone_ends_by_comparison() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(15_000, |_| vec![view(1)]);
    resync(&mut world, 20_000, &snapshot(20_000, Vec::new()));
    assert_eq!(world.resolution(), Some(Resolution::Resync));
    assert_eq!(world.tracker.connections().count(), 0);
}

#[test]
fn a_missed_time_wait_is_found_among_the_minisocks() {
    let mut world = World::new();
    world.state(1, 1, TcpState::Established, TcpState::FinWait1);
    let mut found = snapshot(100, Vec::new());
    found.time_wait = Some(vec![Minisock {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    }]);
    assert_eq!(resync(&mut world, 101, &found), (0, 1));
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::FinWait1, TcpState::TimeWait, Cause::Resync))
    );
    found.taken = at(200);
    found.time_wait = Some(Vec::new());
    assert_eq!(resync(&mut world, 201, &found), (0, 1));
    assert_eq!(world.tracker.connections().count(), 0);
}

#[test]
fn a_look_that_contradicts_the_table_is_no_proof() {
    let mut world = World::new();
    world.half_closed(1, 0);
    let closed = |_| {
        vec![SocketView {
            state: TcpState::LastAck,
            changed: Some(at(50)),
            ..view(1)
        }]
    };
    world.run(3_000, closed);
    assert!(world.findings.is_empty());
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::CloseWait, TcpState::LastAck, Cause::Resync)),
        "its record never came"
    );
}

#[test]
fn what_a_missed_connection_did_before_it_was_found_is_not_held_against_it() {
    let mut world = World::new();
    let mut found = view(1);
    found.fin_at = Some(at(0));
    resync(&mut world, 40_000, &snapshot(40_000, vec![found.clone()]));
    world.run(49_000, |_| vec![found.clone()]);
    assert!(world.findings.is_empty(), "it may have read at 39.9 s");
    world.run(60_000, |_| vec![found.clone()]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    assert_eq!(world.last().half_closed_since, Some(at(0)));
}
