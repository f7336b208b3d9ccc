//! The page about one connection: one section per file, each made of the same facts.

pub(super) mod code;
mod commands;
pub(super) mod costs;
pub(super) mod futile;
mod holders;
mod origin;
mod part;
mod related;
pub(super) mod remedies;
pub(super) mod summary;
mod timeline;
mod unknown;
pub(super) mod why;

use std::borrow::Cow;

use super::case::Case;
use super::words::wire;
use crate::output::json::{Body, Explanation, Topic, Verdict};

/// Where the pages of the documentation are.
const VERDICTS: &str = "docs/verdicts";

/// The whole page.
pub(super) fn connection<'a>(case: &Case<'_, 'a>) -> Body<'a> {
    let finding = case.finding();
    let incident = finding.and_then(|finding| finding.incident.as_deref());
    let (origin, origin_evidence) = origin::section(case);
    let explanation = Explanation {
        asked: case.asked.to_owned().into(),
        topic: Topic::Connection,
        found: finding.is_some(),
        verdict: case.verdict(),
        severity: finding.map(|finding| finding.severity),
        confidence: finding.map(|finding| finding.confidence),
        finding: finding.map(|finding| finding.id),
        incident: incident.map(|id| id.to_owned().into()),
        summary: summary::section(case).into(),
        timeline: timeline::section(case),
        holders: lines(holders::section(case)),
        code: lines(code::section(case)),
        why: lines(why::section(case)),
        origin,
        origin_evidence: lines(origin_evidence),
        related: lines(related::section(case)),
        costs: lines(costs::section(case)),
        remedies: lines(remedies::section(case)),
        futile: lines(futile::section(case)),
        commands: lines(commands::section(case)),
        unknown: lines(unknown::section(case)),
        page: case.verdict().map(|verdict| link(verdict).into()),
    };
    Body::Explanation {
        subject: case.connection.subject.clone(),
        explanation: Box::new(explanation),
    }
}

pub(super) fn link(verdict: Verdict) -> String {
    format!("{VERDICTS}/{}.md", wire(verdict))
}

pub(super) fn lines(all: Vec<String>) -> Vec<Cow<'static, str>> {
    all.into_iter().map(Cow::Owned).collect()
}
