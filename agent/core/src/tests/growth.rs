//! A process whose half-closed connections become more and more.

use super::*;
use crate::settings::exception::Exception;

/// So many connections in CLOSE_WAIT at every minute, all of them draining, so that none has a finding of its own.
fn counts(counts: &'static [u64]) -> World {
    counts_with(counts, Vec::new())
}

fn counts_with(counts: &'static [u64], exceptions: Vec<Exception>) -> World {
    let mut world = World::with(Settings {
        exceptions,
        ..Settings::default()
    });
    world.engine.settings.scan_interval = Duration::from_secs(15);
    world.state(0, 90, TcpState::SynReceived, TcpState::Established);
    let end = counts.len() as u64 * 60_000;
    world.run(end, |now| {
        let minute = usize::try_from(now / 60_000).unwrap();
        let count = counts[minute.min(counts.len() - 1)];
        (0..count).map(view).collect()
    });
    world
}

fn told(world: &World) -> Vec<(Action, Option<Resolution>)> {
    let about = |event: &Event| match &event.body {
        Body::ProcessFinding { finding, .. } => Some((finding.action, finding.resolution)),
        Body::Transition { .. }
        | Body::Eof { .. }
        | Body::Finding { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => None,
    };
    world.events.iter().filter_map(about).collect()
}

#[test]
fn five_windows_with_more_each_are_growth() {
    let world = counts(&[0, 1, 2, 3, 5, 6, 9, 9, 9]);
    assert_eq!(
        told(&world),
        [
            (Action::Opened, None),
            (Action::Resolved, Some(Resolution::Resumed))
        ]
    );
    let finding = world.events.iter().find_map(|event| match &event.body {
        Body::ProcessFinding { owner, finding } => Some((owner, finding)),
        Body::Transition { .. }
        | Body::Eof { .. }
        | Body::Finding { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => None,
    });
    let (owner, finding) = finding.unwrap();
    assert_eq!(owner.process.id.pid, 7);
    assert_eq!(finding.evidence.close_wait, Some(9));
    assert_eq!(finding.evidence.most_common_port, Some(80));
    let slope = finding.evidence.close_wait_per_minute;
    assert!(slope == Some(1), "{slope:?}");
    assert_eq!(
        finding.summary,
        "app7 (pid 7) has 9 connections that their peers have ended, 1 more every minute; most are with 10.0.0.1 \
         on port 80"
    );
}

#[test]
fn a_number_that_rests_or_falls_once_is_no_growth() {
    for steps in [
        &[0, 1, 2, 3, 3, 4, 5, 6][..],
        &[0, 9, 8, 9, 10, 11, 12],
        &[7; 12],
    ] {
        assert_eq!(told(&counts(steps)), []);
    }
}

#[test]
fn a_process_that_closes_them_all_is_well_again() {
    let world = counts(&[0, 1, 2, 3, 4, 5, 6, 0, 0]);
    let last = told(&world).pop();
    assert_eq!(
        last,
        Some((Action::Resolved, Some(Resolution::ClosedByApp)))
    );
    assert_eq!(world.engine.findings().len(), 0);
}

#[test]
fn a_process_can_have_windows_and_a_severity_of_its_own() {
    let exception = |process: &str, seconds| Exception {
        process: Some(process.to_owned()),
        thresholds: [(Verdict::CloseWaitGrowth, Duration::from_secs(seconds))].into(),
        severities: [(Verdict::CloseWaitGrowth, Severity::Critical)].into(),
        ..Exception::default()
    };
    let steps = &[0, 1, 2, 3, 5, 6, 9, 12];
    let opened = |exception| {
        let world = counts_with(steps, vec![exception]);
        let finding = world.events.iter().find_map(|event| match &event.body {
            Body::ProcessFinding { finding, .. } => Some(finding),
            Body::Transition { .. }
            | Body::Eof { .. }
            | Body::Finding { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => None,
        })?;
        Some((finding.severity, finding.evidence.threshold.as_secs()))
    };
    assert_eq!(opened(exception("app8", 1)), Some((Severity::Warning, 60)));
    assert_eq!(
        opened(exception("app7", 50)),
        Some((Severity::Critical, 50))
    );
    // Eight minutes are not five windows of two.
    assert_eq!(opened(exception("app7", 120)), None);
    // What is set for a port does not concern a process.
    let of_port = Exception {
        process: None,
        port: Some(80),
        ..exception("app7", 120)
    };
    assert_eq!(opened(of_port), Some((Severity::Warning, 60)));
}
