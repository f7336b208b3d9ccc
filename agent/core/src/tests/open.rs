//! Verdicts about connections that are not half-closed.

use super::*;
use crate::model::finding::Confidence;

/// Looked at every 15 seconds.
fn scanning() -> World {
    World::scanning(Settings::default())
}

fn established(world: &mut World, n: u64) {
    world.opened(0, n, owner(7, Attribution::Accept));
}

fn seen(state: TcpState, counters: SocketCounters) -> SocketView {
    SocketView {
        state,
        counters: Some(counters),
        ..view(1)
    }
}

fn full(unread: u32, received: u64) -> SocketView {
    let counters = SocketCounters {
        unread,
        bytes_received: received,
        window: Some(0),
        ..SocketCounters::default()
    };
    seen(TcpState::Established, counters)
}

fn dead(error: u32) -> SocketView {
    let counters = SocketCounters {
        error,
        shutdown: 3,
        ..SocketCounters::default()
    };
    seen(TcpState::Closed, counters)
}

fn reset(world: &mut World, ms: u64) {
    let mut end = change(1, TcpState::Established, TcpState::Closed);
    end.error = 104;
    world.change(ms, 1, end);
}

#[test]
fn everything_is_looked_at_regularly() {
    let mut world = scanning();
    established(&mut world, 1);
    world.run(100_000, |_| Vec::new());
    assert_eq!(world.looks.len(), 7, "{:?}", world.looks);
    assert!(world.findings.is_empty());
}

#[test]
fn what_cannot_be_listed_is_not_asked_for_more_often() {
    let mut world = scanning();
    world.kernel.unheld = None;
    world.run(600_000, |_| Vec::new());
    assert!(world.looks.len() < 50, "{}", world.looks.len());
}

#[test]
fn a_reset_that_nobody_fetched_is_dead_open() {
    let mut world = scanning();
    established(&mut world, 1);
    reset(&mut world, 1_000);
    world.run(60_000, |_| vec![dead(104)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadOpen)]);
    let finding = world.last();
    assert!(finding.opened >= at(30_000), "still since a look");
    assert!(finding.opened <= at(48_000), "{:?}", finding.opened);
    assert_eq!(finding.confidence, Confidence::Proven);
    assert_eq!(finding.evidence.error, Some(104));
    assert_eq!(finding.half_closed, None);
    assert_eq!(
        finding.summary,
        "app7 (pid 7, fd 5) has not noticed that its connection with 10.0.0.1:1001 was reset 30 s ago"
    );
    world.end(70_000, 1);
    assert_eq!(world.resolution(), Some(Resolution::ClosedByApp));
}

#[test]
fn a_peer_that_was_given_up_is_dead_open_whatever_was_unanswered() {
    let mut world = scanning();
    established(&mut world, 1);
    reset(&mut world, 1_000);
    world.run(60_000, |_| {
        let mut view = dead(110);
        if let Some(counters) = &mut view.counters {
            counters.probes = 9;
        }
        vec![view]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadOpen)]);
}

#[test]
fn an_error_that_was_fetched_is_dead_open_and_told() {
    let mut world = scanning();
    established(&mut world, 1);
    reset(&mut world, 1_000);
    world.run(60_000, |_| vec![dead(0)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadOpen)]);
    assert!(world.last().evidence.error_delivered);
    assert_eq!(
        world.last().summary,
        "app7 (pid 7, fd 5) has been told that its connection with 10.0.0.1:1001 broke, and keeps it 30 s later"
    );
}

#[test]
fn who_fetches_the_error_at_last_and_keeps_the_descriptor_has_the_same_finding() {
    let mut world = scanning();
    established(&mut world, 1);
    reset(&mut world, 1_000);
    world.run(120_000, |now| {
        vec![dead(if now < 50_000 { 104 } else { 0 })]
    });
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::DeadOpen),
            (Action::Updated, Verdict::DeadOpen)
        ]
    );
    assert!(!world.findings[0].evidence.error_delivered);
    assert!(world.last().evidence.error_delivered);
}

#[test]
fn what_both_sides_have_ended_in_order_is_dead_open_while_the_descriptor_is_kept() {
    let mut world = scanning();
    let ended = counted(dead(0), |c| c.fin_received = true);
    world.run(60_000, |_| vec![ended.clone()]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadOpen)]);
    assert!(!world.last().evidence.error_delivered);
    assert_eq!(
        world.last().summary,
        "app7 (pid 7, fd 5) keeps the descriptor of its connection with 10.0.0.1:1001, which both sides have ended"
    );
}

#[test]
fn a_socket_whose_addresses_were_taken_back_is_not_dead_open() {
    let mut world = scanning();
    world.run(200_000, |_| vec![counted(dead(0), |c| c.shutdown = 0)]);
    assert!(world.findings.is_empty());
}

#[test]
fn a_connect_that_failed_was_never_a_connection() {
    let mut world = scanning();
    established(&mut world, 1);
    let mut end = change(1, TcpState::SynSent, TcpState::Closed);
    (end.error, end.role) = (110, Role::Client);
    world.change(1_000, 1, end);
    let failed = SocketView {
        role: Role::Client,
        ..dead(110)
    };
    world.run(200_000, |_| vec![failed.clone()]);
    assert!(world.findings.is_empty());
}

#[test]
fn a_full_queue_that_nobody_touches_is_never_reads() {
    let mut world = scanning();
    established(&mut world, 1);
    world.run(100_000, |_| vec![full(200_000, 300_000)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NeverReads)]);
    let finding = world.last();
    assert!(finding.opened >= at(75_000), "still since the first look");
    assert_eq!(finding.evidence.window_bytes, Some(0));
    assert_eq!(
        finding.summary,
        "app7 (pid 7, fd 5) has left 200000 bytes from 10.0.0.1:1001 unread for 60 s"
    );
}

