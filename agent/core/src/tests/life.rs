//! The life of a finding.

use super::*;
use crate::model::event::Output;

#[test]
fn a_fin_that_nobody_reads_is_flagged_once_with_its_proof() {
    let mut world = World::new();
    world.half_closed(1, 100);
    world.run(60_000, |_| vec![view(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    let finding = world.last();
    assert!(finding.opened >= at(10_100), "not before its threshold");
    assert!(finding.opened <= at(11_200), "soon after it");
    assert_eq!(finding.half_closed_since, Some(at(100)));
    assert_eq!(finding.evidence.unread_bytes, Some(1));
    assert_eq!(finding.holders, [holder(7, 5)]);
    assert_eq!(
        finding.summary,
        "app7 (pid 7, fd 5) has not read the end-of-stream that 10.0.0.1:1001 sent 10 s ago"
    );
    let open = &world.engine.findings()[0];
    assert!(
        open.half_closed > finding.half_closed,
        "its numbers stay fresh"
    );
    assert_eq!(open.action, Action::Opened);
}

#[test]
fn a_connection_closed_in_time_is_never_looked_at() {
    let mut world = World::new();
    world.half_closed(1, 100);
    world.state(150, 1, TcpState::CloseWait, TcpState::LastAck);
    let looks = world.looks.len();
    world.run(60_000, |_| vec![view(1)]);
    assert_eq!(world.looks.len(), looks);
    assert!(world.findings.is_empty());
}

#[test]
fn connections_that_are_due_together_share_one_look() {
    let mut world = World::new();
    world.half_closed(1, 100);
    world.half_closed(2, 300);
    let looks = world.looks.len();
    world.run(4_500, |_| vec![view(1), view(2)]);
    assert_eq!(world.looks.len(), looks + 1);
}

#[test]
fn one_finding_changes_its_verdict_and_keeps_its_history() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(20_000, |_| vec![view(1)]);
    let opened = world.last().opened;
    world.eof(20_500, 1);
    world.run(45_000, |_| vec![drained(1)]);
    assert_eq!(
        world.findings.len(),
        1,
        "it stays open between two verdicts"
    );
    world.run(70_000, |_| vec![drained(1)]);
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::EofUnread),
            (Action::Updated, Verdict::NotClosed)
        ]
    );
    assert_eq!(world.last().history, [(Verdict::EofUnread, opened)]);
    assert_eq!(world.last().id, world.findings[0].id);
    world.state(80_000, 1, TcpState::CloseWait, TcpState::LastAck);
    world.state(80_001, 1, TcpState::LastAck, TcpState::Closed);
    assert_eq!(world.findings.len(), 3);
    assert_eq!(world.last().action, Action::Resolved);
}

#[test]
fn every_end_has_its_reason() {
    type End = (TcpState, fn(&mut StateChange), Resolution);
    let ends: [End; 6] = [
        (TcpState::LastAck, |_| {}, Resolution::ClosedByApp),
        (
            TcpState::LastAck,
            |c| c.exiting = true,
            Resolution::ProcessExited,
        ),
        (
            TcpState::Closed,
            |c| (c.error, c.dead) = (32, true),
            Resolution::Reset,
        ),
        (
            TcpState::Closed,
            |c| (c.error, c.dead) = (103, true),
            Resolution::Destroyed,
        ),
        (
            TcpState::Closed,
            |c| (c.error, c.dead) = (110, true),
            Resolution::TimedOut,
        ),
        (
            TcpState::Closed,
            |c| c.closed = true,
            Resolution::ClosedByApp,
        ),
    ];
    for (to, edit, expected) in ends {
        let mut world = World::new();
        world.half_closed(1, 0);
        world.run(20_000, |_| vec![view(1)]);
        let mut end = change(1, TcpState::CloseWait, to);
        edit(&mut end);
        world.change(20_000, 1, end);
        world.end(20_001, 1);
        assert_eq!(world.resolution(), Some(expected));
        assert_eq!(world.findings.len(), 2, "resolved once");
        assert_eq!(world.engine.findings().len(), 0);
    }
}

#[test]
fn one_that_starts_to_send_again_is_resumed() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(15_000, |_| vec![view(1)]);
    let sending = |_| vec![sent(view(1), 100)];
    world.run(25_000, sending);
    assert_eq!(world.resolution(), Some(Resolution::Resumed));
    // It stops again, for longer than a reader usually rests: a new finding.
    world.run(610_000, sending);
    assert_eq!(world.findings.len(), 2);
    world.run(650_000, sending);
    assert_eq!(world.last().action, Action::Opened);
    assert_eq!(world.last().id, 2);
}

#[test]
fn the_process_named_holds_the_socket_now() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(15_000, |_| {
        vec![SocketView {
            holders: vec![holder(9, 4), holder(8, 5), holder(8, 5)],
            ..view(1)
        }]
    });
    assert_eq!(world.last().holders, [holder(8, 5), holder(9, 4)]);
    let named = world.shown().owner.as_ref().unwrap();
    assert_eq!(named.process.id.pid, 8);
    assert_eq!(named.attribution, Attribution::Holder);
}

/// Lets time pass to `ms`, answering scans but no look; returns when looks were asked for.
fn unanswered(world: &mut World, ms: u64) -> Vec<u64> {
    let mut asked = Vec::new();
    loop {
        let due = world.engine.poll_timeout();
        if due > at(ms) {
            return asked;
        }
        world.engine.handle_timeout(due);
        while let Some(output) = world.engine.next_output() {
            if let Output::Look { .. } = output {
                asked.push(super::ms(due));
            } else if output == Output::Scan {
                world.engine.handle_scan(&world.kernel.places());
            }
        }
    }
}

#[test]
fn an_unanswered_question_is_asked_again() {
    let mut world = World::new();
    world.half_closed(1, 0);
    let asked = unanswered(&mut world, 30_000);
    assert_eq!(asked.len(), 3, "{asked:?}");
    let pause = |asked: &[u64]| asked[1] - asked[0] >= 10_000;
    assert!(asked.windows(2).all(pause), "{asked:?}");
    assert!(world.findings.is_empty());
}

#[test]
fn a_socket_that_no_look_finds_is_left_alone_and_its_place_freed() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(600_000, |_| Vec::new());
    assert!(world.findings.is_empty());
    assert!(world.looks.len() < 5, "{:?}", world.looks);

    let mut world = World::scanning(Settings::default());
    world.half_closed(1, 0);
    world.run(60_000, |_| Vec::new());
    assert!(world.kernel.half.is_empty());
}

#[test]
fn one_slow_pass_does_not_put_off_the_next_look_and_many_do() {
    for (passes, asked) in [(1, 2_500), (20, 32_000)] {
        let mut world = World::new();
        world.half_closed(1, 0);
        for _ in 0..passes {
            let slow = Snapshot {
                took: Duration::from_millis(40),
                cost: Duration::from_millis(40),
                ..world.snapshot(1_990, Vec::new())
            };
            world.engine.handle_look(&slow, at(1_990));
        }
        let looks = unanswered(&mut world, 60_000);
        assert!(looks[0].abs_diff(asked) < 100, "{looks:?}");
    }
}
