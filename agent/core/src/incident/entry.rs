//! What is kept of one incident. Apart from the processes and the connections that are listed its size does not depend
//! on how many connections it has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ages::{Ages, Settled};
use super::charge::Charge;
use super::descriptors::share;
use super::halt;
use super::level::{Levels, Picture, Share, judge};
use super::listed::{self, List};
use super::lost::LostRequests;
use super::member::Member;
use super::process::Processes;
use super::queue::Queues;
use super::standing::Kind;
use super::trend::{Measure, Trend};
use crate::model::finding::{Finding, Severity, Verdict};
use crate::model::incident::{Cause, Incident, IncidentId, Reason};
use crate::model::socket::{Process, ProcessId, Role};
use crate::model::time::Timestamp;
use crate::settings::Settings;
use crate::settings::exception::Subject;
use crate::settings::incident::IncidentSettings;

/// Processes that are remembered.
const PROCESSES: usize = 256;
/// Connections whose end is read over and over of which is remembered since when.
const SPINNING: usize = 1_000;

/// How severe, and why.
pub(super) type Level = (Severity, Option<Reason>);

/// One incident.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: IncidentId,
    pub(super) cause: Cause,
    pub(super) settings: IncidentSettings,
    /// Whose first connection made it an incident: what is set for some processes is set for it.
    pub(super) process: Option<Arc<Process>>,
    pub(super) opened: Timestamp,
    pub(super) ages: Ages,
    pub(super) trend: Trend,
    pub(super) levels: Levels,
    pub(super) queues: Queues,
    pub(super) lost: LostRequests,
    pub(super) verdicts: BTreeMap<Verdict, u32>,
    /// What to do about each, as the first finding that has it says.
    pub(super) hints: BTreeMap<Verdict, String>,
    /// What is said of single findings, whatever else is wrong.
    told_of: BTreeMap<(Severity, Reason), u32>,
    pub(super) connections: u32,
    /// Those that nobody can act on.
    halted: u32,
    pub(super) total: u64,
    pub(super) list: List,
    /// The processes that have or had connections of it, with how many they have.
    pub(super) processes: BTreeMap<ProcessId, (Arc<Process>, u32)>,
    spinning: BTreeMap<u64, Timestamp>,
    /// Open and live connections of the cause, as a look has counted them.
    pub(super) census: Option<Census>,
    /// Nothing is wrong since then, in watched time.
    pub(super) empty: Option<Timestamp>,
    pub(super) level: Level,
    pub(super) told: Option<Told>,
    /// It is of an earlier run of the agent, and nobody has heard of it in this one.
    pub(super) resumed: bool,
}

/// An incident as it was told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) at: Timestamp,
    /// The level that it had then by itself.
    pub(super) level: Level,
    pub(super) incident: Arc<Incident>,
}

/// Connections of the cause, in trouble or not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Census {
    pub(super) open: u32,
    /// In ESTABLISHED.
    pub(super) live: u32,
}

impl Entry {
    pub(super) fn new(
        id: IncidentId,
        cause: Cause,
        process: Option<Arc<Process>>,
        settings: &Settings,
        opened: Timestamp,
    ) -> Self {
        Self {
            id,
            settings: about(&cause, process.as_deref(), settings),
            cause,
            process,
            opened,
            ages: Ages::default(),
            trend: Trend::default(),
            levels: Levels::default(),
            queues: Queues::default(),
            lost: LostRequests::default(),
            verdicts: BTreeMap::new(),
            hints: BTreeMap::new(),
            told_of: BTreeMap::new(),
            connections: 0,
            halted: 0,
            total: 0,
            list: List::default(),
            processes: BTreeMap::new(),
            spinning: BTreeMap::new(),
            census: None,
            empty: None,
            level: (Severity::Info, None),
            told: None,
            resumed: false,
        }
    }

    /// Other settings.
    pub(super) fn configure(&mut self, settings: &Settings) {
        self.settings = about(&self.cause, self.process.as_deref(), settings);
    }

