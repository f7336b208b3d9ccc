//! Findings become incidents: what the engine says of a cause as a whole.

use super::*;
use crate::model::finding::Severity;
use crate::model::incident::{Incident, Reason};
use crate::model::look::Queued;
use crate::model::process::{Descriptors, Identity};
use crate::settings::exception::Exception;
use crate::settings::incident::Value;

const MINUTE: u64 = 60_000;

/// What was told of incidents, and when.
fn told(world: &World) -> Vec<(u64, &Incident)> {
    let events = world.events.iter();
    let told = events.filter_map(|event| {
        if let Body::Incident(incident) = &event.body {
            Some((ms(event.time), &**incident))
        } else {
            None
        }
    });
    told.collect()
}

fn count(world: &World, action: Action) -> usize {
    let told = told(world).into_iter();
    told.filter(|(_, incident)| incident.action == action)
        .count()
}

/// The n-th connection hangs up so many milliseconds after the start, and nobody reads its end.
fn unread(n: u64, fin_at: u64) -> SocketView {
    SocketView {
        half: Some(Box::new(fin(fin_at))),
        ..view(n)
    }
}

/// One more every 40 seconds.
fn leak(now: u64) -> Vec<SocketView> {
    let fins = (1..).map(|n| n * 40_000).take_while(|fin| *fin <= now);
    fins.zip(1..).map(|(fin, n)| unread(n, fin)).collect()
}

/// As a client's connection to port 5432.
fn to_database(view: SocketView, n: u64) -> SocketView {
    let local = SocketAddr::new(addr("10.0.0.2:0").ip(), 30_000 + u16::try_from(n).unwrap());
    SocketView {
        role: Role::Client,
        endpoints: Endpoints {
            local,
            peer: addr("10.0.0.9:5432"),
            netns: 1,
        },
        ..view
    }
}

#[test]
fn a_leak_opens_one_incident_that_rises_and_ends_with_it() {
    let mut world = World::scanning(Settings::default());
    let identity = Identity {
        executable: Some("/usr/bin/python3.13".into()),
        arguments: ["python3", "-m", "shop"].map(Into::into).into(),
        cgroup: Some("/system.slice/shop.service".into()),
        container: None,
    };
    world.kernel.identities.insert(7, identity);
    let descriptors = Descriptors {
        open: 50,
        limit: 1024,
    };
    world.kernel.descriptors.insert(7, descriptors);
    world.run(20 * MINUTE, leak);
    world.run(40 * MINUTE, |_| Vec::new());
    let all = told(&world);
    assert_eq!(count(&world, Action::Opened), 1);
    let (_, first) = all[0];
    assert_eq!(&*first.cause.workload, "shop.service");
    assert_eq!(&*first.cause.program, "python shop");
    assert_eq!(
        (first.cause.role, first.cause.port),
        (Role::Server, Some(80))
    );
    assert_eq!((first.severity, first.reason), (Severity::Info, None));
    let risen = all.iter().find(|(_, incident)| incident.rising);
    let (at, risen) = risen.unwrap();
    assert!((4 * MINUTE..=9 * MINUTE).contains(at), "{at}");
    assert_eq!(risen.reason, Some(Reason::Rising));
    let most = all.iter().map(|(_, incident)| incident.connections).max();
    assert_eq!(most, Some(29));
    assert_eq!(all.last().unwrap().1.action, Action::Resolved);
    let forecast = all
        .iter()
        .rev()
        .find_map(|(_, told)| told.descriptors?.full_in);
    assert!(forecast.is_some());
    assert_eq!(world.engine.incidents().len(), 0);
    assert_eq!(world.engine.stats().incidents, 0);
}

#[test]
fn a_thousand_connections_that_hang_up_at_once_do_not_rise() {
    let mut world = World::scanning(Settings::default());
    let all = |_| (1..=200).map(|n| unread(n, 1_000 + n * 250)).collect();
    world.run(120 * MINUTE, all);
    let told = told(&world);
    assert!(told.iter().all(|(_, incident)| !incident.rising));
    let last = told.last().unwrap().1;
    assert_eq!(
        (last.severity, last.reason),
        (Severity::Warning, Some(Reason::Crowd))
    );
}

