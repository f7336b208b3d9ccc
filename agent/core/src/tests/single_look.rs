//! One look alone.

use std::collections::BTreeSet;

use super::*;
use crate::engine::Engine;
use crate::glance;
use crate::model::event::Output;
use crate::model::finding::{Confidence, Severity};
use crate::model::incident::Incident;
use crate::model::process::ProcessView;
use crate::settings::verdict::{Level, VerdictSettings};

fn settings() -> Settings {
    let at_once = |verdict| {
        let level = Level::Auto;
        let after = Duration::ZERO;
        (verdict, VerdictSettings { after, level })
    };
    Settings {
        single_look: true,
        signals: BTreeSet::new(),
        verdicts: [Verdict::DeadOpen, Verdict::NeverAccepted]
            .map(at_once)
            .into(),
        ..Settings::default()
    }
}

/// What one look finds `ms` after the start.
fn look(ms: u64, mut sockets: Vec<SocketView>) -> (Vec<Arc<Finding>>, Vec<Arc<Incident>>) {
    for view in &mut sockets {
        view.half = None;
    }
    let mut snapshot = World::new().snapshot(ms, sockets);
    glance::suppose(&mut snapshot);
    let mut engine = Engine::new(settings());
    engine.handle_look(&snapshot, at(ms));
    while let Some(output) = engine.next_output() {
        if let Output::LookAtProcesses(processes) = output {
            let found: Vec<ProcessView> = processes.into_iter().map(known).collect();
            engine.handle_processes(&found, at(ms));
        }
    }
    (engine.findings(), engine.incidents())
}

fn known(id: ProcessId) -> ProcessView {
    ProcessView {
        id,
        ended: false,
        identity: Some(crate::model::process::Identity::default()),
        descriptors: None,
    }
}

/// Last heard of at that moment.
fn heard(n: u64, ms: u64) -> SocketView {
    counted(view(n), |c| {
        let stamp = u32::try_from(ms).unwrap();
        (c.last_received, c.last_heard, c.last_sent) = (stamp, stamp, stamp);
    })
}

#[test]
fn what_its_peer_has_ended_long_ago_is_told_with_the_least_age_and_as_likely() {
    let (findings, _) = look(100_000, vec![heard(1, 40_000), heard(2, 99_000)]);
    assert_eq!(findings.len(), 1, "the second one may be read in a moment");
    let finding = &findings[0];
    assert_eq!(finding.verdict, Verdict::EofUnread);
    assert_eq!(finding.confidence, Confidence::Likely);
    assert!(finding.evidence.missing.contains(&"history"));
    assert!(
        finding.summary.contains("at least 60 s"),
        "{}",
        finding.summary
    );
}

#[test]
fn many_that_have_been_so_for_five_minutes_are_an_incident_that_warns() {
    let sockets = (0..12).map(|n| heard(n, 10_000)).collect();
    let (_, incidents) = look(400_000, sockets);
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].connections, 12);
    assert_eq!(incidents[0].severity, Severity::Warning);
}

#[test]
fn an_idle_pool_stays_one() {
    let pool = |n| {
        let mut view = particular::pooled(n);
        view.half = None;
        counted(view, |c| {
            (c.last_received, c.last_heard, c.last_sent) = (10_000, 10_000, 2_000);
        })
    };
    let (findings, incidents) = look(900_000, (0..20).map(pool).collect());
    assert_eq!(findings.len(), 20);
    assert!(
        findings
            .iter()
            .all(|finding| finding.verdict == Verdict::StalePooled)
    );
    assert_eq!(incidents[0].severity, Severity::Info);
}

#[test]
fn closed_and_held_is_told_without_an_age() {
    let closed = counted(view(1), |c| (c.error, c.shutdown, c.unread) = (104, 3, 0));
    let closed = SocketView {
        state: TcpState::Closed,
        ..closed
    };
    let (findings, _) = look(100_000, vec![closed]);
    assert_eq!(findings[0].verdict, Verdict::DeadOpen);
    assert!(
        findings[0].summary.contains("an unknown time"),
        "{}",
        findings[0].summary
    );
}
