//! What has come of a decision.

use crate::output::json::{Decision, RemedyConnections};

/// A decision with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) decision: Decision,
    pub(super) reason: String,
    pub(super) connections: Option<RemedyConnections>,
}

impl Outcome {
    pub(super) fn new(decision: Decision, reason: impl Into<String>) -> Self {
        Self {
            decision,
            reason: reason.into(),
            connections: None,
        }
    }

    pub(super) fn failed(reason: impl std::fmt::Display) -> Self {
        Self::new(Decision::Failed, reason.to_string())
    }

    pub(super) fn refused(reason: impl std::fmt::Display) -> Self {
        Self::new(Decision::Refused, reason.to_string())
    }

    /// Of so many connections.
    pub(super) const fn of(mut self, connections: RemedyConnections) -> Self {
        self.connections = Some(connections);
        self
    }
}
