//! Incidents: the findings of one cause together, how they develop, and how bad that is.

mod ages;
mod cause;
mod charge;
pub(crate) mod clock;
mod descriptors;
pub(crate) mod diary;
mod entry;
mod halt;
pub(crate) mod kept;
mod key;
mod level;
mod listed;
mod look;
mod lost;
mod member;
mod owner;
mod ports;
mod process;
mod program;
mod queue;
mod scales;
mod shown;
mod standing;
mod tell;
mod trend;
mod wording;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use self::charge::{Charge, Notice};
use self::clock::WatchedClock;
use self::diary::Diary;
use self::entry::Entry;
use self::key::Place;
use self::member::Member;
use self::ports::Ports;
use self::process::Processes;
use crate::model::event::{Body, Output};
use crate::model::finding::{Action, Finding};
use crate::model::incident::{Cause, Incident, IncidentId};
use crate::model::look::Snapshot;
use crate::model::process::ProcessView;
use crate::model::socket::{Process, ProcessId, Role};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;
use crate::settings::Settings;

/// Causes that are told apart; findings of further ones are counted in one incident.
const MAX: usize = 1_024;
/// What has become of an incident is judged so often.
const PAUSE: Duration = Duration::from_secs(1);
/// Processes are looked at so often …
const LOOK_PAUSE: Duration = Duration::from_secs(10);
/// … so many at most.
const LOOKED_AT: usize = 256;

/// Every incident.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    clock: WatchedClock,
    ports: Ports,
    processes: Processes,
    entries: BTreeMap<IncidentId, Entry>,
    members: FxHashMap<u64, Member>,
    /// When they were judged; `None` if something has happened since.
    judged: Option<Timestamp>,
    /// When the processes were asked for.
    looked: Timestamp,
    /// Of an earlier run: until a look has shown its findings again, nothing is told.
    unproven: bool,
    /// What has changed, for who keeps it for the next run.
    diary: Option<Diary>,
}

impl Incidents {
    /// None yet.
    pub(crate) fn new(settings: &Settings) -> Self {
        let clock = if settings.single_look {
            WatchedClock::since_ever()
        } else {
            WatchedClock::default()
        };
        Self {
            clock,
            ..Self::default()
        }
    }

