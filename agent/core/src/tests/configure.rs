//! Other settings while the engine is at work: what is wrong goes on under its name, what does not count any more ends.

use proptest::prelude::*;

use super::properties::{judge, places, steps};
use super::run::{Run, Step};
use super::*;
use crate::model::finding::Severity;
use crate::settings::exception::Exception;
use crate::settings::verdict::{Level, VerdictSettings};

fn after(verdict: Verdict, seconds: u64) -> Settings {
    with(verdict, Duration::from_secs(seconds), Level::Auto)
}

fn with(verdict: Verdict, after: Duration, level: Level) -> Settings {
    let own = VerdictSettings { after, level };
    Settings {
        verdicts: [(verdict, own)].into(),
        scan_interval: Duration::ZERO,
        ..Settings::default()
    }
}

/// Process 7 has not read the end of connection 1 for 20 seconds: it was told after ten.
fn unread() -> World {
    let mut world = World::new();
    world.half_closed(1, 1_000);
    world.run(21_000, |_| vec![view(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    world
}

fn go_on(world: &mut World, ms: u64) {
    world.run(ms, |_| vec![view(1)]);
}

fn actions(world: &World) -> Vec<(Action, u64, Option<Resolution>)> {
    let findings = world.findings.iter();
    let told = findings.map(|finding| (finding.action, finding.id, finding.resolution));
    told.collect()
}

const OPENED: (Action, u64, Option<Resolution>) = (Action::Opened, 1, None);
const ENDED: (Action, u64, Option<Resolution>) =
    (Action::Resolved, 1, Some(Resolution::Reconfigured));

#[test]
fn a_threshold_that_is_raised_ends_what_it_does_not_prove_and_tells_it_when_it_does() {
    let mut world = unread();
    world
        .engine
        .configure(after(Verdict::EofUnread, 60), at(21_000));
    go_on(&mut world, 23_000);
    assert_eq!(actions(&world), [OPENED, ENDED]);
    assert!(world.kernel.marked.is_empty());
    go_on(&mut world, 70_000);
    assert_eq!(actions(&world)[2..], [(Action::Opened, 2, None)]);
    let told = world.last();
    assert!(told.opened >= at(61_000), "a minute after the FIN");
    assert_eq!(told.evidence.threshold, Duration::from_mins(1));
}

#[test]
fn a_threshold_that_is_raised_to_what_has_passed_changes_nothing() {
    let mut world = unread();
    world
        .engine
        .configure(after(Verdict::EofUnread, 19), at(21_000));
    go_on(&mut world, 60_000);
    assert_eq!(actions(&world), [OPENED]);
    assert_eq!(world.engine.findings().len(), 1);
}

#[test]
fn another_verdicts_threshold_ends_nothing() {
    let mut world = unread();
    world
        .engine
        .configure(after(Verdict::NotClosed, 600), at(21_000));
    go_on(&mut world, 60_000);
    assert_eq!(actions(&world), [OPENED]);
}

#[test]
fn a_threshold_that_is_lowered_counts_at_once() {
    let mut world = World::with(after(Verdict::EofUnread, 600));
    world.half_closed(1, 1_000);
    world.run(21_000, |_| vec![view(1)]);
    assert!(world.findings.is_empty());
    world
        .engine
        .configure(after(Verdict::EofUnread, 10), at(21_000));
    go_on(&mut world, 22_500);
    assert_eq!(actions(&world), [OPENED]);
}

#[test]
fn a_verdict_that_is_off_ends_and_one_that_is_on_again_is_told_again() {
    let mut world = unread();
    let off = with(Verdict::EofUnread, Duration::from_secs(10), Level::Off);
    world.engine.configure(off, at(21_000));
    go_on(&mut world, 60_000);
    assert_eq!(actions(&world), [OPENED, ENDED]);
    let on = Settings {
        scan_interval: Duration::ZERO,
        ..Settings::default()
    };
    world.engine.configure(on, at(60_000));
    go_on(&mut world, 62_000);
    assert_eq!(actions(&world)[2..], [(Action::Opened, 2, None)]);
}

#[test]
fn an_exception_counts_for_those_that_it_fits() {
    let mut world = World::new();
    world.half_closed(1, 1_000);
    world.half_closed(2, 1_000);
    let both = |_| vec![view(1), held_by(8, view(2))];
    world.run(21_000, both);
    assert_eq!(world.engine.findings().len(), 2);
    let exception = Exception {
        process: Some("app8".into()),
        severities: [(Verdict::EofUnread, Level::Off)].into(),
        ..Exception::default()
    };
    let settings = Settings {
        exceptions: vec![exception],
        scan_interval: Duration::ZERO,
        ..Settings::default()
    };
    world.engine.configure(settings, at(21_000));
    world.run(40_000, both);
    let open = world.engine.findings();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].holders, [holder(7, 5)]);
}

#[test]
fn another_severity_is_an_update_of_the_same_finding() {
    let mut world = unread();
    let fixed = Level::Fixed(Severity::Critical);
    let settings = with(Verdict::EofUnread, Duration::from_secs(10), fixed);
    world.engine.configure(settings, at(21_000));
    go_on(&mut world, 23_000);
    assert_eq!(actions(&world), [OPENED, (Action::Updated, 1, None)]);
    assert_eq!(world.last().severity, Severity::Critical);
}

fn incidents(world: &World) -> Vec<(Action, Severity)> {
    let told = world.events.iter().filter_map(|event| {
        let Body::Incident(incident) = &event.body else {
            return None;
        };
        Some((incident.action, incident.severity))
    });
    told.collect()
}

#[test]
fn an_incident_that_nobody_wants_is_over_and_comes_back_when_it_is_wanted() {
    let mut world = unread();
    let opened = (Action::Opened, Severity::Info);
    assert_eq!(incidents(&world), [opened]);
    let wanted = Settings {
        scan_interval: Duration::ZERO,
        ..Settings::default()
    };
    let mut unwanted = wanted.clone();
    unwanted.incidents.severity = None;
    world.engine.configure(unwanted, at(21_000));
    go_on(&mut world, 23_000);
    let over = (Action::Resolved, Severity::Info);
    assert_eq!(incidents(&world), [opened, over]);
    assert_eq!(actions(&world), [OPENED], "the finding holds");
    world.engine.configure(wanted, at(23_000));
    go_on(&mut world, 25_000);
    assert_eq!(incidents(&world), [opened, over, opened]);
    let incident = &world.engine.incidents()[0];
    assert_eq!((incident.connections, incident.total), (1, 1));
}

#[test]
fn what_makes_an_incident_a_warning_counts_for_those_that_are_open() {
    let mut world = unread();
    let mut settings = Settings {
        scan_interval: Duration::ZERO,
        ..Settings::default()
    };
    settings.incidents.crowd = 1;
    settings.incidents.crowd_after = Duration::from_secs(1);
    settings.incidents.crowd_after_unknown = Duration::from_secs(1);
    world.engine.configure(settings, at(21_000));
    go_on(&mut world, 23_000);
    let told = incidents(&world);
    assert_eq!(told.last(), Some(&(Action::Updated, Severity::Warning)));
}

#[test]
fn what_the_kernel_side_can_do_stays() {
    let mut engine = crate::engine::Engine::new(Settings {
        boot_id: "a".into(),
        max_connections: 5,
        ..Settings::default()
    });
    engine.handle_timeout(at(0));
    while engine.next_output().is_some() {}
    let due = engine.poll_timeout();
    engine.configure(Settings::default(), at(1));
    assert_eq!(engine.poll_timeout(), due, "nothing has changed");
}

/// Those whose proof is as old as their own threshold, whatever else is set.
const PROVEN_BY_AGE: &[Verdict] = &[
    Verdict::EofUnread,
    Verdict::EofNotRequested,
    Verdict::NotClosed,
    Verdict::NeverAccepted,
    Verdict::Inherited,
    Verdict::StalePooled,
    Verdict::DeadOpen,
    Verdict::NeverReads,
    Verdict::PeerNotClosing,
];

fn settings() -> impl Strategy<Value = (Verdict, Duration, Level)> {
    let verdict = prop::sample::select(PROVEN_BY_AGE);
    let level = prop_oneof![
        4 => Just(Level::Auto),
        1 => Just(Level::Off),
        1 => Just(Level::Fixed(Severity::Critical)),
    ];
    (verdict, 1_u64..120, level)
        .prop_map(|(verdict, after, level)| (verdict, Duration::from_secs(after), level))
}

/// A verdict's other threshold and level.
type Change = (Verdict, Duration, Level);

/// Settings that change between the steps.
fn changing() -> impl Strategy<Value = Vec<(Step, Option<Change>)>> {
    steps().prop_flat_map(|steps| {
        let change = prop::option::weighted(0.2, settings());
        let changes = prop::collection::vec(change, steps.len());
        changes.prop_map(move |changes| steps.iter().cloned().zip(changes).collect())
    })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn the_same_settings_again_change_nothing(steps in steps(), places in places()) {
        let (mut once, mut again) = (Run::new(places), Run::new(places));
        for step in &steps {
            once.step(step);
            again.step(step);
            again.configure(Settings::default());
        }
        once.wait(60_000);
        again.wait(60_000);
        prop_assert_eq!(&once.told, &again.told);
    }

    /// [`Run`] holds each finding to its proof under the settings of the moment, and to one life.
    #[test]
    fn whatever_is_set_meanwhile_findings_are_proven_and_what_is_wrong_is_found(
        steps in changing(),
        places in places(),
    ) {
        let mut run = Run::new(places);
        for (step, change) in &steps {
            run.step(step);
            if let Some((verdict, after, level)) = *change {
                run.configure(with(verdict, after, level));
            }
        }
        run.configure(Settings::default());
        judge(run, places, &[])?;
    }
}
