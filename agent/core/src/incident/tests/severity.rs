//! How severe incidents and their findings are.

use super::*;

#[test]
fn descriptors_are_read_of_accused_processes_only_and_forecast_their_end() {
    let mut world = World::new();
    world.run(0..=100);
    assert_eq!(world.looked_at, 0);
    world.descriptors = Some(Descriptors {
        open: 100,
        limit: 1_024,
    });
    for second in 101..=800 {
        if second % 4 == 0 {
            world.hear(
                second,
                told(second, Action::Opened, second.saturating_sub(10)),
            );
        }
        world.tick(second);
    }
    let last = world.last();
    assert!(last.rising);
    let tenths = last.rate.unwrap().tenths_per_minute();
    assert!((130..=160).contains(&tenths), "{tenths}");
    let used = last.descriptors.unwrap();
    let minutes = used.full_in.unwrap().as_secs() / 60;
    assert!((57..=72).contains(&minutes), "{minutes}");
    assert_eq!(
        (last.severity, last.reason),
        (Severity::Warning, Some(Reason::Rising))
    );
    world.descriptors = Some(Descriptors {
        open: 850,
        limit: 1_000,
    });
    world.run(801..=815);
    let last = world.last();
    assert_eq!(last.severity, Severity::Critical);
    assert_eq!(last.reason, Some(Reason::Descriptors));
    assert!(
        world.looked_at < 100,
        "every ten seconds: {}",
        world.looked_at
    );
}

#[test]
fn lost_requests_alone_are_told_once_they_are_many() {
    let Body::Finding { connection, .. } = body(told(1, Action::Opened, 0)) else {
        unreachable!("it is one");
    };
    let lost = |second| LostRequest {
        time: at(second),
        endpoints: connection.endpoints,
        owner: connection.owner.clone(),
        bytes: 100,
    };
    let lose = |every: u64| {
        let mut world = World::new();
        for second in 1..=600 {
            if second % every == 0 {
                world.take(second, Output::LostRequest(lost(second)));
            }
            world.tick(second);
        }
        world
    };
    assert!(lose(6).events.is_empty(), "ten a minute");
    let mut world = lose(3);
    let opened = &world.events[0].1;
    assert_eq!(
        (opened.action, opened.severity),
        (Action::Opened, Severity::Warning)
    );
    assert_eq!(opened.reason, Some(Reason::LostRequests));
    assert_eq!((opened.connections, opened.total), (0, 0));
    assert_eq!(
        (opened.cause.role, opened.cause.port),
        (Role::Client, Some(5000))
    );
    assert!(
        opened.hint.starts_with("The peer had closed"),
        "{}",
        opened.hint
    );
    assert!(world.last().lost_requests >= 190);
    world.run(601..=2_000);
    assert_eq!(world.last().action, Action::Resolved);
}

/// Ten that nobody notices, of which some thing is said.
fn ten(edit: impl Fn(Told) -> Told) -> World {
    let mut world = World::new();
    for id in 1..=10 {
        world.hear(1, edit(told(id, Action::Opened, 1)));
    }
    world
}

#[test]
fn a_finding_is_as_severe_as_its_incident_when_it_is_told_and_a_rise_is_told_once() {
    let mut world = ten(|told| told);
    world.run(1..=400);
    let severity = |world: &mut World, what| world.severity(400, what);
    let opened = told(11, Action::Opened, 390);
    assert_eq!(severity(&mut world, opened), Severity::Warning);
    let pooled = Told {
        weight: Weight::Harmless,
        ..told(12, Action::Opened, 390)
    };
    assert_eq!(severity(&mut world, pooled), Severity::Info, "never more");
    let updated = told(3, Action::Updated, 1);
    assert_eq!(severity(&mut world, updated), Severity::Warning);
    let resolved = told(4, Action::Resolved, 1);
    assert_eq!(severity(&mut world, resolved), Severity::Warning);
    for id in 20..450 {
        world.hear(400 + id, told(id, Action::Opened, 400 + id));
        world.tick(400 + id);
    }
    let changes = world
        .events
        .iter()
        .filter_map(|(_, told)| told.severity_change);
    assert_eq!(changes.collect::<Vec<_>>(), [SeverityChange::Raised]);
    for id in 1..450 {
        world.hear(900, told(id, Action::Resolved, 1));
    }
    world.run(900..=2_000);
    let changes = world
        .events
        .iter()
        .filter_map(|(_, told)| told.severity_change);
    assert_eq!(
        changes.collect::<Vec<_>>(),
        [SeverityChange::Raised, SeverityChange::Lowered]
    );
}

