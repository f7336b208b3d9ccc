//! What is kept of one incident. Apart from the processes and the connections that are listed its size does not depend
//! on how many connections it has.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::ages::Ages;
use super::charge::Charge;
use super::level::{Levels, Picture, Share, judge};
use super::lost::LostRequests;
use super::process::Processes;
use super::queue::Queues;
use super::standing::Standing;
use super::trend::{Measure, Trend};
use crate::model::finding::{Finding, Severity, Verdict};
use crate::model::incident::{Cause, DescriptorUse, Incident, IncidentId, Reason};
use crate::model::socket::{Process, ProcessId, Role};
use crate::model::time::Timestamp;
use crate::model::waiting::WaitState;
use crate::settings::incident::IncidentSettings;

/// Connections that are listed; more are counted.
pub(super) const LISTED: usize = 1_000;
/// Processes that are remembered.
const PROCESSES: usize = 256;

/// One incident.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: IncidentId,
    pub(super) cause: Cause,
    pub(super) settings: IncidentSettings,
    pub(super) opened: Timestamp,
    ages: Ages,
    pub(super) trend: Trend,
    levels: Levels,
    pub(super) queues: Queues,
    pub(super) lost: LostRequests,
    pub(super) verdicts: BTreeMap<Verdict, u32>,
    /// What to do about each, as the first finding that has it says.
    pub(super) hints: BTreeMap<Verdict, String>,
    /// What is said of single findings, beyond `info`.
    told_of: BTreeMap<(Severity, Reason), u32>,
    pub(super) connections: u32,
    pub(super) total: u64,
    pub(super) listed: BTreeMap<u64, Listed>,
    /// The processes that have or had connections of it, with how many they have.
    pub(super) processes: BTreeMap<ProcessId, (Arc<Process>, u32)>,
    spinning: BTreeMap<u64, Timestamp>,
    /// Open and live connections of the cause, as a look has counted them.
    pub(super) census: Option<Census>,
    /// Nothing is wrong since then, in watched time.
    pub(super) empty: Option<Timestamp>,
    pub(super) level: (Severity, Option<Reason>),
    /// The incident as it was told, and when.
    pub(super) told: Option<(Timestamp, Arc<Incident>)>,
}

/// A finding of the incident, as far as it must be known again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) incident: IncidentId,
    verdict: Verdict,
    standing: Standing,
    severity: Severity,
    process: Option<ProcessId>,
    second: u64,
    since: Timestamp,
}

