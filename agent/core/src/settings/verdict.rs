//! Threshold and severity of a verdict.

use std::time::Duration;

use crate::model::finding::{Severity, Verdict};

/// Settings of one verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictSettings {
    /// The proof must hold so long.
    pub after: Duration,
    /// How bad it is.
    pub severity: Severity,
}

impl VerdictSettings {
    /// The defaults, as in docs/finback.toml.
    pub const fn default_of(verdict: Verdict) -> Self {
        let (seconds, severity) = match verdict {
            Verdict::EofUnread => (10, Severity::Warning),
            Verdict::EofNotRequested => (30, Severity::Info),
            Verdict::NotClosed => (30, Severity::Warning),
            Verdict::NeverAccepted => (5, Severity::Warning),
            Verdict::Inherited => (10, Severity::Warning),
            Verdict::EofSpin => (2, Severity::Critical),
            Verdict::WriteAfterFin => (1, Severity::Warning),
            Verdict::StalePooled => (30, Severity::Info),
            Verdict::DeadOpen => (30, Severity::Warning),
            Verdict::NeverReads => (60, Severity::Warning),
            Verdict::DeadPeer => (15, Severity::Warning),
            Verdict::PeerNotClosing => (60, Severity::Warning),
            Verdict::TimeWaitPressure => (10, Severity::Warning),
        };
        Self {
            after: Duration::from_secs(seconds),
            severity,
        }
    }
}
