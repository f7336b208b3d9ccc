//! What is said of incidents as time passes.

use std::sync::Arc;

use super::Incidents;
use super::cause::Accused;
use super::entry::{Entry, Told};
use super::shown::{self, Context};
use crate::effort;
use crate::model::event::Body;
use crate::model::finding::{Action, Severity};
use crate::model::incident::IncidentId;
use crate::model::socket::ProcessId;
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

impl Incidents {
    /// Judges every incident, and tells those of which there is something to tell.
    pub(super) fn judge(&mut self, now: Timestamp, out: &mut Outbox) {
        let watched = self.clock.read(now);
        for entry in self.entries.values_mut() {
            effort::step();
            entry.judge(&self.processes, watched);
        }
        self.forget_untold();
        self.write_down_all(now);
        let due = self.entries.values();
        let due = due.filter_map(|entry| Some((entry.id, self.due_action(entry, now, watched)?)));
        let due: Vec<(IncidentId, Action)> = due.collect();
        if due.is_empty() {
            return;
        }
        let accused = Accused::of(&self.entries);
        for (id, action) in due {
            self.tell_one(id, action, &accused, now, out);
        }
    }

    /// Nobody has heard of them, and nothing is wrong any more.
    fn forget_untold(&mut self) {
        let forgotten = |entry: &Entry| entry.told.is_none() && entry.is_empty();
        let gone: Vec<IncidentId> = self
            .entries
            .values()
            .filter(|entry| forgotten(entry))
            .map(|entry| entry.id)
            .collect();
        for id in gone {
            self.entries.remove(&id);
            self.write_down(Some(id));
        }
    }

    /// What is to be told of an incident, if its time has come.
    fn due_action(&self, entry: &Entry, now: Timestamp, watched: Timestamp) -> Option<Action> {
        if entry.settings.severity.is_none() {
            return entry.told.is_some().then_some(Action::Resolved);
        }
        let over = self.is_over(entry, watched);
        let Some(told) = &entry.told else {
            let news = entry.connections > 0 || entry.is_losing();
            return news.then_some(Action::Opened);
        };
        if over {
            return Some(Action::Resolved);
        }
        // Nobody who listens now has heard of it.
        let due = entry.resumed
            || told.level != entry.level
            || now >= told.at + entry.settings.update_interval;
        due.then_some(Action::Updated)
    }

    fn is_over(&self, entry: &Entry, watched: Timestamp) -> bool {
        let alive = |id: &ProcessId| self.processes.get(*id).is_some_and(|known| !known.ended);
        entry.is_over(entry.processes.keys().any(alive), watched)
    }

    fn tell_one(
        &mut self,
        id: IncidentId,
        action: Action,
        accused: &Accused,
        now: Timestamp,
        out: &mut Outbox,
    ) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        let watched = self.clock.read(now);
        let cause = accused.cause(entry, &self.members);
        let cause = cause.and_then(|cause| self.entries.get(&cause));
        let context = Context {
            action,
            share: entry.share(&self.processes, watched),
            caused_by: cause.map(|cause| cause.id),
            at_most: cause.map_or(Severity::Critical, |cause| cause.level.0),
            watched,
        };
        let incident = Arc::new(shown::incident(entry, context));
        let over = action == Action::Resolved;
        let silenced = entry.settings.severity.is_none();
        let told = entry.told.as_ref().map(|told| &told.incident);
        let news =
            over || entry.resumed || told.is_none_or(|told| !shown::is_same(told, &incident));
        if news {
            out.tell(now, Body::Incident(Arc::clone(&incident)));
        }
        if over && !silenced {
            self.entries.remove(&id);
        } else if over && let Some(entry) = self.entries.get_mut(&id) {
            // It may be told again under other settings.
            entry.told = None;
        } else if let Some(entry) = self.entries.get_mut(&id) {
            entry.resumed = false;
            let incident = entry
                .told
                .take()
                .filter(|_| !news)
                .map_or(incident, |told| told.incident);
            entry.told = Some(Told {
                at: now,
                level: entry.level,
                incident,
            });
        }
        self.write_down(Some(id));
    }
}
