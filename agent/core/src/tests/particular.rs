//! The verdicts that say more than that a half-closed connection is idle.

use super::*;
use crate::model::finding::Confidence;

/// A client's connection that its server closed after an answer of 200 bytes.
pub(super) fn pooled(n: u64) -> SocketView {
    let view = counted(view(n), |c| {
        c.bytes_sent = 100;
        c.bytes_received = 201;
    });
    SocketView {
        role: Role::Client,
        endpoints: ends(n).reversed(),
        ..view
    }
}

/// Held as descriptor 5 by a process that started at `start`.
pub(super) fn held_by_heir(start: u64, view: SocketView) -> SocketView {
    SocketView {
        holders: vec![Holder {
            process: heir(8, start),
            fd: 5,
        }],
        ..view
    }
}

#[test]
fn an_unread_connection_that_its_opener_has_left_to_a_younger_process_is_inherited() {
    let mut world = World::new();
    world.half_closed(1, 5_000);
    world.run(60_000, |_| vec![held_by_heir(2_000, view(1))]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::Inherited)]);
    let finding = world.last();
    assert!(finding.opened >= at(12_000), "left at the first look");
    assert_eq!(finding.confidence, Confidence::Proven);
    assert!(
        finding
            .summary
            .starts_with("app8 (pid 8, fd 5) holds a descriptor inherited from app7 (pid 7)"),
        "{}",
        finding.summary
    );
}

#[test]
fn who_may_have_used_it_owns_it() {
    let used_at = |ms| counted(view(1), |c| (c.last_sent, c.last_received) = (ms, ms));
    // Older than the last use: a daemon that went on in its child, a worker that was given the connection.
    for (start, used) in [(0, 3_000), (2_000, 3_000), (3_000, 3_000)] {
        let mut world = World::new();
        world.half_closed(1, 5_000);
        world.run(60_000, |_| vec![held_by_heir(start, used_at(used))]);
        assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
        assert_eq!(world.last().evidence.missing, ["use"]);
        let named = world.shown().owner.as_ref().unwrap();
        assert_eq!(
            (named.process.id.pid, named.attribution),
            (8, Attribution::Holder)
        );
    }
}

#[test]
fn what_was_handed_over_on_purpose_is_not_inherited() {
    let standard_input = |_| {
        let mut view = held_by_heir(2_000, view(1));
        view.holders[0].fd = 0;
        vec![view]
    };
    // A child per connection, started within a second of the accept.
    let child = |_| vec![held_by_heir(900, view(1))];
    let waiting = |_| {
        let waiting = crate::model::waiting::Waiting {
            state: crate::model::waiting::WaitState::BlockedInReceive,
            thread: Some(8),
            attended: false,
        };
        vec![SocketView {
            waiting: Some(waiting),
            ..held_by_heir(2_000, view(1))
        }]
    };
    let answers: [fn(u64) -> Vec<SocketView>; 3] = [standard_input, child, waiting];
    for answer in answers {
        let mut world = World::new();
        world.half_closed(1, 5_000);
        world.run(60_000, answer);
        assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    }
}

#[test]
fn a_descriptor_that_a_child_keeps_after_its_parent_read_the_end_is_inherited() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.eof(500, 1);
    world.run(60_000, |_| vec![held_by(8, drained(1))]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::Inherited)]);
    assert_eq!(world.last().evidence.eof_process, Some(7));
}

#[test]
fn a_connection_handed_over_to_a_process_that_reads_it_is_not_inherited() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.eof_by(500, 1, 8);
    world.run(60_000, |_| vec![held_by(8, drained(1))]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);

    let mut world = World::new();
    world.half_closed(1, 0);
    world.takes_all(1);
    world.run(60_000, |_| vec![held_by(8, drained(1))]);
    assert_eq!(
        world.verdicts(),
        [(Action::Opened, Verdict::EofNotRequested)]
    );
}

#[test]
fn without_a_seen_opener_nothing_is_inherited() {
    let mut world = World::new();
    world.state(1, 1, TcpState::Established, TcpState::CloseWait);
    world.run(60_000, |_| vec![held_by(8, view(1))]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
}

#[test]
fn a_shared_descriptor_is_not_inherited_until_the_opener_leaves() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(60_000, |now| {
        if now < 20_000 {
            vec![SocketView {
                holders: vec![
                    holder(7, 5),
                    held_by_heir(19_000, view(1)).holders[0].clone(),
                ],
                ..view(1)
            }]
        } else {
            vec![held_by_heir(19_000, view(1))]
        }
    });
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::EofUnread),
            (Action::Updated, Verdict::Inherited)
        ]
    );
    assert_eq!(world.last().id, 1);
}

#[test]
fn where_an_upper_layer_reads_the_queue_is_no_proof() {
    for (unread, verdict) in [(1, Verdict::EofUnread), (0, Verdict::EofNotRequested)] {
        let mut world = World::new();
        world.half_closed(1, 0);
        world.takes_all(1);
        world.run(60_000, |_| {
            vec![counted(view(1), |c| {
                c.unread = unread;
                c.upper_layer = true;
            })]
        });
        assert_eq!(world.verdicts(), [(Action::Opened, verdict)]);
        assert_eq!(world.last().confidence, Confidence::Likely);
        assert_eq!(world.last().evidence.missing[0], "upper_layer");
    }
}

#[test]
fn must_not_flag_a_service_that_its_manager_starts_slowly_for_each_connection() {
    let mut world = World::new();
    world.opened(0, 1, owner(1, Attribution::Accept));
    world.state(5_000, 1, TcpState::Established, TcpState::CloseWait);
    world.run(60_000, |_| {
        let mut view = held_by_heir(4_000, view(1));
        view.holders[0].fd = 3;
        vec![view]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
}

#[test]
fn must_not_hide_a_background_child_that_has_the_connection_as_its_output() {
    let mut world = World::new();
    world.half_closed(1, 5_000);
    world.run(60_000, |_| {
        let mut view = held_by_heir(2_000, view(1));
        let first = view.holders[0].clone();
        view.holders = vec![
            Holder {
                fd: 1,
                ..first.clone()
            },
            Holder { fd: 2, ..first },
        ];
        vec![view]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::Inherited)]);
}