#[test]
fn a_pool_that_goes_stale_over_ten_minutes_does_not_rise() {
    let mut world = World::scanning(Settings::default());
    let pool = |now: u64| {
        let one = |n: u64| {
            let hangs_up = n * 3_000;
            let view = to_database(unread(n, hangs_up), n);
            if hangs_up <= now {
                return view;
            }
            SocketView {
                state: TcpState::Established,
                half: None,
                ..view
            }
        };
        (1..=200).map(one).collect()
    };
    world.run(60 * MINUTE, pool);
    assert!(told(&world).iter().all(|(_, incident)| !incident.rising));
    assert_eq!(told(&world).last().unwrap().1.connections, 200);
}

/// A listener on port 80 that holds this many of eight.
fn listener(waiting: u32) -> SocketView {
    let listening = SocketView {
        sock: sock(900),
        state: TcpState::Listen,
        endpoints: Endpoints {
            peer: addr("0.0.0.0:0"),
            ..ends(1)
        },
        ..drained(900)
    };
    counted(listening, |counters| {
        (counters.backlog, counters.max_backlog) = (waiting, 8);
    })
}

fn queued(n: u64) -> SocketView {
    SocketView {
        holders: Vec::new(),
        queued: Some(Box::new(Queued {
            listener: Some(sock(900)),
            listeners: vec![holder(7, 3)],
            proven: true,
        })),
        inode: None,
        ..unread(n, 1_000)
    }
}

#[test]
fn an_accept_queue_that_does_not_move_is_a_warning_and_a_full_one_critical() {
    let run = |waiting: u32| {
        let mut world = World::scanning(Settings::default());
        world.run(3 * MINUTE, |_| {
            let queue = (1..=u64::from(waiting)).map(queued);
            queue.chain([listener(waiting)]).collect()
        });
        let last = told(&world).last().unwrap().1.clone();
        assert_eq!(last.queue.unwrap().waiting, waiting);
        (last.severity, last.reason)
    };
    assert_eq!(run(3), (Severity::Warning, Some(Reason::Queue)));
    assert_eq!(run(8), (Severity::Critical, Some(Reason::Queue)));
}

#[test]
fn incidents_have_settings_per_process_and_port() {
    let exception = |process: &str, port, crowd| Exception {
        process: Some(process.to_owned()),
        port,
        incidents: [("crowd".to_owned(), Value::Number(crowd))].into(),
        ..Exception::default()
    };
    let warned = |exceptions| {
        let mut world = World::scanning(Settings {
            exceptions,
            ..Settings::default()
        });
        world.run(10 * MINUTE, |_| (1..=5).map(|n| unread(n, 1_000)).collect());
        told(&world).last().unwrap().1.severity == Severity::Warning
    };
    assert!(!warned(Vec::new()));
    assert!(warned(vec![exception("app7", None, 5)]));
    assert!(warned(vec![exception("app7", Some(80), 5)]));
    assert!(!warned(vec![exception("app7", Some(81), 5)]));
    assert!(!warned(vec![exception("app8", None, 5)]));
}

#[test]
fn requests_that_are_lost_without_a_finding_are_counted_by_their_incident() {
    let mut world = World::new();
    for n in 1..=60 {
        let fin_at = n * 4_000;
        world.run(fin_at, |_| Vec::new());
        world.client_half_closed(n, fin_at);
        world.write(fin_at + 500, n, 520);
        world.reset(fin_at + 501, n);
        world.end(fin_at + 502, n);
    }
    world.run(5 * MINUTE, |_| Vec::new());
    assert!(world.findings.is_empty());
    let warned = told(&world).into_iter().map(|(_, told)| told);
    let warned = warned.max_by_key(|told| told.lost_requests).unwrap();
    assert_eq!(warned.lost_requests, 60);
    assert_eq!(warned.reason, Some(Reason::LostRequests));
    assert_eq!(
        (warned.cause.role, warned.cause.port),
        (Role::Client, Some(80))
    );
}

