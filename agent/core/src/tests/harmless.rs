//! What may be work is worth knowing at most, however long it lasts; what cannot be work, or is too much, is told.

use super::*;
use crate::model::finding::Severity;
use crate::model::incident::Reason;
use crate::model::look::Queued;
use crate::model::peer::Peer;

const MINUTE: u64 = 60_000;

/// The worst that incidents were, and why.
fn worst(world: &World) -> Option<(Severity, Option<Reason>)> {
    let events = world.events.iter();
    let told = events.filter_map(|event| {
        if let Body::Incident(incident) = &event.body {
            Some((incident.severity, incident.reason))
        } else {
            None
        }
    });
    told.max_by_key(|(severity, _)| *severity)
}

fn after(minutes: u64, answer: impl Fn(u64) -> Vec<SocketView>) -> World {
    let mut world = World::scanning(Settings::default());
    world.run(minutes * MINUTE, answer);
    world
}

fn ended(n: u64, fin_at: u64) -> SocketView {
    SocketView {
        half: Some(Box::new(fin(fin_at))),
        ..view(n)
    }
}

fn told(n: u64) -> SocketView {
    let half = HalfClosed {
        eof_at: Some(at(20)),
        eof_count: 1,
        ..fin(10)
    };
    SocketView {
        half: Some(Box::new(half)),
        ..drained(n)
    }
}

fn waiting(n: u64) -> SocketView {
    SocketView {
        state: TcpState::FinWait2,
        ..drained(n)
    }
}

#[track_caller]
fn is_info(world: &World) {
    let worst = worst(world).map(|(severity, _)| severity);
    assert!(worst <= Some(Severity::Info), "{worst:?}");
}

#[test]
fn must_not_be_more_than_info_that_a_handler_works_for_a_client_that_has_left() {
    is_info(&after(20, |now| {
        // Another one every two minutes, each for 90 seconds.
        let n = now / 120_000;
        let at_work = now % 120_000 < 90_000;
        Vec::from_iter(at_work.then(|| ended(n, n * 120_000 + 10)))
    }));
}

#[test]
fn must_not_be_more_than_info_that_a_query_runs_for_two_hours_whose_client_is_far_away() {
    is_info(&after(120, |_| vec![ended(1, 10)]));
}

#[test]
fn must_not_be_more_than_info_that_a_long_poll_or_a_quiet_session_is_told_of_the_end() {
    is_info(&after(120, |_| vec![told(1), told(2)]));
}

#[test]
fn must_not_be_more_than_info_that_a_reader_takes_a_batch_every_twenty_seconds() {
    is_info(&after(60, |now| {
        let batches = u32::try_from(now / 20_000).unwrap();
        vec![counted(ended(1, 10), |c| c.unread = 1_000_000 - batches)]
    }));
}

#[test]
fn must_not_be_more_than_info_that_whoever_has_half_closed_waits() {
    let world = after(120, |_| (1..=8).map(waiting).collect());
    assert_eq!(world.engine.findings().len(), 8);
    is_info(&world);
}

#[test]
fn must_not_be_more_than_info_that_a_handler_is_at_work_when_its_client_resets() {
    let world = after(10, |_| {
        let reset = SocketView {
            state: TcpState::Closed,
            ..drained(1)
        };
        vec![counted(reset, |c| (c.error, c.shutdown) = (104, 3))]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadOpen)]);
    assert!(!world.last().evidence.error_delivered);
    is_info(&world);
}

#[test]
fn must_not_hide_a_query_whose_client_on_this_host_is_gone() {
    let client = || SocketView {
        role: Role::Client,
        endpoints: ends(1).reversed(),
        ..held_by(8, waiting(2))
    };
    let world = after(30, |now| {
        let here = now < 40_000;
        here.then(client)
            .into_iter()
            .chain([ended(1, 10)])
            .collect()
    });
    assert_eq!(world.last().evidence.peer, Some(Peer::Gone));
    assert_eq!(worst(&world), Some((Severity::Warning, Some(Reason::Age))));
}

#[test]
fn must_not_hide_threads_that_are_blocked_for_days_one_for_each_peer() {
    let world = after(30, |_| (1..=12).map(|n| ended(n, 10)).collect());
    assert_eq!(
        worst(&world),
        Some((Severity::Warning, Some(Reason::Crowd)))
    );
}

#[test]
fn must_not_hide_a_crowd_that_waits_for_lazy_pools_or_a_userland_network_stack() {
    for count in [40, 285] {
        let world = after(60, |_| (1..=count).map(waiting).collect());
        assert_eq!(
            worst(&world),
            Some((Severity::Warning, Some(Reason::Crowd)))
        );
    }
}

#[test]
fn must_not_hide_a_closed_handle_with_a_live_reference() {
    let world = after(2, |_| vec![told(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
}

#[test]
fn must_not_hide_a_lock_that_is_held_with_the_request_unread() {
    let world = after(1, |_| vec![counted(ended(1, 10), |c| c.unread = 400)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    assert_eq!(world.last().evidence.unread_bytes, Some(400));
}

#[test]
fn a_server_s_handler_may_still_wait_for_its_backend_and_the_hint_says_so() {
    let backend = |asks: bool| {
        let view = SocketView {
            state: TcpState::Established,
            role: Role::Client,
            ..drained(2)
        };
        counted(view, |c| {
            (c.bytes_sent, c.bytes_acked) = (100, 100);
            (c.last_sent, c.last_received) = if asks { (9, 5) } else { (5, 9) };
        })
    };
    for asks in [true, false] {
        let world = after(1, |_| vec![ended(1, 10), backend(asks)]);
        assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
        let hint = &world.last().hint;
        assert_eq!(hint.contains("still waits for its backend"), asks, "{hint}");
    }
}

#[test]
fn must_not_flag_a_half_closed_client_that_takes_nothing_for_an_hour() {
    let world = after(60, |now| {
        let full = counted(told(1), |c| {
            (c.write_seq, c.unacked) = (Some(9_000), 9_000);
            c.last_heard = u32::try_from(now).unwrap();
        });
        vec![full]
    });
    assert!(world.findings.is_empty());
}

#[test]
fn must_not_be_more_than_info_that_a_queue_moves_slowly() {
    let queued = |n: u64| SocketView {
        holders: Vec::new(),
        inode: None,
        queued: Some(Box::new(Queued {
            listener: Some(sock(0)),
            listeners: vec![holder(3, 3)],
            proven: true,
        })),
        ..ended(n, n * 1_000)
    };
    let listener = || SocketView {
        state: TcpState::Listen,
        holders: vec![holder(3, 3)],
        ..counted(drained(0), |c| (c.backlog, c.max_backlog) = (7, 128))
    };
    // One is accepted every second, seven seconds after its peer has left.
    let world = after(10, |now| {
        let waiting = (now / 1_000).saturating_sub(6).max(1)..=now / 1_000;
        let waiting = waiting.map(queued);
        std::iter::once(listener()).chain(waiting).collect()
    });
    let never_accepted = |f: &Arc<Finding>| f.verdict == Verdict::NeverAccepted;
    assert!(!world.findings.is_empty() && world.findings.iter().all(never_accepted));
    is_info(&world);
}
