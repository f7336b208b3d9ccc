//! Incidents that outlive a run of the agent: what the next run must know, and how it goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Incidents;
use super::ages::{Ages, Settled};
use super::charge::Charge;
use super::clock::WatchedClock;
use super::diary::Diary;
use super::entry::{Entry, Level, Told};
use super::level::Levels;
use super::lost::LostRequests;
use super::member::Member;
use super::shown::{self, Context};
use super::trend::Trend;
use crate::model::event::Body;
use crate::model::finding::{Action, Severity};
use crate::model::incident::{Cause, IncidentId};
use crate::model::socket::Process;
use crate::model::time::Timestamp;
use crate::settings::Settings;

/// What moves without an event is written down so often.
const PAUSE: Duration = Duration::from_secs(10);

/// One incident, without what its findings tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Kept {
    id: IncidentId,
    cause: Cause,
    process: Option<Arc<Process>>,
    opened: Timestamp,
    total: u64,
    trend: Trend,
    levels: Levels,
    lost: LostRequests,
    settled: Settled,
    empty: Option<Timestamp>,
    level: Level,
    /// When it was told last, the level that it had then by itself, and the severity with which it was told.
    told: Option<(Timestamp, Level, Severity)>,
}

/// What belongs to a finding here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct KeptMember(Member);

impl Kept {
    /// Its name.
    pub(crate) const fn id(&self) -> IncidentId {
        self.id
    }

    fn of(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            cause: entry.cause.clone(),
            process: entry.process.clone(),
            opened: entry.opened,
            total: entry.total,
            trend: entry.trend.clone(),
            levels: entry.levels.clone(),
            lost: entry.lost.clone(),
            settled: entry.ages.settled(),
            empty: entry.empty,
            level: entry.level,
            told: entry
                .told
                .as_ref()
                .map(|told| (told.at, told.level, told.incident.severity)),
        }
    }

    fn revive(&self, settings: &Settings) -> Entry {
        let (cause, process) = (self.cause.clone(), self.process.clone());
        let mut entry = Entry::new(self.id, cause, process, settings, self.opened);
        entry.ages = Ages::resume(self.settled);
        entry.trend = self.trend.clone();
        entry.levels = self.levels.clone();
        entry.lost = self.lost.clone();
        entry.empty = self.empty;
        entry.level = self.level;
        entry.total = self.total;
        entry
    }
}

impl Incidents {
    /// From now on what changes is written down.
    pub(crate) fn begin_diary(&mut self) {
        self.diary = Some(Diary::default());
    }

    /// What has changed since the last call.
    pub(crate) fn take_diary(&mut self) -> Diary {
        let Some(diary) = &mut self.diary else {
            return Diary::default();
        };
        let written = diary.written;
        std::mem::replace(
            diary,
            Diary {
                written,
                ..Diary::default()
            },
        )
    }

    pub(super) fn write_down(&mut self, incident: Option<IncidentId>) {
        if let Some(diary) = &mut self.diary {
            diary.incidents.extend(incident);
        }
    }

    pub(super) fn write_down_member(&mut self, finding: u64, incident: IncidentId) {
        if let Some(diary) = &mut self.diary {
            diary.members.insert(finding);
            diary.incidents.insert(incident);
        }
    }

    /// Trends move without an event.
    pub(super) fn write_down_all(&mut self, now: Timestamp) {
        if let Some(diary) = &mut self.diary
            && now >= diary.written + PAUSE
        {
            diary.written = now;
            diary.incidents.extend(self.entries.keys());
        }
    }

    /// An incident as it is; `None` if it is over.
    pub(crate) fn keep(&self, id: IncidentId) -> Option<Kept> {
        self.entries.get(&id).map(Kept::of)
    }

    /// Every incident.
    pub(crate) fn ids(&self) -> impl Iterator<Item = IncidentId> {
        self.entries.keys().copied()
    }

    /// What it knows of a finding.
    pub(crate) fn keep_member(&self, finding: u64) -> Option<KeptMember> {
        self.members.get(&finding).copied().map(KeptMember)
    }

    /// What it has lived through.
    pub(crate) const fn clock(&self) -> &WatchedClock {
        &self.clock
    }

    /// Goes on with the incidents of an earlier run, which lived until `alive`, and with what belongs to their findings.
    pub(crate) fn restore<'a>(
        &mut self,
        incidents: impl Iterator<Item = &'a Kept>,
        findings: impl Iterator<Item = (&'a KeptMember, Body)>,
        clock: &WatchedClock,
        alive: Timestamp,
        settings: &Settings,
    ) {
        self.clock = clock.clone();
        self.clock.lived_until(alive);
        self.unproven = true;
        let known: BTreeMap<IncidentId, &Kept> = incidents.map(|kept| (kept.id, kept)).collect();
        for kept in known.values() {
            self.entries.insert(kept.id, kept.revive(settings));
        }
        for (KeptMember(member), body) in findings {
            if let (Some(charge), Some(kept)) = (Charge::of(&body), known.get(&member.incident))
                && let Some(entry) = self.entries.get_mut(&member.incident)
            {
                entry.take_back(member, &charge, kept.settled);
                self.members.insert(charge.finding.id, *member);
            }
        }
        let watched = self.clock.read(alive);
        for kept in known.into_values() {
            if let Some(entry) = self.entries.get_mut(&kept.id) {
                tell_again(entry, kept, watched);
            }
        }
    }
}

/// What was told of it last, as far as the next event differs from that.
fn tell_again(entry: &mut Entry, kept: &Kept, watched: Timestamp) {
    let Some((at, level, severity)) = kept.told else {
        return;
    };
    let context = Context {
        action: Action::Updated,
        share: None,
        caused_by: None,
        at_most: Severity::Critical,
        watched,
    };
    let mut incident = shown::incident(entry, context);
    (incident.severity, incident.severity_change) = (severity, None);
    let incident = Arc::new(incident);
    entry.told = Some(Told {
        at,
        level,
        incident,
    });
    entry.resumed = true;
}
