//! What a run of the agent knows that the next one goes on with: open findings with all that their judgement rests on,
//! incidents, and the time that was lived through.
//!
//! Whoever keeps it writes down [`Note`]s as they come, and reads them into a [`Memory`] at the next start. What is in it
//! is not believed: a finding goes on only if the first look shows its very socket.

use std::collections::BTreeMap;

use crate::connection::clock::WatchedTime;
use crate::incident::clock::WatchedClock;
use crate::incident::kept::{Kept as KeptIncident, KeptMember};
use crate::model::incident::IncidentId;
use crate::model::time::Timestamp;
use crate::watch::kept::Kept as KeptFinding;

/// One thing to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Note {
    /// The agent runs.
    Alive(Alive),
    /// A finding is open.
    Finding(Box<Finding>),
    /// A finding is over.
    Over(u64),
    /// An incident is not over.
    Incident(Box<Incident>),
    /// An incident is over.
    IncidentOver(IncidentId),
}

/// Until when, and what was lived through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Alive {
    pub(crate) at: Timestamp,
    pub(crate) last_finding: u64,
    pub(crate) watch: WatchedTime,
    pub(crate) incidents: WatchedClock,
}

/// An open finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Finding {
    pub(crate) kept: KeptFinding,
    pub(crate) member: Option<KeptMember>,
}

/// An incident that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Incident {
    pub(crate) kept: KeptIncident,
}

/// All that was written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Memory {
    pub(crate) alive: Alive,
    pub(crate) findings: BTreeMap<u64, Finding>,
    pub(crate) incidents: BTreeMap<IncidentId, Incident>,
}

/// More findings than that nobody has told: what says so is damaged.
const MOST: u64 = 1 << 53;

impl Memory {
    /// Takes a note; later ones count.
    pub fn take(&mut self, note: Note) {
        match note {
            Note::Alive(alive) if alive.last_finding < MOST => self.alive = alive,
            Note::Alive(_) => {}
            Note::Finding(finding) => {
                let id = finding.kept.finding().map(|finding| finding.id);
                if let Some(id) = id.filter(|id| *id < MOST) {
                    self.findings.insert(id, *finding);
                }
            }
            Note::Over(id) => {
                self.findings.remove(&id);
            }
            Note::Incident(incident) => {
                self.incidents.insert(incident.kept.id(), *incident);
            }
            Note::IncidentOver(id) => {
                self.incidents.remove(&id);
            }
        }
    }

    /// When the run was last known to be alive.
    pub const fn alive(&self) -> Timestamp {
        self.alive.at
    }

    /// Open findings, and incidents that were not over.
    pub fn len(&self) -> (usize, usize) {
        (self.findings.len(), self.incidents.len())
    }

    /// The same in as few notes as can be.
    pub fn notes(&self) -> impl Iterator<Item = Note> {
        let alive = Note::Alive(self.alive.clone());
        let incidents = self.incidents.values().cloned();
        let incidents = incidents.map(|incident| Note::Incident(Box::new(incident)));
        let findings = self.findings.values().cloned();
        let findings = findings.map(|finding| Note::Finding(Box::new(finding)));
        std::iter::once(alive).chain(incidents).chain(findings)
    }
}