    /// A finding is open; `since` is watched time.
    pub(super) fn join(&mut self, charge: &Charge, since: Timestamp) -> Member {
        let kind = Kind::of(charge);
        let (second, settled) = self.ages.add(since, kind);
        self.trend.arrive(settled);
        let member = Member {
            incident: self.id,
            verdict: charge.finding.verdict,
            weight: charge.finding.weight,
            kind,
            process: self.remember(charge.process()),
            second,
            since,
            // When they were stopped nobody knows: rather before.
            halted: kind.halted.then_some(since),
        };
        self.connections += 1;
        self.total = self.total.saturating_add(1);
        self.count(&member, &charge.finding);
        self.list.take(charge);
        member
    }

    /// A finding that it had before, with the place that it had.
    pub(super) fn take_back(&mut self, member: &Member, charge: &Charge, settled: Settled) {
        self.ages.take_back(member.second, member.kind, settled);
        self.remember(charge.process());
        self.connections += 1;
        self.count(member, &charge.finding);
        self.list.take(charge);
    }

    /// A finding is told anew. `now` is watched time.
    pub(super) fn update(&mut self, member: &mut Member, charge: &Charge, now: Timestamp) {
        self.discount(member, charge.finding.id);
        let before = member.kind;
        member.turn(charge);
        match (member.kind.halted, member.halted.take()) {
            (false, Some(since)) => {
                let patience = self.settings.halted_after;
                let lost = halt::discount_after(since, patience, now);
                self.ages.remove(member.second, before);
                member.since = member.since + lost;
                let (second, settled) = self.ages.add(member.since, member.kind);
                self.trend.arrive(settled);
                member.second = second;
            }
            (halted, since) => {
                member.halted = halted.then(|| since.unwrap_or(now));
                self.ages.change(member.second, before, member.kind);
            }
        }
        member.process = self.remember(charge.process());
        self.count(member, &charge.finding);
        self.list.take(charge);
    }

    /// A finding is resolved.
    pub(super) fn leave(&mut self, member: &Member, finding: u64, now: Timestamp) {
        let settled = self.ages.remove(member.second, member.kind);
        self.trend.leave(settled, now.since(member.since));
        self.discount(member, finding);
        self.connections -= 1;
        self.list.remove(finding);
    }

    fn count(&mut self, member: &Member, finding: &Finding) {
        *self.verdicts.entry(member.verdict).or_default() += 1;
        let hint = self.hints.entry(member.verdict);
        hint.or_insert_with(|| finding.hint.clone());
        if let Some((_, count)) = self.process(member) {
            *count += 1;
        }
        if let Some(told) = member.told() {
            *self.told_of.entry(told).or_default() += 1;
        }
        self.halted += u32::from(member.kind.halted);
        if member.spins() && self.spinning.len() < SPINNING {
            self.spinning.entry(finding.id).or_insert(member.since);
        }
    }

    fn discount(&mut self, member: &Member, finding: u64) {
        decrease(&mut self.verdicts, &member.verdict);
        if !self.verdicts.contains_key(&member.verdict) {
            self.hints.remove(&member.verdict);
        }
        if let Some((_, count)) = self.process(member) {
            *count -= 1;
        }
        if let Some(told) = member.told() {
            decrease(&mut self.told_of, &told);
        }
        self.halted -= u32::from(member.kind.halted);
        self.spinning.remove(&finding);
    }

    fn process(&mut self, member: &Member) -> Option<&mut (Arc<Process>, u32)> {
        self.processes.get_mut(&member.process?)
    }

    /// Its name if it is, or can be, remembered.
    fn remember(&mut self, process: Option<&Arc<Process>>) -> Option<ProcessId> {
        let process = process?;
        if self.processes.len() < PROCESSES {
            let known = self.processes.entry(process.id);
            known.or_insert_with(|| (Arc::clone(process), 0));
        }
        self.processes
            .contains_key(&process.id)
            .then_some(process.id)
    }