#[test]
fn what_has_a_severity_of_its_own_makes_its_incident_no_better() {
    let own = |severity| Told {
        weight: Weight::Own(severity),
        ..told(1, Action::Opened, 1)
    };
    let mut world = World::new();
    assert_eq!(
        world.severity(1, own(Severity::Critical)),
        Severity::Info,
        "not known yet"
    );
    world.run(1..=2);
    let last = world.last();
    assert_eq!(
        (last.severity, last.reason),
        (Severity::Critical, Some(Reason::Configured))
    );
    let mut world = ten(|told| Told {
        weight: Weight::Own(Severity::Info),
        ..told
    });
    world.run(1..=2_000);
    assert_eq!(world.last().severity, Severity::Info, "nor any worse");
}

#[test]
fn an_incident_that_is_off_is_not_told_and_one_that_is_limited_goes_no_further() {
    let run = |most| {
        let settings = IncidentSettings {
            severity: most,
            ..IncidentSettings::default()
        };
        let mut world = World {
            settings: Settings {
                incidents: settings,
                ..Settings::default()
            },
            ..World::default()
        };
        world.tick(0);
        for id in 1..=10 {
            world.hear(1, told(id, Action::Opened, 1));
        }
        world.run(1..=400);
        let opened = world.severity(400, told(11, Action::Opened, 390));
        for id in 1..=11 {
            world.hear(401, told(id, Action::Resolved, 1));
        }
        world.run(401..=1_100);
        assert!(world.incidents.entries.is_empty(), "nothing is left");
        let told = world.events.iter().map(|(_, told)| told.severity);
        (opened, told.max())
    };
    assert_eq!(run(None), (Severity::Info, None));
    let info = Severity::Info;
    assert_eq!(run(Some(info)), (info, Some(info)));
    let warning = Severity::Warning;
    assert_eq!(run(Some(warning)), (warning, Some(warning)));
}

/// When the incident has become a warning.
fn warned(world: &World) -> Option<u64> {
    let mut events = world.events.iter();
    let warned = events.find(|(_, told)| told.severity == Severity::Warning);
    warned.map(|(at, _)| *at)
}

#[test]
fn time_in_which_all_holders_are_stopped_counts_from_the_sixth_minute_on() {
    let unaccepted = |halted| {
        move |told| Told {
            verdict: Verdict::NeverAccepted,
            halted,
            ..told
        }
    };
    let mut world = ten(unaccepted(false));
    world.run(1..=700);
    assert!((60..=63).contains(&warned(&world).unwrap()));
    let mut world = ten(unaccepted(true));
    world.run(1..=700);
    assert!((360..=363).contains(&warned(&world).unwrap()));
    // It runs again after a minute: what was before does not count, and it has ten seconds more.
    let mut world = ten(unaccepted(true));
    world.run(1..=60);
    for id in 1..=10 {
        world.hear(61, unaccepted(false)(told(id, Action::Updated, 1)));
    }
    world.run(61..=700);
    assert!((131..=134).contains(&warned(&world).unwrap()));
}

#[test]
fn while_all_holders_are_stopped_nothing_is_critical_and_nothing_settles() {
    let run = |halted| {
        let mut world = World::new();
        world.descriptors = Some(Descriptors {
            open: 970,
            limit: 1_000,
        });
        for second in 1..=2_000 {
            if second % 5 == 0 {
                let opened = told(second, Action::Opened, second.saturating_sub(10));
                world.hear(second, Told { halted, ..opened });
            }
            world.tick(second);
        }
        let last = world.last();
        (last.severity, last.rising)
    };
    assert_eq!(run(false), (Severity::Critical, true));
    assert_eq!(run(true), (Severity::Warning, false));
}

#[test]
fn an_accept_that_fails_for_want_of_descriptors_is_told_with_numbers() {
    let hint = |open| {
        let mut world = ten(|told| Told {
            verdict: Verdict::NeverAccepted,
            ..told
        });
        world.descriptors = Some(Descriptors { open, limit: 1_024 });
        world.run(1..=30);
        world.hear(31, told(99, Action::Opened, 20));
        world.run(31..=50);
        let last = world.last();
        (last.severity, last.hint.clone())
    };
    let (severity, full) = hint(1_024);
    assert_eq!(severity, Severity::Critical);
    assert!(
        full.starts_with("accept fails with EMFILE: 1024 of 1024 descriptors are open."),
        "{full}"
    );
    let (_, nearly) = hint(1_000);
    assert!(nearly.starts_with("accept is about to fail"), "{nearly}");
    assert!(!hint(900).1.contains("EMFILE"));
}
