//! A finding of an incident, as far as it must be known again.

use super::charge::Charge;
use super::standing::{Kind, Standing};
use crate::model::finding::{Severity, Verdict, Weight};
use crate::model::incident::{IncidentId, Reason};
use crate::model::socket::ProcessId;
use crate::model::time::Timestamp;

/// One finding. Times are watched time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Member {
    pub(super) incident: IncidentId,
    pub(super) verdict: Verdict,
    pub(super) weight: Weight,
    pub(super) kind: Kind,
    pub(super) process: Option<ProcessId>,
    /// The place among the ages.
    pub(super) second: u64,
    /// In trouble since then, less what does not count.
    pub(super) since: Timestamp,
    /// Nobody can act on it since then.
    pub(super) halted: Option<Timestamp>,
}

impl Member {
    /// What is said of the finding alone.
    pub(super) const fn told(&self) -> Option<(Severity, Reason)> {
        match (self.weight, self.verdict) {
            (Weight::Own(severity), Verdict::TimeWaitPressure) => {
                Some((severity, Reason::LocalPorts))
            }
            (Weight::Own(severity), _) => Some((severity, Reason::Configured)),
            (Weight::Shared | Weight::Harmless, _) => None,
        }
    }

    /// Whether the end-of-stream is read over and over, and that counts.
    pub(super) fn spins(&self) -> bool {
        self.verdict == Verdict::EofSpin && self.kind.standing != Standing::Pool
    }

    /// Takes what is said of it now.
    pub(super) fn turn(&mut self, charge: &Charge) {
        self.verdict = charge.finding.verdict;
        self.weight = charge.finding.weight;
        self.kind = Kind::of(charge);
    }
}
