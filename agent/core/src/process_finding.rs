//! The life of a finding about a process: opened, updated if what it says has changed, resolved once.

use std::sync::Arc;

use super::life::graded;
use super::model::event::Body;
use super::model::finding::{Action, Confidence, Evidence, Finding, Resolution, Severity, Verdict};
use super::model::socket::Owner;
use super::model::time::Timestamp;
use super::tracker::Tracker;
use super::verdict::{Grade, wording};

/// What a verdict says of a process.
#[derive(Clone, Debug)]
pub(super) struct Accusation {
    pub(super) verdict: Verdict,
    pub(super) severity: Severity,
    pub(super) grade: Grade,
    pub(super) summary: String,
    pub(super) evidence: Evidence,
    pub(super) time: Timestamp,
}

impl Tracker {
    /// Opens the finding or updates `open`. Numbers that always move are no change worth telling.
    pub(super) fn accuse_process(
        &mut self,
        owner: &Owner,
        open: Option<&Arc<Finding>>,
        accusation: Accusation,
    ) -> Arc<Finding> {
        let Accusation {
            verdict,
            severity,
            grade,
            summary,
            evidence,
            time,
        } = accusation;
        let severity = graded(severity, grade);
        let silent = open.filter(|open| open.severity == severity);
        if open.is_none() {
            self.last_finding += 1;
            self.stats.findings += 1;
        }
        let finding = Arc::new(Finding {
            id: open.map_or(self.last_finding, |open| open.id),
            action: match (open, silent) {
                (_, Some(silent)) => silent.action,
                (Some(_), None) => Action::Updated,
                (None, None) => Action::Opened,
            },
            verdict,
            severity,
            confidence: Confidence::Proven,
            opened: open.map_or(time, |open| open.opened),
            half_closed_since: None,
            half_closed: None,
            summary,
            hint: wording::hint(verdict, &owner.process.comm),
            evidence,
            holders: Vec::new(),
            history: Vec::new(),
            resolution: None,
        });
        if silent.is_none() {
            let (owner, finding) = (owner.clone(), Arc::clone(&finding));
            self.tell(time, Body::ProcessFinding { owner, finding });
        }
        finding
    }

    /// Ends it.
    pub(super) fn acquit_process(
        &mut self,
        owner: Owner,
        finding: Arc<Finding>,
        time: Timestamp,
        why: Resolution,
    ) {
        self.stats.findings -= 1;
        let finding = Arc::new(Finding {
            action: Action::Resolved,
            resolution: Some(why),
            ..Arc::unwrap_or_clone(finding)
        });
        self.tell(time, Body::ProcessFinding { owner, finding });
    }
}
