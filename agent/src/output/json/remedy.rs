//! What a remedy has decided, on the wire.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One decision of one remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy<'a> {
    /// Its name in the configuration.
    pub name: Cow<'a, str>,
    /// What it does.
    pub action: RemedyAction,
    /// What it has decided, and whether that has worked.
    pub decision: Decision,
    /// Why, or what came of it: one sentence.
    pub reason: Cow<'a, str>,
    /// The incident; absent for a finding whose incident was not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Cow<'a, str>>,
    /// The finding, if it was one that the remedy is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<u64>,
    /// For `kill`, once the connections were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<RemedyConnections>,
}

/// What a remedy does.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RemedyAction {
    /// Destroys connections.
    Kill,
    /// Sends the line to a URL.
    Webhook,
    /// Runs a command with the line on its standard input.
    Exec,
}

/// What a remedy has decided.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It was done.
    Done,
    /// It would have been done: this is a dry run.
    WouldDo,
    /// It is not safe, or there is nothing to do.
    Refused,
    /// It was tried in vain.
    Failed,
    /// Too much was done within the last minute; it comes when it may.
    RateLimited,
}

/// Connections of the incident, as one look found them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemedyConnections {
    /// Those that the remedy is for.
    pub matched: u64,
    /// Of these, destroyed; in a dry run, those that would have been.
    pub destroyed: u64,
    /// Had ended by themselves.
    pub gone: u64,
    /// Were not to be destroyed, or could not be.
    pub refused: u64,
}

impl RemedyAction {
    /// Name in the configuration and in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Webhook => "webhook",
            Self::Exec => "exec",
        }
    }
}

impl Decision {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Done,
        Self::WouldDo,
        Self::Refused,
        Self::Failed,
        Self::RateLimited,
    ];

    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::WouldDo => "would_do",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::RateLimited => "rate_limited",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_on_the_wire() {
        for decision in Decision::ALL {
            assert_eq!(serde_json::to_value(decision).unwrap(), decision.name());
        }
        for action in [
            RemedyAction::Kill,
            RemedyAction::Webhook,
            RemedyAction::Exec,
        ] {
            assert_eq!(serde_json::to_value(action).unwrap(), action.name());
        }
    }
}