    /// A request was lost.
    pub(super) fn lose(&mut self, process: Option<&Arc<Process>>, now: Timestamp) {
        self.lost.add(now);
        self.remember(process);
    }

    /// Forgets processes that have ended and have no connection any more.
    pub(super) fn forget_ended(&mut self, processes: &Processes) {
        let ended = |id: ProcessId| processes.get(id).is_none_or(|known| known.ended);
        self.processes
            .retain(|id, (_, count)| *count > 0 || !ended(*id));
    }

    /// Whether far fewer are listed than could be.
    pub(super) fn wants_list(&self) -> bool {
        let connections = usize::try_from(self.connections).unwrap_or(usize::MAX);
        self.list.len() < connections.min(listed::MOST) / 2
    }

    /// Time passes: what is to be said of it now. `now` is watched time.
    pub(super) fn judge(&mut self, processes: &Processes, now: Timestamp) {
        self.lost.turn(now);
        let census = self.census.filter(|_| self.cause.role == Role::Client);
        let measure = Measure {
            window: self.settings.trend_window,
            enough: self.settings.trend_settled,
            live: census.map(|census| census.live),
        };
        self.trend.turn(&mut self.ages, measure, now);
        let picture = Picture {
            settings: &self.settings,
            now,
            ages: &self.ages,
            open: self.census.map(|census| census.open),
            rising: self.trend.is_rising(),
            descriptors: self.share(processes, now),
            never_accepted: self.verdicts.contains_key(&Verdict::NeverAccepted),
            queue: self.queues.state(self.settings.halted_after, now),
            spinning: self.spinning.values().min().copied(),
            losing: self.is_losing(),
            halted: self.connections > 0 && self.halted == self.connections,
            told: self.told_of.last_key_value().map(|(told, _)| *told),
        };
        let level = judge(&picture);
        self.level = self.levels.hold(level, self.settings.fall_after, now);
        let over = self.connections == 0 && self.lost.is_over();
        self.empty = over.then(|| self.empty.unwrap_or(now));
    }

    /// Whether so many requests are lost that it is worth telling.
    pub(super) fn is_losing(&self) -> bool {
        let settings = &self.settings;
        self.lost
            .exceed(settings.lost_requests, settings.lost_requests_minutes)
    }

    /// Whether it has been empty for long enough to be over; `alive`: one of its processes lives on.
    pub(super) fn is_over(&self, alive: bool, now: Timestamp) -> bool {
        let patience = if alive && self.levels.have_warned() {
            self.settings.resolve_after_warning
        } else {
            self.settings.resolve_after
        };
        self.empty.is_some_and(|since| now.since(since) >= patience)
    }

    /// Whether nothing is wrong.
    pub(super) const fn is_empty(&self) -> bool {
        self.empty.is_some()
    }

    /// The descriptors of the process that has the fewest left.
    pub(super) fn share(&self, processes: &Processes, now: Timestamp) -> Option<Share> {
        let rate = self.trend.rate(self.settings.trend_window, now);
        share(&self.processes, processes, rate, &self.settings)
    }

    /// Whether it has kept to its bounds.
    #[cfg(test)]
    pub(super) fn is_bounded(&self) -> bool {
        self.spinning.len() <= SPINNING
            && self.list.len() <= listed::MOST
            && self.processes.len() <= PROCESSES
            && self.ages.len() <= 10_000
    }

    /// How severe it is for who has been told.
    pub(super) fn severity(&self) -> Severity {
        let told = self.told.as_ref();
        told.map_or(Severity::Info, |told| told.incident.severity)
    }
}

/// What is set for incidents of this cause.
fn about(cause: &Cause, process: Option<&Process>, settings: &Settings) -> IncidentSettings {
    settings.incident_about(Subject::of_cause(process, cause.port))
}

fn decrease<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
