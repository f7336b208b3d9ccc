//! Threshold and severity of a verdict.

use std::time::Duration;

use crate::model::finding::{Severity, Verdict};

/// A threshold that nothing reaches (`off`): a hundred years, so that a few times as long is still a time.
pub const NEVER: Duration = Duration::from_hours(24 * 365 * 100);

/// Settings of one verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct VerdictSettings {
    /// The proof must hold so long.
    pub after: Duration,
    /// How bad it is.
    pub level: Level,
}

/// How bad the findings of a verdict are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Level {
    /// As bad as their incident.
    #[default]
    Auto,
    /// So bad, whatever else is wrong; their incident is no better.
    Fixed(Severity),
    /// Nothing is told of them.
    Off,
}

impl VerdictSettings {
    /// The defaults, as in docs/finback.toml.
    pub const fn default_of(verdict: Verdict) -> Self {
        let seconds = match verdict {
            Verdict::WriteAfterFin => 1,
            Verdict::EofSpin => 2,
            Verdict::NeverAccepted => 5,
            Verdict::EofUnread | Verdict::Inherited | Verdict::TimeWaitPressure => 10,
            Verdict::DeadPeer => 15,
            Verdict::EofNotRequested
            | Verdict::NotClosed
            | Verdict::StalePooled
            | Verdict::DeadOpen => 30,
            Verdict::NeverReads | Verdict::PeerNotClosing => 60,
        };
        Self {
            after: Duration::from_secs(seconds),
            level: Level::Auto,
        }
    }

    /// Whether nothing is told of such findings.
    pub(crate) fn is_off(self) -> bool {
        self.level == Level::Off || self.after >= NEVER
    }
}
