//! A page without sections.

use crate::output::json::{Explanation, Origin, Topic};

pub(super) fn page(asked: &str, topic: Topic, summary: String) -> Explanation<'static> {
    Explanation {
        asked: asked.to_owned().into(),
        topic,
        found: false,
        verdict: None,
        severity: None,
        confidence: None,
        finding: None,
        incident: None,
        summary: summary.into(),
        timeline: Vec::new(),
        holders: Vec::new(),
        code: Vec::new(),
        why: Vec::new(),
        origin: Origin::Unknown,
        origin_evidence: Vec::new(),
        related: Vec::new(),
        costs: Vec::new(),
        remedies: Vec::new(),
        futile: Vec::new(),
        commands: Vec::new(),
        unknown: Vec::new(),
        page: None,
    }
}
