//! What a client writes after its server's FIN.

use super::particular::pooled;
use super::*;
use crate::model::finding::Confidence;

/// The connection after its reset, its descriptor still open and the error fetched by the write that failed.
fn refused(bytes: u32) -> impl Fn(u64) -> Vec<SocketView> {
    move |_| {
        let closed = SocketView {
            state: TcpState::Closed,
            ..pooled(1)
        };
        vec![counted(closed, |c| {
            (c.write_seq, c.unacked, c.shutdown) = (Some(bytes), bytes, 3);
            c.last_sent = 1_500;
        })]
    }
}

/// A client that writes so much at 1.5 s.
fn careless(bytes: u32) -> World {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.write(1_500, 1, bytes);
    world.reset(1_501, 1);
    world
}

#[test]
fn a_request_that_is_refused_is_written_after_the_fin_if_a_second_later_the_connection_is_kept() {
    let mut world = careless(520);
    world.run(2_400, refused(520));
    assert!(world.findings.is_empty());
    world.run(20_000, refused(520));
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::WriteAfterFin)]);
    assert!(world.last().opened >= at(2_501));
    assert_eq!(world.last().confidence, Confidence::Proven);
    assert_eq!(world.last().holders, [holder(7, 5)]);
    assert_eq!(world.last().evidence.written_bytes, Some(520));
    assert!(
        world
            .last()
            .summary
            .starts_with("app7 (pid 7, fd 5) wrote 520 bytes to 10.0.0.2:80, which had hung up"),
        "{}",
        world.last().summary
    );
    world.run(60_000, refused(520));
    assert_eq!(
        world.verdicts()[1..],
        [(Action::Updated, Verdict::DeadOpen)],
        "it keeps the descriptor"
    );
    world.end(70_000, 1);
    assert_eq!(world.resolution(), Some(Resolution::ClosedByApp));
    assert!(world.lost.is_empty());
}

#[test]
fn must_not_flag_a_client_that_says_farewell_or_asks_and_closes_at_once() {
    // Terminate (psycopg2), close_notify (Java), `SELECT 1` and PING of a pool.
    for bytes in [5, 24, 31, 13, 14] {
        let mut world = careless(bytes);
        world.end(1_900, 1);
        world.run(60_000, |_| Vec::new());
        assert!(world.findings.is_empty() && world.lost.is_empty());
        assert_eq!(world.engine.stats().lost_requests, 0);
    }
}

#[test]
fn must_not_warn_when_a_server_is_stopped_and_its_clients_pools_say_farewell() {
    let mut world = World::scanning(Settings::default());
    // Thirty a minute for five minutes: one replica after the other.
    for n in 1..=150 {
        let fin_at = n * 2_000;
        world.run(fin_at, |_| Vec::new());
        world.client_half_closed(n, fin_at);
        world.write(fin_at + 500, n, 27);
        world.reset(fin_at + 501, n);
        world.end(fin_at + 502, n);
    }
    world.run(400_000, |_| Vec::new());
    assert!(world.engine.incidents().is_empty());
    let told = world.events.iter();
    assert_eq!(
        told.filter(|e| matches!(e.body, Body::Incident(_))).count(),
        0
    );
}

#[test]
fn must_not_hide_a_line_that_a_log_shipper_loses() {
    let mut world = careless(120);
    world.end(1_900, 1);
    world.run(60_000, |_| Vec::new());
    assert!(world.findings.is_empty(), "it has noticed");
    let lost: Vec<_> = world.lost.iter().map(|lost| lost.bytes).collect();
    assert_eq!(lost, [120], "it is counted");
    assert_eq!(world.engine.stats().lost_requests, 1);
}

#[test]
fn a_few_bytes_may_have_been_a_farewell() {
    let mut world = careless(24);
    world.run(20_000, refused(24));
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::WriteAfterFin)]);
    assert_eq!(world.last().evidence.missing, ["purpose"]);
}

#[test]
fn without_records_the_looks_tell_the_same() {
    let mut world = World::scanning(Settings::default());
    world.client_half_closed(1, 0);
    world.kernel.records_lost = true;
    world.run(25_000, refused(520));
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::WriteAfterFin)]);
}

#[test]
fn must_not_flag_a_server_that_answers_an_impatient_client() {
    for told in [false, true] {
        let mut world = World::new();
        world.half_closed(1, 0);
        if told {
            world.eof(10, 1);
        }
        world.write(1_500, 1, 520);
        world.reset(1_501, 1);
        world.end(1_600, 1);
        world.run(60_000, |_| Vec::new());
        assert!(world.findings.is_empty() && world.lost.is_empty());
    }
}

#[test]
fn must_not_hide_a_server_that_swallows_the_error_for_ever() {
    let mut world = World::scanning(Settings::default());
    world.half_closed(1, 0);
    world.write(1_500, 1, 520);
    world.reset(1_501, 1);
    let kept = SocketView {
        state: TcpState::Closed,
        ..counted(drained(1), |c| (c.write_seq, c.shutdown) = (Some(520), 3))
    };
    world.run(60_000, |_| vec![kept.clone()]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadOpen)]);
    assert!(world.last().evidence.error_delivered);
}

#[test]
fn must_not_flag_a_request_that_crossed_the_fin() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.write(50, 1, 520);
    world.reset(51, 1);
    world.run(20_000, |_| {
        vec![counted(refused(520)(0).remove(0), |c| c.last_sent = 50)]
    });
    assert!(world.findings.is_empty());
    world.end(20_001, 1);
    assert!(world.lost.is_empty());
}

#[test]
fn a_lost_request_is_not_that_of_a_later_connection_under_the_same_address() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(20_000, |_| vec![view(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    // It has ended, and its socket's memory serves another one. No record has told of it.
    world.kernel.records_lost = true;
    world.end(20_100, 1);
    world.client_half_closed(1, 20_200);
    world.kernel.records_lost = false;
    world.write(20_400, 1, 520);
    world.reset(20_401, 1);
    world.run(23_000, |_| {
        vec![counted(refused(520)(0).remove(0), |c| c.last_sent = 20_400)]
    });
    assert_eq!(
        world.verdicts()[1..],
        [
            (Action::Resolved, Verdict::EofUnread),
            (Action::Opened, Verdict::WriteAfterFin)
        ]
    );
    assert_eq!(world.last().id, 2);
}

#[test]
fn a_pooled_connection_that_is_used_again_is_one_finding() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.run(1_400, |_| vec![pooled(1)]);
    world.run(40_000, |_| vec![pooled(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::StalePooled)]);
    world.write(40_500, 1, 520);
    world.reset(40_501, 1);
    world.run(43_000, |_| {
        vec![counted(refused(520)(0).remove(0), |c| c.last_sent = 40_500)]
    });
    assert_eq!(
        world.verdicts()[1..],
        [(Action::Updated, Verdict::WriteAfterFin)]
    );
    assert_eq!(world.last().history.len(), 1);
}

#[test]
fn a_request_that_nobody_acknowledges_is_written_after_the_fin() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.run(60_000, |now| {
        let tries = u8::try_from(now / 3_000).unwrap();
        vec![counted(pooled(1), |c| {
            (c.write_seq, c.unacked) = (Some(520), 520);
            (c.retransmits, c.last_sent) = (tries, 1_500);
        })]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::WriteAfterFin)]);
}