    /// Gives back the memory of findings that are over.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.members.shrink_to_fit();
    }

    /// Other settings.
    pub(crate) fn configure(&mut self, settings: &Settings) {
        for entry in self.entries.values_mut() {
            entry.configure(settings);
        }
        self.judged = None;
    }

    /// The incident that counts an open finding.
    pub(crate) fn of_finding(&self, id: u64) -> Option<IncidentId> {
        self.members.get(&id).map(|member| member.incident)
    }

    /// Takes what is told of a finding, and requests that were lost without one. A finding is told with its incident and
    /// as severe as that is.
    pub(crate) fn hear(&mut self, output: &mut Output, settings: &Settings, now: Timestamp) {
        let Some(notice) = Notice::of(output) else {
            return;
        };
        let taken = self.take(notice, settings, now);
        self.write_down(taken);
        let entry = taken.and_then(|id| self.entries.get(&id));
        if let (Some(entry), Output::Event(event)) = (entry, output)
            && let Body::Finding { finding, .. } | Body::ProcessFinding { finding, .. } =
                &mut event.body
        {
            let finding = Arc::make_mut(finding);
            finding.incident = Some(entry.id);
            finding.severity = finding.weight.beside(entry.severity());
        }
    }

    /// The incident that it belongs to, if that is known.
    fn take(&mut self, notice: Notice, settings: &Settings, now: Timestamp) -> Option<IncidentId> {
        self.clock.tick(now);
        self.judged = None;
        if let Notice::Finding(charge) = &notice {
            let id = charge.finding.id;
            if self.members.contains_key(&id) {
                return self.go_on(charge, now);
            }
            let waits = self.processes.awaits(id);
            if !waits && charge.finding.action == Action::Resolved {
                return None;
            }
            if waits {
                self.processes.put_aside(notice);
                return None;
            }
        }
        let known = match notice.process() {
            None => Some(Place::unknown()),
            Some(process) => {
                let known = self.processes.get(process.id);
                known.map(|known| known.place.clone())
            }
        };
        let Some(place) = known else {
            self.processes.put_aside(notice);
            return None;
        };
        Some(self.join(&notice, place, settings, now))
    }

    /// What is told of a finding that belongs to an incident already.
    fn go_on(&mut self, charge: &Charge, now: Timestamp) -> Option<IncidentId> {
        let (id, watched) = (charge.finding.id, self.clock.read(now));
        let member = self.members.get_mut(&id)?;
        let entry = self.entries.get_mut(&member.incident)?;
        if charge.finding.action == Action::Resolved {
            entry.leave(member, id, watched);
            self.members.remove(&id);
        } else {
            entry.update(member, charge, watched);
        }
        Some(entry.id)
    }

    fn join(
        &mut self,
        notice: &Notice,
        place: Place,
        settings: &Settings,
        now: Timestamp,
    ) -> IncidentId {
        let cause = self.ports.cause(place, notice.end());
        let process = notice.process();
        match notice {
            Notice::Finding(charge) => {
                let since = self.clock.read(charge.since());
                let opened = charge.finding.opened;
                let entry = self.entry(cause, process, settings, opened);
                let (member, id) = (entry.join(charge, since), entry.id);
                self.members.insert(charge.finding.id, member);
                self.write_down_member(charge.finding.id, id);
                id
            }
            Notice::LostRequest(_) => {
                let watched = self.clock.read(now);
                let entry = self.entry(cause, process, settings, now);
                entry.lose(process, watched);
                entry.id
            }
        }
    }

    /// The incident of a cause, a new one if there is none.
    fn entry(
        &mut self,
        mut cause: Cause,
        process: Option<&Arc<Process>>,
        settings: &Settings,
        opened: Timestamp,
    ) -> &mut Entry {
        let mut id = key::id(&cause, &settings.boot_id);
        if !self.entries.contains_key(&id) && self.entries.len() >= MAX {
            cause = everything_else();
            id = key::id(&cause, &settings.boot_id);
        }
        let entry = self.entries.entry(id);
        entry.or_insert_with(|| Entry::new(id, cause, process.cloned(), settings, opened))
    }

    /// The answer to [`Output::LookAtProcesses`].
    pub(crate) fn handle_processes(
        &mut self,
        found: &[ProcessView],
        settings: &Settings,
        now: Timestamp,
    ) {
        self.clock.tick(now);
        self.processes.answered();
        for view in found {
            for notice in self.processes.learn(view) {
                let taken = self.take(notice, settings, now);
                self.write_down(taken);
            }
        }
        self.judged = None;
    }

    /// A look at everything, before what it tells of findings.
    pub(crate) fn see_listeners(&mut self, snapshot: &Snapshot) {
        self.ports.look(snapshot);
    }

    /// A look at everything.
    pub(crate) fn handle_look(&mut self, snapshot: &Snapshot, now: Timestamp) {
        self.clock.tick(now);
        self.unproven = false;
        if !self.entries.is_empty() {
            look::count(&mut self.entries, snapshot, self.clock.read(now));
        }
    }

    /// Whether connections are only counted that could be listed, too.
    pub(crate) fn want_list(&self) -> bool {
        self.entries.values().any(Entry::wants_list)
    }

    /// An open finding that may be listed.
    pub(crate) fn list(&mut self, finding: &Finding) {
        let member = self.members.get(&finding.id);
        let entry = member.and_then(|member| self.entries.get_mut(&member.incident));
        if let Some(entry) = entry {
            entry.list.take_counted(finding);
        }
    }

    /// When to call [`Incidents::tell`].
    pub(crate) fn due(&self) -> Option<Timestamp> {
        if self.unproven {
            return None;
        }
        let quiet = self.entries.is_empty() && !self.processes.have_strangers();
        let judged = self.judged.unwrap_or_default();
        (!quiet).then(|| judged + PAUSE)
    }

    /// Tells what there is to tell, and asks for what there is to know.
    pub(crate) fn tell(&mut self, settings: &Settings, now: Timestamp, out: &mut Outbox) {
        self.clock.tick(now);
        if self.due().is_none_or(|due| now < due) {
            return;
        }
        for notice in self.processes.give_up(now) {
            let taken = self.take(notice, settings, now);
            self.write_down(taken);
        }
        self.ask(now, out);
        self.judge(now, out);
        self.judged = Some(now);
    }

    fn ask(&mut self, now: Timestamp, out: &mut Outbox) {
        if !self.processes.may_ask(now) {
            return;
        }
        let mut wanted = self.processes.ask(now);
        if now >= self.looked + LOOK_PAUSE && !self.entries.is_empty() {
            self.looked = now;
            for entry in self.entries.values_mut() {
                entry.forget_ended(&self.processes);
            }
            let accused = self
                .entries
                .values()
                .flat_map(|entry| entry.processes.keys());
            let accused: BTreeSet<ProcessId> = accused.copied().collect();
            self.processes.keep(|id| accused.contains(&id));
            wanted.extend(accused.into_iter().take(LOOKED_AT));
        }
        if !wanted.is_empty() {
            self.processes.asked(now);
            out.put(Output::LookAtProcesses(wanted));
        }
    }

    /// Connections that all of them count.
    #[cfg(test)]
    pub(crate) fn counted(&self) -> u64 {
        let entries = self.entries.values();
        entries.map(|entry| u64::from(entry.connections)).sum()
    }

    /// Every incident as it was told last, by id.
    pub(crate) fn incidents(&self) -> impl Iterator<Item = &Arc<Incident>> {
        let told = self
            .entries
            .values()
            .filter_map(|entry| entry.told.as_ref());
        told.map(|told| &told.incident)
    }
}

/// The cause of what there are too many causes for.
fn everything_else() -> Cause {
    Cause {
        workload: "*".into(),
        program: "*".into(),
        role: Role::Unknown,
        port: None,
    }
}

#[cfg(test)]
mod tests;