#[test]
fn a_slow_reader_and_a_small_queue_are_not_never_reads() {
    let mut world = scanning();
    established(&mut world, 1);
    world.run(600_000, |now| {
        vec![full(
            200_000 - u32::try_from(now / 50_000).unwrap(),
            300_000,
        )]
    });
    assert!(world.findings.is_empty());
    // It reads as fast as it receives.
    world.run(1_200_000, |now| vec![full(200_000, now)]);
    assert!(world.findings.is_empty());
    let mut small = full(1_000, 1_000);
    small.counters.as_mut().unwrap().window = Some(60_000);
    world.run(1_800_000, |_| vec![small.clone()]);
    assert!(world.findings.is_empty());
}

#[test]
fn one_that_reads_at_last_is_resumed() {
    let mut world = scanning();
    established(&mut world, 1);
    world.run(150_000, |now| {
        let unread = if now < 100_000 { 200_000 } else { 0 };
        vec![full(unread, 300_000)]
    });
    assert_eq!(world.findings.len(), 2);
    assert_eq!(world.resolution(), Some(Resolution::Resumed));
}

fn unanswered(retransmits: u8, backoff: u8, probes: u8) -> Vec<SocketView> {
    let counters = SocketCounters {
        unacked: 6,
        retransmits,
        backoff,
        probes,
        ..SocketCounters::default()
    };
    vec![seen(TcpState::Established, counters)]
}

#[test]
fn data_sent_again_three_times_or_three_probes_are_a_dead_peer() {
    // Where the neighbour cannot be reached the back-off is taken back.
    for (retransmits, backoff, probes) in [(3, 0, 0), (0, 0, 3)] {
        let mut world = scanning();
        established(&mut world, 1);
        world.run(45_000, |_| unanswered(retransmits, backoff, probes));
        assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadPeer)]);
        let mut end = change(1, TcpState::Established, TcpState::Closed);
        end.error = 110;
        end.dead = true;
        world.change(50_000, 1, end);
        assert_eq!(world.resolution(), Some(Resolution::TimedOut));
    }
}

#[test]
fn a_living_peer_that_keeps_its_window_closed_is_not_dead() {
    let mut world = scanning();
    established(&mut world, 1);
    // Every probe is answered, and their time doubled all the same.
    world.run(600_000, |_| unanswered(0, 9, 0));
    world.run(900_000, |_| unanswered(2, 3, 2));
    assert!(world.findings.is_empty());
}

#[test]
fn a_peer_that_neither_sends_nor_ends_is_not_closing() {
    let mut world = scanning();
    established(&mut world, 1);
    world.state(1_000, 1, TcpState::Established, TcpState::FinWait1);
    world.state(1_001, 1, TcpState::FinWait1, TcpState::FinWait2);
    let idle = seen(TcpState::FinWait2, SocketCounters::default());
    world.run(120_000, |_| vec![idle.clone()]);
    assert_eq!(
        world.verdicts(),
        [(Action::Opened, Verdict::PeerNotClosing)]
    );
    assert!(world.last().opened >= at(61_000));
    let what = What::TimeWaitEntered {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    };
    world.tell(130_000, 1, what);
    assert_eq!(world.resolution(), Some(Resolution::PeerClosed));
}

#[test]
fn a_peer_that_speaks_on_or_an_orphan_is_no_fault() {
    let mut world = scanning();
    established(&mut world, 1);
    world.state(1_000, 1, TcpState::Established, TcpState::FinWait1);
    world.state(1_001, 1, TcpState::FinWait1, TcpState::FinWait2);
    world.run(600_000, |now| {
        let counters = SocketCounters {
            bytes_received: now / 40_000,
            ..SocketCounters::default()
        };
        vec![seen(TcpState::FinWait2, counters)]
    });
    assert!(world.findings.is_empty());
    let orphan = SocketView {
        holders: Vec::new(),
        ..seen(TcpState::FinWait2, SocketCounters::default())
    };
    world.run(1_200_000, |_| vec![orphan.clone()]);
    assert!(world.findings.is_empty());
}

#[test]
fn an_answer_that_nobody_acknowledges_is_a_dead_peer_whether_or_not_its_fin_had_come() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(40_000, |now| {
        let tries = u8::try_from(now / 3_000).unwrap();
        let counters = SocketCounters {
            unacked: 9,
            write_seq: Some(9),
            retransmits: tries,
            backoff: tries,
            bytes_sent: 9 * u64::from(tries),
            ..numbers()
        };
        vec![seen(TcpState::CloseWait, counters)]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadPeer)]);
    assert!(world.last().evidence.retransmits >= Some(3));
    assert_eq!(world.last().evidence.written_bytes, Some(9));
}

#[test]
fn a_fin_behind_a_hole_is_evidence() {
    let mut world = scanning();
    world.run(100_000, |_| {
        vec![SocketView {
            fin_behind_hole: true,
            ..full(200_000, 300_000)
        }]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NeverReads)]);
    assert!(world.last().evidence.fin_behind_hole);
}

#[test]
fn a_record_from_before_the_last_look_moves_nothing_back() {
    let mut world = scanning();
    established(&mut world, 1);
    world.run(60_000, |_| vec![dead(104)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadOpen)]);
    world.state(900, 1, TcpState::CloseWait, TcpState::LastAck);
    world.run(75_000, |_| vec![dead(104)]);
    assert_eq!(world.findings.len(), 1, "{:?}", world.verdicts());
}
