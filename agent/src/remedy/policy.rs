//! What the configuration says of a remedy.

use std::path::PathBuf;
use std::time::Duration;

use crate::export::http::Endpoint;
use crate::filter::Filter;
use crate::output::json::RemedyAction;
use finback_core::model::finding::Severity;

/// One `[[remedy]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name, no other's.
    pub name: String,
    /// Which lines call for it.
    pub on: On,
    /// Of these only what this selects.
    pub filter: Option<Filter>,
    /// What it does.
    pub action: Action,
    /// So often a minute at most, for all incidents together.
    pub per_minute: u32,
    /// After it was used for an incident it leaves that alone for so long.
    pub cool_down: Duration,
    /// It only says what it would do.
    pub dry_run: bool,
}

impl Policy {
    /// Whether it starts a program of the user's.
    pub const fn runs_a_command(&self) -> bool {
        matches!(self.action, Action::Exec { .. })
    }
}

/// Which lines call for a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Incidents as severe as that, or more.
    Incident(Severity),
    /// Every finding, once it is open.
    Finding,
}

/// What a remedy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Destroys connections of the incident.
    Kill {
        /// Of these only the sockets that this selects.
        connections: Option<Filter>,
        /// None at all if there are more.
        max_connections: u32,
    },
    /// Posts the line.
    Webhook {
        /// Where to.
        url: Endpoint,
    },
    /// Runs a command with the line on its standard input.
    Exec {
        /// The file, an absolute path.
        command: PathBuf,
        /// What it is called with.
        arguments: Vec<String>,
        /// It is ended after so long.
        timeout: Duration,
    },
}

impl Policy {
    /// Severity from which on incidents call for it.
    pub const DEFAULT_ON: On = On::Incident(Severity::Warning);
    /// A remedy that is used more often cures nothing.
    pub const DEFAULT_PER_MINUTE: u32 = 6;
    /// Time for the patient to show whether it has helped.
    pub const DEFAULT_COOL_DOWN: Duration = Duration::from_mins(5);
    /// More than that at once is no leak but a service.
    pub const DEFAULT_MAX_CONNECTIONS: u32 = 1000;
    /// Commands should hand on what takes longer.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
}

impl Action {
    /// Which of them.
    pub const fn kind(&self) -> RemedyAction {
        match self {
            Self::Kill { .. } => RemedyAction::Kill,
            Self::Webhook { .. } => RemedyAction::Webhook,
            Self::Exec { .. } => RemedyAction::Exec,
        }
    }
}
