//! What calls for a remedy: a line about an incident or about a finding.

use super::policy::{On, Policy};
use crate::output::json::{Action, Body, Event, Finding, Incident, Severity};
use finback_core::model::finding as core;

/// A line that can call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'e> {
    event: &'e Event<'e>,
    about: About<'e>,
}

#[derive(Clone, Copy, Debug)]
enum About<'e> {
    Incident(&'e Incident<'e>),
    Finding(&'e Finding<'e>),
}

impl<'e> Case<'e> {
    /// `None` for every other line.
    pub(super) fn of(event: &'e Event<'e>) -> Option<Self> {
        let about = match &event.body {
            Body::Incident { incident, .. } => About::Incident(incident),
            Body::Finding { finding, .. } => About::Finding(finding),
            Body::Hello { .. }
            | Body::Transition { .. }
            | Body::Eof { .. }
            | Body::Connection { .. }
            | Body::Socket { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => return None,
        };
        Some(Self { event, about })
    }

    /// Names it among all cases.
    pub(super) fn id(&self) -> String {
        match self.about {
            About::Incident(incident) => incident.id.to_string(),
            About::Finding(finding) => format!("finding {}", finding.id),
        }
    }

    /// The incident, if it is known.
    pub(super) fn incident(&self) -> Option<&'e str> {
        match self.about {
            About::Incident(incident) => Some(&incident.id),
            About::Finding(finding) => finding.incident.as_deref(),
        }
    }

    /// The finding, if it is one.
    pub(super) const fn finding(&self) -> Option<u64> {
        match self.about {
            About::Incident(_) => None,
            About::Finding(finding) => Some(finding.id),
        }
    }

    pub(super) const fn severity(&self) -> Severity {
        match self.about {
            About::Incident(incident) => incident.severity,
            About::Finding(finding) => finding.severity,
        }
    }

    const fn action(&self) -> Action {
        match self.about {
            About::Incident(incident) => incident.action,
            About::Finding(finding) => finding.action,
        }
    }

    /// Whether it is the kind of line that a remedy is for.
    pub(super) const fn concerns(&self, on: On) -> bool {
        matches!(
            (on, self.about),
            (On::Incident(_), About::Incident(_)) | (On::Finding, About::Finding(_))
        )
    }

    /// Whether it calls for a remedy: it is not over, as bad as that asks, and selected.
    pub(super) fn calls_for(&self, policy: &Policy) -> bool {
        let severe = match policy.on {
            On::Incident(least) => core::Severity::from(self.severity()) >= least,
            On::Finding => true,
        };
        let filter = policy.filter.as_ref();
        self.concerns(policy.on)
            && severe
            && self.action() != Action::Resolved
            && filter.is_none_or(|filter| filter.selects(self.event))
    }

    /// Whether a socket of a list is one of its connections.
    pub(super) fn has(&self, event: &Event<'_>) -> bool {
        let Body::Socket { listed, .. } = &event.body else {
            return false;
        };
        match self.about {
            About::Incident(incident) => listed.incident.as_ref() == Some(&incident.id),
            About::Finding(finding) => listed.finding == Some(finding.id),
        }
    }
}
