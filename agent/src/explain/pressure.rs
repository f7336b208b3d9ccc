//! The page about a finding that is a process's: local ports that are used up.

use super::blank;
use super::known::address;
use super::page::{futile, lines, link, remedies, why};
use super::runtime;
use crate::output::json::{Action, Body, Explanation, Finding, Origin, Role, Subject, Topic};

pub(super) fn page<'a>(subject: &Subject<'a>, finding: &Finding<'a>, asked: &str) -> Body<'a> {
    let used = finding.evidence.port_use;
    let process = subject.process.as_ref();
    let name = process.map_or("", |process| &*process.executable.name);
    let runtime = runtime::of(&[name], &[]);
    let mut changes = vec![finding.hint.clone().into_owned()];
    changes.extend(remedies::code(finding.verdict, Role::Client, runtime));
    let costs = used.map(|used| {
        format!(
            "Local ports: {} of {} toward {} wait for a minute each, {} more a minute. When none is left connect fails \
             (EADDRNOTAVAIL).",
            used.time_wait,
            used.local_ports,
            address(used.peer),
            used.time_wait_per_minute
        )
    });
    let command = used.map(|used| {
        format!(
            "ss -Htan state time-wait dst {} | wc -l",
            address(used.peer)
        )
    });
    let explanation = Explanation {
        found: finding.action != Action::Resolved,
        verdict: Some(finding.verdict),
        severity: Some(finding.severity),
        confidence: Some(finding.confidence),
        finding: Some(finding.id),
        incident: finding
            .incident
            .as_ref()
            .map(|id| id.clone().into_owned().into()),
        why: lines(vec![why::severity(finding.severity, None)]),
        origin: Origin::Application,
        origin_evidence: lines(vec![
            "Every connection was closed in order: the program opens a new one each time."
                .to_owned(),
        ]),
        costs: lines(costs.into_iter().collect()),
        remedies: lines(changes),
        futile: lines(futile::of(finding.verdict, false)),
        commands: lines(command.into_iter().collect()),
        page: Some(link(finding.verdict).into()),
        ..blank::page(asked, Topic::Process, finding.summary.clone().into_owned())
    };
    Body::Explanation {
        subject: subject.clone(),
        explanation: Box::new(explanation),
    }
}
