//! When incidents are told.

use super::*;

#[test]
fn an_incident_opens_with_its_first_finding_and_is_resolved_a_minute_after_its_last() {
    let mut world = World::new();
    world.hear(1, told(1, Action::Opened, 0));
    world.run(1..=20);
    world.hear(21, told(1, Action::Resolved, 0));
    world.run(21..=90);
    let info = Severity::Info;
    assert_eq!(
        world.actions(),
        [
            (1, Action::Opened, info),
            (21, Action::Updated, info),
            (81, Action::Resolved, info)
        ]
    );
    assert_eq!(world.incidents.due(), None, "nothing is left to do");
    let (opened, last) = (&world.events[0].1, world.last());
    assert_eq!(opened.id, last.id);
    assert_eq!(&*opened.cause.workload, "unit-1.service");
    assert_eq!(&*opened.cause.program, "app");
    assert_eq!(
        (opened.cause.role, opened.cause.port),
        (Role::Server, Some(80))
    );
    assert_eq!(opened.oldest, Some(at(0)));
    assert_eq!((last.connections, last.total), (0, 1));
}

#[test]
fn numbers_that_change_are_told_every_ten_seconds_at_most() {
    let mut world = World::new();
    for second in 1..=60 {
        world.hear(second, told(second, Action::Opened, second));
        world.tick(second);
    }
    let times: Vec<u64> = world.actions().iter().map(|(at, _, _)| *at).collect();
    assert_eq!(times, [1, 11, 21, 31, 41, 51]);
    world.run(61..=130);
    let after: Vec<_> = world.actions().split_off(6);
    assert_eq!(after[0], (61, Action::Updated, Severity::Info), "the rest");
    assert_eq!(world.last().connections, 60);
}

#[test]
fn an_incident_that_had_warned_stays_for_ten_minutes_while_its_processes_live() {
    for (ended, patience) in [(false, 600), (true, 60)] {
        let mut world = World::new();
        for id in 1..=10 {
            world.hear(1, told(id, Action::Opened, 1));
        }
        world.run(1..=400);
        assert_eq!(world.last().severity, Severity::Warning);
        assert_eq!(world.last().reason, Some(Reason::Crowd));
        for id in 1..=10 {
            world.hear(400, told(id, Action::Resolved, 1));
        }
        world.ended = ended;
        world.run(401..=1_300);
        let (at, last) = world.events.last().unwrap();
        assert_eq!(last.action, Action::Resolved);
        assert!((400 + patience..=412 + patience).contains(at), "{at}");
    }
}

#[test]
fn nothing_is_due_at_once_after_the_host_has_slept() {
    let mut world = World::new();
    for id in 1..=10 {
        world.hear(1, told(id, Action::Opened, 1));
    }
    world.run(1..=100);
    // It sleeps for a day; found after it, with a FIN from before.
    world.hear(86_400, told(11, Action::Opened, 90));
    world.run(86_400..=86_590);
    assert!(
        world
            .events
            .iter()
            .all(|(_, told)| told.severity == Severity::Info)
    );
    world.run(86_591..=86_610);
    assert_eq!(world.last().reason, Some(Reason::Crowd));
}
