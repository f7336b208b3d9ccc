//! The verdicts that say more than that a half-closed connection is idle.

use super::*;
use crate::model::finding::{Confidence, Severity};
use crate::model::observation::{Eof, Observation};

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

#[test]
fn an_unread_connection_that_its_opener_has_left_is_inherited() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(60_000, |_| vec![held_by(8, view(1))]);
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
                holders: vec![holder(7, 5), holder(8, 5)],
                ..view(1)
            }]
        } else {
            vec![held_by(8, view(1))]
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
fn data_that_a_client_sends_after_the_fin_and_that_is_reset_is_found_at_once() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.write(1_500, 1, 52);
    world.reset(1_501, 1);
    assert!(world.findings.is_empty(), "nobody knows the holders yet");
    world.run(4_000, closed(pooled(1)));
    assert_eq!(world.findings[0].holders, [holder(7, 5)]);
    assert_eq!(world.findings[0].opened, at(1_501), "when it happened");
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::WriteAfterFin),
            (Action::Resolved, Verdict::WriteAfterFin)
        ]
    );
    assert_eq!(world.resolution(), Some(Resolution::Reset));
    assert_eq!(world.last().severity, Severity::Warning);
    assert_eq!(world.last().evidence.written_bytes, Some(52));
    assert_eq!(
        world.last().summary,
        "app7 (pid 7, fd 5) wrote 52 bytes to 10.0.0.2:80, which had hung up and answered with a reset 1.5 s after its \
         end-of-stream"
    );
    assert_eq!(world.engine.findings().len(), 0);
}

/// The connection after its reset, its descriptor still open and the error fetched by the write that failed.
fn closed(view: SocketView) -> impl Fn(u64) -> Vec<SocketView> {
    let state = TcpState::Closed;
    let counters = Some(numbers());
    move |_| {
        vec![SocketView {
            state,
            counters,
            ..view.clone()
        }]
    }
}

#[test]
fn a_refusal_whose_descriptor_is_closed_before_the_look_names_nobody() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.write(1_500, 1, 52);
    world.reset(1_501, 1);
    world.end(1_502, 1);
    world.run(20_000, |_| Vec::new());
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::WriteAfterFin),
            (Action::Resolved, Verdict::WriteAfterFin)
        ]
    );
    assert!(world.last().holders.is_empty());
    assert_eq!(world.last().evidence.missing, ["holders"]);
    assert_eq!(world.last().confidence, Confidence::Likely);
    assert_eq!(world.shown().owner, None);
    assert!(world.last().summary.starts_with("An unknown process wrote"));
}

#[test]
fn a_refusal_is_not_dated_before_what_has_been_told_since() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.write(1_500, 1, 52);
    world.reset(1_501, 1);
    // Somebody who subscribes has it from its record, which else is not made.
    let eof = Eof {
        endpoints: ends(1).reversed(),
        state: TcpState::CloseWait,
        fin_at: Some(at(0)),
        pid: 7,
        thread: 7,
    };
    let record = Observation {
        time: at(1_600),
        sock: sock(1),
        what: What::Eof(eof),
    };
    world.engine.handle(&record, at(1_600));
    world.run(4_000, closed(pooled(1)));
    assert_eq!(world.findings[0].verdict, Verdict::WriteAfterFin);
    assert_eq!(world.findings[0].opened, at(1_600));
}

#[test]
fn a_refusal_of_a_connection_that_was_looked_at_names_its_opener() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.run(5_000, |_| vec![pooled(1)]);
    world.write(5_500, 1, 52);
    world.reset(5_501, 1);
    world.run(20_000, |_| Vec::new());
    assert_eq!(world.last().verdict, Verdict::WriteAfterFin);
    assert!(world.last().summary.starts_with("app7 (pid 7) wrote"));
}

#[test]
fn the_record_of_the_refusal_may_come_after_that_of_the_reset() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.run(40_000, |_| vec![pooled(1)]);
    world.write(40_500, 1, 52);
    let mut end = change(1, TcpState::CloseWait, TcpState::Closed);
    end.error = 32;
    world.change(40_501, 1, end);
    world.reset_write(40_501, 1);
    world.run(42_000, closed(pooled(1)));
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::StalePooled),
            (Action::Resolved, Verdict::StalePooled),
            (Action::Opened, Verdict::WriteAfterFin),
            (Action::Resolved, Verdict::WriteAfterFin)
        ]
    );
}

#[test]
fn a_refusal_of_a_later_connection_under_the_same_address_is_not_the_first_ones() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(20_000, |_| vec![view(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    // It has ended, and its socket's memory serves another one. No record has told of it.
    world.kernel.records_lost = true;
    world.end(20_100, 1);
    world.client_half_closed(1, 20_200);
    world.kernel.records_lost = false;
    world.write(20_400, 1, 52);
    world.reset(20_401, 1);
    world.run(22_000, closed(pooled(1)));
    assert_eq!(
        world.verdicts()[1..],
        [
            (Action::Resolved, Verdict::EofUnread),
            (Action::Opened, Verdict::WriteAfterFin),
            (Action::Resolved, Verdict::WriteAfterFin)
        ]
    );
    assert_eq!(world.findings[1].id, 1);
    assert_eq!(world.last().id, 2);
}

#[test]
fn a_server_learns_that_its_client_has_gone_by_writing() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.write(1_500, 1, 52);
    world.reset(1_501, 1);
    assert!(world.findings.is_empty());
}

#[test]
fn a_server_that_was_told_and_writes_on_is_at_fault() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.eof(10, 1);
    world.write(11, 1, 52);
    world.reset(12, 1);
    world.run(4_000, closed(view(1)));
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::WriteAfterFin),
            (Action::Resolved, Verdict::WriteAfterFin)
        ]
    );
    assert_eq!(world.last().severity, Severity::Warning);
}

#[test]
fn a_write_that_may_have_crossed_the_fin_is_nobodys_fault() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.write(50, 1, 52);
    world.reset(51, 1);
    assert!(world.findings.is_empty());
}

#[test]
fn what_is_reset_after_the_application_ended_its_side_is_no_refusal_whichever_record_comes_first() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.eof(500, 1);
    world.write(1_000, 1, 52);
    world.run(60_000, |_| vec![sent(drained(1), 52)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    let mut end = change(1, TcpState::LastAck, TcpState::Closed);
    end.error = 104;
    world.change(61_000, 1, end);
    world.state(60_999, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(
        world.verdicts().last(),
        Some(&(Action::Resolved, Verdict::NotClosed))
    );
    assert_eq!(world.resolution(), Some(Resolution::ClosedByApp));
}

#[test]
fn a_reset_without_a_write_is_no_write_after_fin() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.reset(5_000, 1);
    world.end(6_000, 1);
    assert!(world.findings.is_empty());
}

#[test]
fn an_open_finding_becomes_write_after_fin() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(15_000, |_| vec![view(1)]);
    world.write(15_500, 1, 52);
    world.reset(15_501, 1);
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::EofUnread),
            (Action::Updated, Verdict::WriteAfterFin),
            (Action::Resolved, Verdict::WriteAfterFin)
        ]
    );
    assert_eq!(world.last().holders, [holder(7, 5)]);
    assert_eq!(world.last().history.len(), 1);
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
        assert_eq!(world.last().evidence.missing, ["upper_layer"]);
    }
}