/// A connection that is listed.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) peer: Option<SocketAddr>,
    pub(super) since: Timestamp,
    pub(super) waiting: Option<WaitState>,
    /// The process at the other end, if what is wrong may be its fault.
    pub(super) peer_process: Option<ProcessId>,
    /// The finding that it follows from.
    pub(super) caused_by: Option<u64>,
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
        settings: IncidentSettings,
        opened: Timestamp,
    ) -> Self {
        Self {
            id,
            cause,
            settings,
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
            total: 0,
            listed: BTreeMap::new(),
            processes: BTreeMap::new(),
            spinning: BTreeMap::new(),
            census: None,
            empty: None,
            level: (Severity::Info, None),
            told: None,
        }
    }

    /// A finding is open; `since` is watched time.
    pub(super) fn join(&mut self, charge: &Charge, since: Timestamp) -> Member {
        let standing = Standing::of(charge);
        let (second, settled) = self.ages.add(since, standing);
        self.trend.arrive(settled);
        let member = Member {
            incident: self.id,
            verdict: charge.finding.verdict,
            standing,
            severity: charge.finding.severity,
            process: self.remember(charge.process()),
            second,
            since,
        };
        self.connections += 1;
        self.total += 1;
        self.count(&member, &charge.finding);
        self.list(charge);
        member
    }

    /// A finding is told anew.
    pub(super) fn update(&mut self, member: &mut Member, charge: &Charge) {
        self.discount(member, charge.finding.id);
        let standing = Standing::of(charge);
        self.ages.change(member.second, member.standing, standing);
        member.standing = standing;
        member.verdict = charge.finding.verdict;
        member.severity = charge.finding.severity;
        member.process = self.remember(charge.process());
        self.count(member, &charge.finding);
        self.list(charge);
    }

    /// A finding is resolved.
    pub(super) fn leave(&mut self, member: &Member, finding: u64, now: Timestamp) {
        let settled = self.ages.remove(member.second, member.standing);
        self.trend.leave(settled, now.since(member.since));
        self.discount(member, finding);
        self.connections -= 1;
        self.listed.remove(&finding);
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
        if member.verdict == Verdict::EofSpin {
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

    fn list(&mut self, charge: &Charge) {
        let connection = charge.connection.as_ref();
        let may_follow = matches!(
            charge.finding.verdict,
            Verdict::PeerNotClosing | Verdict::DeadPeer
        );
        let peer = connection.and_then(|connection| connection.peer_owner.as_ref());
        self.put(
            &charge.finding,
            Listed {
                peer: charge.peer(),
                since: charge.since(),
                waiting: None,
                peer_process: peer.filter(|_| may_follow).map(|owner| owner.process.id),
                caused_by: charge.finding.evidence.caused_by,
            },
        );
    }

    /// Lists a connection of the incident that was only counted until now.
    pub(super) fn relist(&mut self, finding: &Finding) {
        if self.listed.contains_key(&finding.id) {
            return;
        }
        self.put(
            finding,
            Listed {
                peer: None,
                since: finding.half_closed_since.unwrap_or(finding.opened),
                waiting: None,
                peer_process: None,
                caused_by: finding.evidence.caused_by,
            },
        );
    }

    fn put(&mut self, finding: &Finding, mut listed: Listed) {
        if self.listed.len() >= LISTED && !self.listed.contains_key(&finding.id) {
            return;
        }
        listed.waiting = finding.evidence.waiting.map(|waiting| waiting.state);
        self.listed.insert(finding.id, listed);
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
        self.listed.len() < connections.min(LISTED) / 2
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
        let settings = &self.settings;
        let picture = Picture {
            settings,
            now,
            ages: &self.ages,
            open: self.census.map(|census| census.open),
            rising: self.trend.is_rising(),
            descriptors: self.share(processes, now),
            never_accepted: self.verdicts.contains_key(&Verdict::NeverAccepted),
            queue: self.queues.state(now),
            spinning: self.spinning.values().min().copied(),
            losing: self.is_losing(),
            told: self.told_of.last_key_value().map(|(told, _)| *told),
        };
        let level = judge(&picture);
        let fall_after = settings.fall_after;
        self.level = self.levels.hold(level, fall_after, now);
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
        self.empty
            .is_some_and(|since| self.told.is_none() || now.since(since) >= patience)
    }

    /// The descriptors of the process that has the fewest left.
    pub(super) fn share(&self, processes: &Processes, now: Timestamp) -> Option<Share> {
        let found = self.processes.keys().filter_map(|id| {
            let [latest, before] = processes.get(*id)?.descriptors;
            Some((*id, latest?, before))
        });
        let worst = found.max_by_key(|(_, used, _)| used.open * 1_000 / used.limit.max(1));
        let (process, descriptors, before) = worst?;
        let left = descriptors.limit.saturating_sub(descriptors.open);
        let rate = self.trend.rate(self.settings.trend_window, now);
        let usage = DescriptorUse {
            process,
            descriptors,
            full_in: rate.and_then(|rate| rate.reaches(left)),
        };
        let share = |descriptors| Share {
            usage: DescriptorUse {
                descriptors,
                ..usage
            },
            ours: self
                .processes
                .get(&process)
                .map_or(0, |(_, count)| u64::from(*count)),
            full: 0,
        };
        let percent = self.settings.descriptors_critical_percent;
        let both = [Some(descriptors), before].into_iter().flatten();
        let full = both
            .filter(|used| share(*used).is_at_least(percent))
            .count();
        Some(Share {
            full: u32::try_from(full).unwrap_or(0),
            ..share(descriptors)
        })
    }
}

impl Member {
    /// What is said of the finding alone.
    const fn told(&self) -> Option<(Severity, Reason)> {
        if matches!(self.verdict, Verdict::TimeWaitPressure) {
            Some((self.severity, Reason::LocalPorts))
        } else {
            None
        }
    }
}

fn decrease<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
