//! A process whose half-closed connections become more and more.

use super::*;
use crate::model::finding::Severity;
use crate::settings::exception::Exception;

const MINUTE: u64 = 60_000;

/// The n-th connection hangs up at these moments and stays until those; all of them draining, so that none has a
/// finding of its own.
fn run(exceptions: Vec<Exception>, minutes: u64, lives: &[(u64, u64)]) -> World {
    let mut world = World::scanning(Settings {
        exceptions,
        ..Settings::default()
    });
    world.run(minutes * MINUTE, |now| present(lives, now));
    world
}

fn present(lives: &[(u64, u64)], now: u64) -> Vec<SocketView> {
    let all = lives.iter().zip(0..);
    let present = all.filter(|((fin, end), _)| (*fin..*end).contains(&now));
    present
        .map(|((since, _), n)| draining(n, *since, now))
        .collect()
}

fn draining(n: u64, since: u64, now: u64) -> SocketView {
    SocketView {
        half: Some(fin(since)),
        ..sent(drained(n), 100 + now)
    }
}

/// So many hang up in every minute, and stay.
fn leak(counts: &[u64]) -> Vec<(u64, u64)> {
    let fins = counts.iter().zip(0..).flat_map(|(&count, minute)| {
        (0..count).map(move |n| minute * MINUTE + n * MINUTE / count + 1)
    });
    fins.map(|fin| (fin, u64::MAX)).collect()
}

fn told(world: &World) -> Vec<(Action, Option<Resolution>)> {
    let findings = world.events.iter().filter_map(about_process);
    findings
        .map(|(_, finding)| (finding.action, finding.resolution))
        .collect()
}

#[test]
fn a_leak_rises_and_its_numbers_stay_fresh() {
    let world = run(Vec::new(), 20, &leak(&[2; 20]));
    let (owner, first) = world.events.iter().find_map(about_process).unwrap();
    assert_eq!(owner.process.id.pid, 7);
    assert_eq!(first.action, Action::Opened);
    assert!(first.opened <= at(6 * MINUTE), "{:?}", first.opened);
    assert_eq!(first.evidence.most_common_port, Some(80));
    assert_eq!(first.evidence.close_wait_per_minute, Some(2));
    let count = first.evidence.close_wait.unwrap();
    assert_eq!(
        first.summary,
        format!(
            "app7 (pid 7) has {count} connections that their peers have ended, 2 more every minute; most are with \
             10.0.0.1 on port 80"
        )
    );
    let updates = told(&world).len() - 1;
    assert!((10..=16).contains(&updates), "one a minute: {updates}");
    assert_eq!(world.engine.findings()[0].evidence.close_wait, Some(40));
}

#[test]
fn a_burst_a_rest_and_a_turnover_are_no_growth() {
    let busy: Vec<_> = (0..240).map(|n| (n * 5_000, n * 5_000 + 50_000)).collect();
    for lives in [leak(&[200]), leak(&[0, 3, 0, 0, 0, 0, 0, 0, 1]), busy] {
        assert_eq!(told(&run(Vec::new(), 20, &lives)), []);
    }
}

#[test]
fn a_process_that_closes_them_all_is_well_again() {
    let lives: Vec<_> = leak(&[2; 10])
        .into_iter()
        .map(|(fin, _)| (fin, 12 * MINUTE))
        .collect();
    let world = run(Vec::new(), 13, &lives);
    let last = told(&world).pop();
    assert_eq!(
        last,
        Some((Action::Resolved, Some(Resolution::ClosedByApp)))
    );
    assert_eq!(world.engine.findings().len(), 0);
}

#[test]
fn ten_windows_without_a_new_one_end_it() {
    let world = run(Vec::new(), 30, &leak(&[2; 8]));
    let told = told(&world);
    assert_eq!(
        told.last(),
        Some(&(Action::Resolved, Some(Resolution::Resumed)))
    );
}

#[test]
fn a_leak_of_three_in_two_minutes_opens_once_and_stays() {
    // Evenly random, for six hours.
    let mut x = 12_345_u64;
    let mut now = 0;
    let mut lives = Vec::new();
    while now < 6 * 60 * MINUTE {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        // A pause of 40 s on average: the sum of two even ones.
        now += x % 40_000 + (x >> 32) % 40_000;
        lives.push((now, u64::MAX));
    }
    let world = run(Vec::new(), 6 * 60, &lives);
    let actions = told(&world);
    let count = |wanted| {
        actions
            .iter()
            .filter(|(action, _)| *action == wanted)
            .count()
    };
    assert_eq!(count(Action::Opened), 1);
    assert_eq!(count(Action::Resolved), 0);
    let leaked = u32::try_from(lives.len()).unwrap();
    let shown = world.engine.findings()[0].evidence.close_wait.unwrap();
    assert!(shown.abs_diff(leaked) <= 2, "{shown} of {leaked}");
}

#[test]
fn a_process_can_have_windows_and_a_severity_of_its_own() {
    let exception = |process: &str, seconds| Exception {
        process: Some(process.to_owned()),
        thresholds: [(Verdict::CloseWaitGrowth, Duration::from_secs(seconds))].into(),
        severities: [(Verdict::CloseWaitGrowth, Severity::Critical)].into(),
        ..Exception::default()
    };
    let lives = leak(&[2; 9]);
    let opened = |exception| {
        let world = run(vec![exception], 9, &lives);
        let (_, finding) = world.events.iter().find_map(about_process)?;
        Some((finding.severity, finding.evidence.threshold.as_secs()))
    };
    assert_eq!(opened(exception("app8", 1)), Some((Severity::Warning, 60)));
    assert_eq!(
        opened(exception("app7", 50)),
        Some((Severity::Critical, 50))
    );
    // Nine minutes are not three windows of three, and one of those to settle in.
    assert_eq!(opened(exception("app7", 180)), None);
    // What is set for a port does not concern a process.
    let of_port = Exception {
        process: None,
        port: Some(80),
        ..exception("app7", 180)
    };
    assert_eq!(opened(of_port), Some((Severity::Warning, 60)));
}
