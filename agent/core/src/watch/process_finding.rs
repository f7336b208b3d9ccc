//! The life of a finding about a process: opened, updated if its severity has changed, resolved once.

use std::sync::Arc;

use super::book::Book;
use crate::model::event::Body;
use crate::model::finding::{
    Action, Confidence, Evidence, Finding, Resolution, Severity, Verdict, Weight,
};
use crate::model::socket::{Owner, Role};
use crate::model::time::Timestamp;
use crate::verdict::wording;

/// What a verdict says of a process.
#[derive(Clone, Debug)]
pub(super) struct Accusation {
    pub(super) verdict: Verdict,
    pub(super) severity: Severity,
    pub(super) summary: String,
    pub(super) evidence: Evidence,
    pub(super) time: Timestamp,
    /// It is to be told although nothing has changed.
    pub(super) again: bool,
}

/// Opens the finding or updates `open`.
pub(super) fn accuse(
    book: &mut Book<'_>,
    owner: &Owner,
    open: Option<&Arc<Finding>>,
    accusation: Accusation,
) -> Arc<Finding> {
    let Accusation {
        verdict,
        severity,
        summary,
        evidence,
        time,
        again,
    } = accusation;
    let silent = open.filter(|open| open.severity == severity && !again);
    let confidence = if evidence.missing.is_empty() {
        Confidence::Proven
    } else {
        Confidence::Likely
    };
    let finding = Arc::new(Finding {
        id: open.map_or_else(|| book.numbers.open(), |open| open.id),
        action: match (open, silent) {
            (_, Some(silent)) => silent.action,
            (Some(_), None) => Action::Updated,
            (None, None) => Action::Opened,
        },
        verdict,
        severity,
        weight: Weight::Own(severity),
        incident: None,
        confidence,
        opened: open.map_or(time, |open| open.opened),
        half_closed_since: None,
        half_closed: None,
        summary,
        hint: wording::hint(wording::Facts {
            verdict,
            role: Role::Unknown,
            comm: &owner.process.comm,
            evidence: &evidence,
        }),
        evidence,
        holders: Vec::new(),
        history: Vec::new(),
        verdict_changes: 0,
        resolution: None,
        ended_after: None,
    });
    if silent.is_none() {
        let (owner, finding) = (owner.clone(), Arc::clone(&finding));
        book.out.tell(time, Body::ProcessFinding { owner, finding });
    }
    finding
}

/// Ends it.
pub(super) fn acquit(
    book: &mut Book<'_>,
    owner: Owner,
    finding: Arc<Finding>,
    time: Timestamp,
    why: Resolution,
) {
    book.numbers.open -= 1;
    let finding = Arc::new(Finding {
        action: Action::Resolved,
        resolution: Some(why),
        ..Arc::unwrap_or_clone(finding)
    });
    book.out.tell(time, Body::ProcessFinding { owner, finding });
}
