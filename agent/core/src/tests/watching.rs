//! What is watched: places, sockets that nothing announces, many of them.

use super::*;
use crate::model::finding::Confidence;
use crate::model::interest::Interest;
use crate::model::look::{Queued, Unheld};

fn waiting(n: u64, state: TcpState) -> SocketView {
    SocketView {
        state,
        holders: Vec::new(),
        inode: None,
        queued: Some(Box::new(Queued {
            listener: Some(sock(0)),
            listeners: vec![holder(3, 3)],
            proven: true,
        })),
        ..view(n)
    }
}

fn minisocks(count: u32) -> Vec<Unheld> {
    let address = |n: u32| {
        let [_, a, b, c] = n.to_be_bytes();
        SocketAddr::from(([10, 1 + a, b, c], 40_000))
    };
    let minisock = |n| Unheld {
        endpoints: Endpoints {
            peer: address(n),
            ..ends(0)
        },
        state: TcpState::TimeWait,
        minisock: true,
    };
    (0..count).map(minisock).collect()
}

#[test]
fn a_leak_among_2300_active_closes_a_second_is_followed_and_nothing_else_is() {
    let mut world = World::scanning(Settings::default());
    world.kernel.unheld = Some(minisocks(60 * 2_300));
    world.run(60_000, |_| Vec::new());
    assert_eq!(world.engine.stats().watched, 0);
    world.half_closed(1, 60_000);
    world.run(80_000, |_| vec![view(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    assert_eq!(world.engine.stats().watched, 1);
}

#[test]
fn what_ends_is_watched_no_longer() {
    let mut world = World::scanning(Settings::default());
    for n in 0..500 {
        world.half_closed(n, n);
    }
    world.run(20_000, |_| (0..500).map(view).collect());
    assert_eq!(world.engine.stats().watched, 500);
    world.kernel.records_lost = true;
    for n in 0..500 {
        world.end(20_000, n);
    }
    world.run(40_000, |_| Vec::new());
    let stats = world.engine.stats();
    assert_eq!((stats.watched, stats.findings), (0, 0));
    assert_eq!(world.resolution(), Some(Resolution::Resync));
}

/// A look takes time, and records that are newer than it come first: a program ends, all its connections with it, and the
/// look still shows them.
#[test]
fn a_look_that_is_older_than_a_connection_s_end_does_not_bring_it_back() {
    let mut world = World::scanning(Settings::default());
    world.half_closed(1, 0);
    world.run(20_000, |_| vec![view(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    let old = world.snapshot(20_500, vec![view(1)]);
    world.end(20_501, 1);
    world.engine.handle_look(&old, at(20_600));
    world.drain(at(20_600), &|_| Vec::new());
    assert_eq!(world.verdicts().len(), 2, "{:?}", world.verdicts());
    assert_eq!(world.last().action, Action::Resolved);
    assert_eq!(world.engine.stats().watched, 0);
}

/// Where only `sock_diag` was asked, its cookie is the socket's name, and no place is known by that.
#[test]
fn a_socket_that_is_named_by_its_cookie_is_followed() {
    let mut world = World::scanning(Settings::default());
    let named = SocketView {
        sock: 4711,
        cookie: Some(4711),
        counters: Some(SocketCounters {
            snd_una: None,
            write_seq: None,
            ..view(1).counters.unwrap()
        }),
        ..view(1)
    };
    world.run(40_000, |_| vec![named.clone()]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    assert_eq!(world.last().half_closed_since, None);
    assert_eq!(world.shown().cookie, Some(4711));
    world.run(60_000, |_| Vec::new());
    assert_eq!(world.last().action, Action::Resolved);
}

#[test]
fn without_places_an_idle_connection_of_a_client_is_likely() {
    let mut world = World::scanning(Settings::default());
    world.kernel.places_lost = true;
    world.client_half_closed(1, 0);
    world.run(40_000, |_| vec![particular::pooled(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    assert_eq!(world.last().confidence, Confidence::Likely);
    assert_eq!(world.last().evidence.missing, ["fin"]);
}

#[test]
fn a_place_whose_socket_was_reset_is_freed_and_makes_no_more_looks() {
    let mut world = World::new();
    world.half_closed(1, 0);
    let closed = |_| {
        vec![SocketView {
            state: TcpState::Closed,
            ..drained(1)
        }]
    };
    world.run(600_000, closed);
    assert!(world.kernel.half.is_empty());
    assert!(world.looks.len() <= 2, "{:?}", world.looks);
}

#[test]
fn a_place_is_kept_while_who_was_reset_may_be_told_of_the_end() {
    let mut world = World::new();
    world.half_closed(1, 0);
    let reset = |_| {
        vec![SocketView {
            state: TcpState::Closed,
            ..counted(drained(1), |c| (c.error, c.shutdown) = (104, 3))
        }]
    };
    world.run(100_000, reset);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadOpen)]);
    assert_eq!(world.kernel.half.len(), 1);
    assert!(world.looks.len() <= 12, "{:?}", world.looks);
}

#[test]
fn who_subscribes_is_told_after_a_look_at_everything_and_knows_findings_by_the_same_name() {
    let mut world = World::new();
    world.run(1_000, |_| Vec::new());
    let interest = Interest::in_states([TcpState::CloseWait]);
    world.engine.set_interest(interest, at(1_000));
    assert!(!world.engine.is_telling());
    world.run(60_000, |_| vec![view(1)]);
    assert!(world.engine.is_telling());
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    let followed = world.engine.connections();
    let names: Vec<_> = followed.iter().map(|view| view.connection.key).collect();
    assert_eq!(names, [world.shown().key]);
    assert!(world.looks.len() <= 12, "{:?}", world.looks);
}

#[test]
fn the_whole_accept_queue_is_judged() {
    let mut world = World::new();
    for n in 1..=201 {
        world.state(0, n, TcpState::Established, TcpState::CloseWait);
    }
    world.run(8_000, |_| {
        (1..=201).map(|n| waiting(n, TcpState::CloseWait)).collect()
    });
    assert_eq!(world.findings.len(), 201);
    let never_accepted = |f: &Arc<Finding>| f.verdict == Verdict::NeverAccepted;
    assert!(world.findings.iter().all(never_accepted));
}

#[test]
fn one_that_was_reset_in_the_queue_is_never_accepted_until_it_is() {
    let mut world = World::new();
    let what = What::ResetQueued { endpoints: ends(1) };
    world.tell(100, 1, what);
    let reset = |view| counted(view, |c| (c.error, c.shutdown) = (104, 3));
    world.run(9_000, |_| vec![reset(waiting(1, TcpState::Closed))]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NeverAccepted)]);
    assert_eq!(world.last().holders, [holder(3, 3)]);
    let accepted = SocketView {
        state: TcpState::Closed,
        ..reset(drained(1))
    };
    world.run(20_000, |_| vec![accepted.clone()]);
    assert_eq!(world.resolution(), Some(Resolution::Accepted));
    // From then on it is somebody's, and has its time.
    world.run(39_000, |_| vec![accepted.clone()]);
    assert_eq!(world.findings.len(), 2);
    world.run(60_000, |_| vec![accepted.clone()]);
    assert_eq!(world.last().verdict, Verdict::DeadOpen);
}

#[test]
fn never_reads_goes_on_as_eof_unread_once_the_fin_has_come() {
    let mut world = World::scanning(Settings::default());
    let shut = SocketView {
        state: TcpState::Established,
        ..counted(view(1), |c| (c.unread, c.window) = (100_000, Some(0)))
    };
    world.run(90_000, |_| vec![shut.clone()]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NeverReads)]);
    world.kernel.records_lost = true;
    world.state(91_000, 1, TcpState::Established, TcpState::CloseWait);
    world.run(200_000, |_| vec![counted(view(1), |c| c.unread = 100_001)]);
    assert_eq!(
        world.verdicts()[1..],
        [(Action::Updated, Verdict::EofUnread)]
    );
    assert_eq!(world.last().id, world.findings[0].id);
    assert_eq!(world.last().history.len(), 1);
    assert_eq!(world.last().half_closed_since, Some(at(91_000)));
}

#[test]
fn the_history_of_a_finding_is_short_and_counts_the_rest() {
    let mut world = World::new();
    world.half_closed(1, 0);
    // A loop that reads the end a thousand times a second every other minute, for a day.
    let spun = |now: u64| now / 120_000 * 60_000 + (now % 120_000).saturating_sub(60_000);
    world.run(24 * 3_600_000, |now| {
        vec![SocketView {
            half: Some(Box::new(HalfClosed {
                eof_at: Some(at(10)),
                eof_count: u32::try_from(spun(now)).unwrap() + 1,
                ..fin(0)
            })),
            ..drained(1)
        }]
    });
    let changes = world.findings.iter().map(|finding| finding.verdict_changes);
    assert!(changes.max().unwrap() > 8);
    assert!(world.findings.iter().all(|f| f.history.len() <= 8));
}
