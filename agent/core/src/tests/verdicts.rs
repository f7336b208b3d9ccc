//! When each verdict holds, and when it does not.

use finback_common::hook::Signal;

use super::*;
use crate::model::finding::{Confidence, Severity};
use crate::settings::exception::{Exception, GroupPattern};
use crate::settings::verdict::{Level, NEVER, VerdictSettings};

fn without_eof_signal() -> Settings {
    let mut settings = Settings::default();
    settings.signals.remove(&Signal::Eof);
    settings
}

#[test]
fn data_and_fin_taken_together_is_eof_not_requested() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.takes_all(1);
    world.run(31_000, |_| vec![drained(1)]);
    assert!(world.findings.is_empty(), "read at 2 s at the latest");
    world.run(40_000, |_| vec![drained(1)]);
    assert_eq!(
        world.verdicts(),
        [(Action::Opened, Verdict::EofNotRequested)]
    );
    assert_eq!(world.last().evidence.missing, ["peer"]);
}

#[test]
fn a_delivered_eof_without_a_close_is_not_closed() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.eof(1_500, 1);
    world.run(31_000, |_| vec![drained(1)]);
    assert!(world.findings.is_empty());
    world.run(33_000, |_| vec![drained(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    assert_eq!(world.last().evidence.eof_delivered, Some(at(1_500)));
    assert_eq!(world.last().evidence.missing, ["peer"]);
}

#[test]
fn every_delivery_counts() {
    let mut world = World::new();
    world.half_closed(1, 0);
    for _ in 0..3 {
        world.eof(500, 1);
    }
    world.run(40_000, |_| vec![drained(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    assert_eq!(world.last().evidence.eof_deliveries, Some(3));
}

#[test]
fn a_peeked_eof_is_not_closed_though_the_fin_is_in_the_queue() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.eof(1_500, 1);
    world.run(60_000, |_| vec![view(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
}

#[test]
fn a_queue_emptied_by_something_that_no_hook_sees_is_only_likely() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(60_000, |_| vec![drained(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    assert_eq!(world.last().confidence, Confidence::Likely);
    assert_eq!(world.last().evidence.missing, ["eof", "peer"]);
}

#[test]
fn without_the_eof_signal_an_empty_queue_is_only_likely() {
    let mut world = World::with(without_eof_signal());
    world.half_closed(1, 0);
    world.run(60_000, |_| vec![drained(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    assert_eq!(world.last().confidence, Confidence::Likely);
    assert_eq!(world.last().evidence.missing, ["eof", "peer"]);
}

#[test]
fn without_the_eof_signal_a_fin_in_the_queue_is_proof() {
    let mut world = World::with(without_eof_signal());
    world.half_closed(1, 0);
    world.run(60_000, |_| vec![view(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    assert_eq!(world.last().confidence, Confidence::Proven);
}

#[test]
fn sockets_older_than_the_agent_count_from_when_they_were_first_seen() {
    let old = vec![view(1), drained(2)];
    let mut world = World::seeded(Settings::default(), &old);
    world.run(9_000, |_| old.clone());
    assert!(world.findings.is_empty());
    world.run(60_000, |_| old.clone());
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::EofUnread),
            (Action::Opened, Verdict::NotClosed)
        ]
    );
    assert_eq!(world.findings[0].confidence, Confidence::Proven);
    assert_eq!(world.findings[0].half_closed_since, None);
    assert_eq!(world.findings[1].evidence.missing, ["eof", "peer"]);
}

#[test]
fn a_draining_connection_is_never_flagged() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.eof(10, 1);
    // A pause of 25 s between two writes, for an hour.
    world.run(3_600_000, |now| vec![sent(drained(1), now / 25_000 * 100)]);
    assert!(world.findings.is_empty());
}

#[test]
fn data_on_the_way_is_draining() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.eof(10, 1);
    world.run(600_000, |_| vec![counted(drained(1), |c| c.unacked = 1)]);
    assert!(world.findings.is_empty());
}

#[test]
fn after_its_last_byte_a_connection_has_ten_minutes() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.eof(10, 1);
    let answer = |now: u64| vec![sent(drained(1), now.min(60_000))];
    world.run(659_000, answer);
    assert!(world.findings.is_empty(), "somebody was there until then");
    world.run(730_000, answer);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    assert_eq!(world.last().evidence.missing, ["peer"]);
}

#[test]
fn a_slow_reader_is_not_a_forgotten_connection() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(100_000, |now| {
        let unread = u32::try_from(1_000_000 - now).unwrap();
        vec![counted(view(1), |c| c.unread = unread)]
    });
    assert!(world.findings.is_empty());
}

#[test]
fn no_descriptor_found_is_silence_unless_a_delivery_was_seen() {
    let hidden = |_| {
        vec![SocketView {
            holders: Vec::new(),
            counters: None,
            ..view(1)
        }]
    };
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(100_000, hidden);
    assert!(world.findings.is_empty());

    let mut world = World::new();
    world.half_closed(1, 0);
    world.eof(10, 1);
    world.run(100_000, hidden);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    assert_eq!(
        world.last().evidence.missing,
        ["holders", "counters", "peer"]
    );
    let owner = world.shown().owner.as_ref();
    assert_eq!(owner, None, "nobody is accused who holds nothing");
}

#[test]
fn thresholds_and_severities_can_be_set() {
    let mut settings = Settings::default();
    settings.verdicts.insert(
        Verdict::EofUnread,
        VerdictSettings {
            after: Duration::from_millis(200),
            level: Level::Fixed(Severity::Critical),
        },
    );
    let mut world = World::with(settings);
    world.half_closed(1, 100);
    world.run(400, |_| vec![view(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    assert_eq!(world.last().severity, Severity::Critical);
}

#[test]
fn the_last_exception_that_fits_the_process_and_port_counts() {
    let exception = |process: Option<&str>, port, seconds| Exception {
        process: process.map(str::to_owned),
        cgroup: None,
        port,
        thresholds: [(Verdict::EofUnread, Duration::from_secs(seconds))].into(),
        severities: [(Verdict::EofUnread, Level::Fixed(Severity::Critical))].into(),
        ..Exception::default()
    };
    for (exceptions, after, severity) in [
        (
            vec![exception(Some("app7"), None, 60)],
            60,
            Severity::Critical,
        ),
        (vec![exception(None, Some(80), 20)], 20, Severity::Critical),
        (
            vec![exception(Some("app7"), Some(81), 60)],
            10,
            Severity::Info,
        ),
        (vec![exception(Some("app8"), None, 60)], 10, Severity::Info),
        (
            vec![
                exception(None, Some(80), 20),
                exception(Some("app7"), None, 4),
            ],
            4,
            Severity::Critical,
        ),
    ] {
        let mut world = World::with(Settings {
            exceptions,
            ..Settings::default()
        });
        world.half_closed(1, 0);
        world.run(100_000, |_| vec![view(1)]);
        assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
        let finding = world.last();
        assert_eq!(finding.severity, severity);
        assert_eq!(finding.evidence.threshold, Duration::from_secs(after));
        let opened = finding.opened.since(at(0)).as_secs();
        assert!((after..after + 3).contains(&opened), "{opened} s");
    }
}

#[test]
fn a_group_stands_for_all_below_it_and_a_star_for_every_ending() {
    let fits = |pattern, path| GroupPattern::new(pattern).unwrap().fits(path);
    assert!(fits("/a/b", "/a/b"));
    assert!(fits("/a/b/", "/a/b/c"));
    assert!(!fits("/a/b", "/a/bc"));
    assert!(!fits("/a/b", "/a"));
    assert!(fits("/a/b*", "/a/bc/d"));
    assert!(!fits("/a/b*", "/a/c"));
    assert!(fits("/", "/") && fits("/", "/a") && fits("/*", "/a"));
    for wrong in ["a", "", "*", "/a*b", "/a**"] {
        assert_eq!(GroupPattern::new(wrong), None, "{wrong}");
    }
}

#[test]
fn a_process_s_group_can_have_settings_of_its_own() {
    let grouped = |path: Option<&str>| {
        Arc::new(Process {
            group: path.map(Into::into),
            ..(*process(7)).clone()
        })
    };
    let exceptions = vec![Exception {
        cgroup: GroupPattern::new("/shop"),
        severities: [(Verdict::EofUnread, Level::Fixed(Severity::Critical))].into(),
        ..Exception::default()
    }];
    let cases = [
        // The look is younger than the record.
        (Some("/shop"), Some("/else"), Severity::Critical),
        (Some("/else"), Some("/shop"), Severity::Info),
        (None, Some("/shop/a"), Severity::Critical),
        (None, None, Severity::Info),
    ];
    for (seen, recorded, severity) in cases {
        let mut world = World::with(Settings {
            exceptions: exceptions.clone(),
            ..Settings::default()
        });
        let opener = Owner {
            process: grouped(recorded),
            ..owner(7, Attribution::Accept)
        };
        world.opened(0, 1, opener);
        world.state(0, 1, TcpState::Established, TcpState::CloseWait);
        let holder = Holder {
            process: grouped(seen),
            fd: 5,
        };
        let held = SocketView {
            holders: vec![holder],
            ..view(1)
        };
        world.run(100_000, |_| vec![held.clone()]);
        assert_eq!(world.last().severity, severity, "{seen:?} {recorded:?}");
    }
}

#[test]
fn what_is_off_is_not_told_of_whom_it_is_off_for() {
    let about_app7 = |edit: fn(&mut Exception)| {
        let mut exception = Exception {
            process: Some("app7".to_owned()),
            ..Exception::default()
        };
        edit(&mut exception);
        exception
    };
    let no_threshold = about_app7(|of| of.thresholds = [(Verdict::EofUnread, NEVER)].into());
    let no_severity = about_app7(|of| of.severities = [(Verdict::EofUnread, Level::Off)].into());
    for exception in [no_threshold, no_severity] {
        let mut world = World::with(Settings {
            exceptions: vec![exception],
            ..Settings::default()
        });
        world.half_closed(1, 0);
        world.half_closed(2, 0);
        world.run(100_000, |_| vec![view(1), held_by(8, view(2))]);
        let pids = world.findings.iter().map(|f| f.holders[0].process.id.pid);
        assert_eq!(pids.collect::<Vec<_>>(), [8]);
    }
}
