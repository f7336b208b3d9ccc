//! What can be set: thresholds, severities, which states are told, and bounds. `config` fills it in.

pub mod exception;
pub mod incident;
pub(crate) mod rules;
#[cfg(feature = "serde")]
mod signals;
pub mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use finback_common::hook::Signal;

use self::exception::{Exception, Subject};
use self::incident::IncidentSettings;
use self::verdict::VerdictSettings;
use crate::effort;
use crate::model::finding::Verdict;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// Everything that the engine is told at its start, and what it can be told anew.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Settings {
    /// Threshold and severity per verdict; a verdict that is missing here has its default.
    pub verdicts: BTreeMap<Verdict, VerdictSettings>,
    /// When incidents are warnings, and how often they are told.
    pub incidents: IncidentSettings,
    /// What differs for some connections; the last one that fits wins.
    pub exceptions: Vec<Exception>,
    /// A change to one of these states becomes a `transition` event.
    pub reported: BTreeSet<TcpState>,
    /// An open finding is looked at so often.
    pub inspection_interval: Duration,
    /// All connections are looked at so often at least, to find what no record tells; zero for never.
    pub scan_interval: Duration,
    /// A half-closed connection is looked at first so long after the FIN: what it has read and sent until then
    /// is the ground that idleness is measured from. Never later than half of the smallest threshold.
    pub first_look: Duration,
    /// A peer that has ended its side counts as being there so long after its kernel last answered; longer if it usually
    /// takes longer.
    pub peer_quiet: Duration,
    /// Connections that the stream follows at once; more are counted and told of, but not followed.
    pub max_connections: usize,
    /// Minisocks (TIME_WAIT) that it follows besides.
    pub max_minisocks: usize,
    /// Signals that fire in this run.
    #[cfg_attr(feature = "serde", serde(with = "signals"))]
    pub signals: BTreeSet<Signal>,
    /// All of `signals` have been firing since this moment.
    pub watching_since: Timestamp,
    /// Changes with every boot of the host.
    pub boot_id: Box<str>,
    /// There is one look and nobody has watched before: how long something has been so is what sockets' own stamps say, and
    /// every finding lacks what happened before (`glance`).
    pub single_look: bool,
    /// No hook tells of TIME_WAIT (tracepoint flavour): entries are inferred, exits found by sweeping.
    pub time_wait_by_sweep: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            verdicts: BTreeMap::new(),
            incidents: IncidentSettings::default(),
            exceptions: Vec::new(),
            reported: BTreeSet::from([
                TcpState::Established,
                TcpState::CloseWait,
                TcpState::TimeWait,
                TcpState::Closed,
            ]),
            inspection_interval: Duration::from_secs(10),
            scan_interval: Duration::from_secs(15),
            first_look: Duration::from_secs(2),
            peer_quiet: Duration::from_mins(10),
            max_connections: 1 << 20,
            max_minisocks: 1 << 18,
            signals: Signal::ALL.iter().copied().collect(),
            watching_since: Timestamp::default(),
            boot_id: Box::default(),
            single_look: false,
            time_wait_by_sweep: false,
        }
    }
}

impl Settings {
    /// These as far as they can change in a run: what the kernel side can do, and the stream's bounds, stay as in `run`.
    pub(crate) fn during(self, run: &Self) -> Self {
        Self {
            max_connections: run.max_connections,
            max_minisocks: run.max_minisocks,
            signals: run.signals.clone(),
            watching_since: run.watching_since,
            boot_id: run.boot_id.clone(),
            single_look: run.single_look,
            time_wait_by_sweep: run.time_wait_by_sweep,
            ..self
        }
    }

    /// Threshold and severity of a verdict.
    pub fn verdict(&self, verdict: Verdict) -> VerdictSettings {
        self.verdicts
            .get(&verdict)
            .copied()
            .unwrap_or_else(|| VerdictSettings::default_of(verdict))
    }

    /// The threshold of a verdict.
    pub fn after(&self, verdict: Verdict) -> Duration {
        self.verdict(verdict).after
    }

    /// Threshold and severity of a verdict about this subject.
    pub(crate) fn verdict_about(&self, verdict: Verdict, subject: Subject<'_>) -> VerdictSettings {
        let all = self.exceptions.iter().inspect(|_| effort::step());
        all.fold(self.verdict(verdict), |before, exception| {
            exception.apply(verdict, subject, before)
        })
    }

    /// What is set of incidents of this subject.
    pub(crate) fn incident_about(&self, subject: Subject<'_>) -> IncidentSettings {
        let mut set = self.incidents;
        for exception in &self.exceptions {
            exception.apply_to_incident(subject, &mut set);
        }
        set
    }

    /// The shortest threshold of a verdict, whatever the subject.
    pub(crate) fn shortest(&self, verdict: Verdict) -> Duration {
        let all = self.exceptions.iter().inspect(|_| effort::step());
        all.filter_map(|exception| exception.thresholds.get(&verdict).copied())
            .fold(self.after(verdict), Duration::min)
    }
}

#[cfg(test)]
mod tests {
    use super::verdict::Level;
    use super::*;
    use crate::model::finding::Severity;

    #[test]
    fn a_verdict_that_is_not_set_has_its_default() {
        let mut settings = Settings::default();
        assert_eq!(settings.after(Verdict::NotClosed), Duration::from_secs(30));
        let own = VerdictSettings {
            after: Duration::from_secs(1),
            level: Level::Fixed(Severity::Critical),
        };
        settings.verdicts.insert(Verdict::NotClosed, own);
        assert_eq!(settings.verdict(Verdict::NotClosed), own);
        assert_eq!(settings.after(Verdict::EofUnread), Duration::from_secs(10));
    }
}
