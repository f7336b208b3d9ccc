//! The word that says how bad it is.

use std::fmt::{self, Display};

use crate::output::json::{Action, Severity};

/// How the text may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Colours allowed: a terminal, and `NO_COLOR` not set.
    pub color: bool,
    /// Columns, if lines are to be cut to them.
    pub width: Option<u16>,
}

/// `WARNING`, in the colour of its severity, or of success once it is resolved.
pub(super) struct Mark {
    pub(super) severity: Severity,
    pub(super) action: Action,
    pub(super) color: bool,
}

impl Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, color) = match (self.action, self.severity) {
            (Action::Resolved, _) => ("RESOLVED", "32"),
            (_, Severity::Info) => ("INFO", "36"),
            (_, Severity::Warning) => ("WARNING", "33"),
            (_, Severity::Critical) => ("CRITICAL", "31;1"),
        };
        if self.color {
            write!(f, "\x1b[{color}m{text}\x1b[0m")
        } else {
            f.write_str(text)
        }
    }
}
