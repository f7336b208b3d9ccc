//! How long nothing happened, and how long that is usually so.

use std::time::Duration;

use crate::model::time::Timestamp;

/// So many times its longest pause until now is unusual.
const UNUSUAL: u32 = 6;

/// Things of one kind that happen again and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Pauses {
    /// When it last happened.
    pub(crate) latest: Option<Timestamp>,
    /// The longest time between two.
    longest: Duration,
}

impl Pauses {
    /// It happened then.
    pub(crate) fn happened(&mut self, at: Timestamp) {
        if let Some(latest) = self.latest {
            self.longest = self.longest.max(at.since(latest));
        }
        self.latest = self.latest.max(Some(at));
    }

    /// It could have happened since then.
    pub(crate) fn begin(&mut self, at: Timestamp) {
        self.latest = self.latest.or(Some(at));
    }

    /// Something that makes waiting for it begin anew.
    pub(crate) fn moved(&mut self, at: Timestamp) {
        self.latest = self.latest.max(Some(at));
    }

    /// After so long without, something is wrong: at least after `least`.
    pub(crate) fn unusual(&self, least: Duration) -> Duration {
        least.max(self.longest * UNUSUAL)
    }
}