#[test]
fn one_connection_is_a_warning_after_a_quarter_of_an_hour_if_its_peer_is_gone_and_never_if_nobody_knows()
 {
    let client = || SocketView {
        state: TcpState::FinWait2,
        role: Role::Client,
        endpoints: ends(1).reversed(),
        ..held_by(8, drained(2))
    };
    let run = |seen: bool| {
        let mut world = World::scanning(Settings::default());
        world.half_closed(1, 1_000);
        world.eof(1_010, 1);
        world.run(60 * MINUTE, |now| {
            let here = seen && now < 50_000;
            here.then(client).into_iter().chain([drained(1)]).collect()
        });
        let aged = |(_, told): &(u64, &Incident)| told.reason == Some(Reason::Age);
        let first = told(&world).into_iter().find(aged);
        first.map(|(at, _)| at / MINUTE)
    };
    assert_eq!(run(true), Some(15));
    assert_eq!(run(false), None);
}

#[test]
fn what_is_kept_after_its_error_was_told_cannot_be_work() {
    let mut world = World::scanning(Settings::default());
    let kept = SocketView {
        state: TcpState::Closed,
        ..counted(drained(1), |c| (c.write_seq, c.shutdown) = (Some(520), 3))
    };
    world.run(7 * MINUTE, |_| vec![kept.clone()]);
    assert!(world.last().evidence.error_delivered);
    assert_eq!(told(&world).last().unwrap().1.reason, Some(Reason::Age));
}

#[test]
fn a_connection_that_its_keep_alive_ends_stays_in_its_incident() {
    let mut world = World::scanning(Settings::default());
    // A leak whose connections are reset 70 s after their FIN, by the answer to a keep-alive probe.
    let seen = |now: u64| {
        let fins = (1..).map(|n| n * 40_000).take_while(|fin| *fin <= now);
        let one = |(fin, n): (u64, u64)| {
            let over = now >= fin + 70_000;
            let view = unread(n, fin);
            let state = if over { TcpState::Closed } else { view.state };
            counted(SocketView { state, ..view }, |counters| {
                if over {
                    (counters.error, counters.shutdown) = (104, 3);
                }
            })
        };
        fins.zip(1..).map(one).collect()
    };
    world.run(20 * MINUTE, seen);
    assert_eq!(count(&world, Action::Opened), 1);
    let last = told(&world).last().unwrap().1.clone();
    assert_eq!(last.connections, 29);
    let dead = (Verdict::DeadOpen, 27);
    assert!(last.verdicts.contains(&dead), "{:?}", last.verdicts);
    assert_eq!(last.total, 29, "no finding has ended and begun again");
}

#[test]
fn a_leak_that_is_collected_every_twenty_minutes_is_one_incident() {
    let mut world = World::scanning(Settings::default());
    let seen = |now: u64| {
        let since = now - now % (20 * MINUTE);
        let fins = (1..).map(|n| (n * 40_000, n));
        let fins = fins.take_while(|(fin, _)| *fin <= now);
        let open = fins.filter(|(fin, _)| *fin > since);
        open.map(|(fin, n)| unread(n, fin)).collect()
    };
    world.run(100 * MINUTE, seen);
    assert_eq!(count(&world, Action::Opened), 1);
    assert_eq!(count(&world, Action::Resolved), 0);
    let told = told(&world);
    let most = told.iter().map(|(_, told)| told.connections).max();
    assert!((25..=30).contains(&most.unwrap()), "{most:?}");
    let rose = told.iter().map(|(_, told)| told.rising);
    let rises = rose
        .clone()
        .zip(rose.skip(1))
        .filter(|(before, now)| !before & now);
    assert!(rises.count() >= 1, "it rises");
}

#[test]
fn incidents_count_what_the_findings_are_at_every_look() {
    let mut world = World::scanning(Settings::default());
    let seen = |now: u64| -> Vec<SocketView> {
        let live = |n: &u64| (n * 7_000..n * 7_000 + 31_000 * (1 + n % 5)).contains(&now);
        let views = (1..150).filter(live).map(|n| (n, unread(n, n * 7_000)));
        views
            .map(|(n, view)| held_by(7 + u32::try_from(n % 3).unwrap(), view))
            .collect()
    };
    for second in 1..900 {
        world.run(second * 1_000, seen);
        let findings = world.engine.findings().len() as u64;
        assert_eq!(world.engine.counted(), findings, "at {second} s");
    }
}
