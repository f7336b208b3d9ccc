//! How servers end idle connections of clients, and what is no farewell.

use super::particular::pooled;
use super::*;
use crate::model::finding::Severity;
use crate::model::waiting::{WaitState, Waiting};

/// When the server ends them.
const FIN: u32 = 10_000;

/// The n-th connection, on which the client has been quiet for so long when some last bytes came with the FIN.
fn goodbye(n: u64, bytes: u32, quiet: u32) -> SocketView {
    let half = HalfClosed {
        unread: bytes + 1,
        last_sent: FIN - quiet,
        last_received: FIN,
        ..fin(u64::from(FIN))
    };
    let view = counted(pooled(n), |c| {
        c.unread = bytes + 1;
        c.bytes_received = 201 + u64::from(bytes);
        (c.last_sent, c.last_received) = (half.last_sent, half.last_received);
    });
    SocketView {
        half: Some(Box::new(half)),
        ..view
    }
}

/// Only a FIN.
fn closed(n: u64, state: Option<WaitState>, attended: bool) -> SocketView {
    let waiting = state.map(|state| Waiting {
        state,
        thread: None,
        attended,
    });
    SocketView {
        half: Some(Box::new(fin(u64::from(FIN)))),
        waiting,
        ..pooled(n)
    }
}

fn world() -> World {
    World::scanning(Settings::default())
}

#[test]
fn must_not_be_more_than_info_that_a_server_says_goodbye_to_an_idle_connection() {
    // close_notify, 57P01, a 408 response, GOAWAY with its close_notify.
    for bytes in [24, 116, 210, 63] {
        let mut world = world();
        world.run(1_800_000, |_| vec![goodbye(1, bytes, 5_000)]);
        assert_eq!(world.verdicts(), [(Action::Opened, Verdict::StalePooled)]);
        assert_eq!(world.last().severity, Severity::Info);
        assert_eq!(world.last().evidence.missing, ["answer", "use"]);
    }
}

#[test]
fn must_not_be_more_than_info_that_a_server_says_the_same_to_all_its_clients_at_once() {
    let mut world = world();
    // Some were used less than half a second before.
    world.run(1_800_000, |_| {
        (1..=50).map(|n| goodbye(n, 116, 400)).collect()
    });
    assert_eq!(world.findings.len(), 50);
    for finding in &world.findings {
        assert_eq!(finding.verdict, Verdict::StalePooled);
        assert_eq!(finding.severity, Severity::Info);
    }
    let incidents = world.engine.incidents();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].severity, Severity::Info);
}

#[test]
fn must_not_hide_an_answer_that_is_left_unread_by_whoever_has_just_asked() {
    let mut world = world();
    world.run(60_000, |_| vec![goodbye(1, 116, 400)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
}

#[test]
fn must_not_hide_a_first_answer_of_which_nothing_was_read() {
    let mut world = world();
    world.run(60_000, |_| {
        vec![counted(goodbye(1, 500, 5_000), |c| c.bytes_received = 501)]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
}

#[test]
fn a_fin_and_a_reset_a_minute_later_are_one_finding() {
    let mut world = world();
    world.client_half_closed(1, 0);
    let reset = || SocketView {
        state: TcpState::Closed,
        ..counted(pooled(1), |c| (c.error, c.shutdown) = (104, 3))
    };
    world.run(60_000, |_| vec![pooled(1)]);
    let mut end = change(1, TcpState::CloseWait, TcpState::Closed);
    end.error = 104;
    world.change(60_000, 1, end);
    world.run(300_000, |_| vec![reset()]);
    assert_eq!(world.findings[0].verdict, Verdict::StalePooled);
    let ids: Vec<u64> = world.findings.iter().map(|f| f.id).collect();
    assert!(ids.iter().all(|id| *id == 1), "{ids:?}");
    assert_eq!(world.engine.findings().len(), 1);
    assert_eq!(world.engine.findings()[0].severity, Severity::Info);
}

#[test]
fn a_pool_s_connection_is_not_one_whose_loop_is_stuck_or_does_not_want_to_read() {
    let cases = [
        (WaitState::EpollLevelReady, true, Verdict::StalePooled),
        (WaitState::EpollEdgeDelivered, false, Verdict::StalePooled),
        (WaitState::NobodyWaits, false, Verdict::StalePooled),
        (WaitState::EpollLevelReady, false, Verdict::EofUnread),
        (WaitState::EpollEdgeNotFetched, false, Verdict::EofUnread),
        (WaitState::EpollReadNotAsked, false, Verdict::EofUnread),
    ];
    for (state, attended, verdict) in cases {
        let mut world = world();
        world.run(120_000, |_| vec![closed(1, Some(state), attended)]);
        let told = world.verdicts();
        assert_eq!(told, [(Action::Opened, verdict)], "{state:?}");
    }
}

#[test]
fn a_loop_that_is_seen_asleep_now_and_then_is_not_stuck() {
    let mut world = world();
    let level = Some(WaitState::EpollLevelReady);
    world.run(600_000, |now| vec![closed(1, level, now / 10_000 % 3 == 0)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::StalePooled)]);
}

#[test]
fn must_not_hide_a_pool_in_a_loop_that_gets_stuck_and_it_keeps_its_findings() {
    let mut world = world();
    let level = Some(WaitState::EpollLevelReady);
    world.run(200_000, |now| {
        let asleep = now < 80_000;
        (1..=10).map(|n| closed(n, level, asleep)).collect()
    });
    let count = |verdict| {
        let told = world.findings.iter();
        told.filter(|f| f.verdict == verdict).count()
    };
    assert_eq!(count(Verdict::StalePooled), 10);
    assert_eq!(count(Verdict::EofUnread), 10);
    let open = world.engine.findings();
    assert_eq!(open.len(), 10);
    for finding in open {
        assert_eq!(finding.verdict, Verdict::EofUnread);
        assert_eq!(finding.history[0].0, Verdict::StalePooled);
        assert!(finding.hint.starts_with("An event loop has it"));
    }
}

#[test]
fn must_not_hide_a_session_for_each_request_that_is_never_closed() {
    let mut world = world();
    let session = |n: u64| {
        let mut view = closed(n, None, false);
        let port = 30_000 + u16::try_from(n).unwrap();
        view.endpoints.local = SocketAddr::new(addr("10.0.0.2:0").ip(), port);
        view.endpoints.peer = addr("10.0.0.9:80");
        view.half = Some(Box::new(fin(n * 3_000)));
        view
    };
    world.run(900_000, |now| (1..=now / 3_000).map(session).collect());
    let incidents = world.engine.incidents();
    assert_eq!(incidents.len(), 1);
    assert!(incidents[0].rising);
    assert_eq!(incidents[0].severity, Severity::Warning);
}
