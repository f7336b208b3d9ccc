//! Connections that are not half-closed: nothing happens to them that a record could tell, so they are looked at
//! from time to time, all at once.

use super::model::event::Output;
use super::model::finding::Resolution;
use super::model::observation::{Snapshot, SocketView};
use super::model::time::Timestamp;
use super::settings::exception::Subject;
use super::table::Slot;
use super::tracker::Tracker;
use super::verdict::{self, Judgement, OpenCase};

impl Tracker {
    /// When everything is to be looked at next: so long after the last look at anything, which saw everything too.
    pub(super) fn scan_due(&self) -> Option<Timestamp> {
        let pause = self.settings.scan_pause()?;
        if !self.seeded || self.table.len() == 0 {
            return None;
        }
        Some((self.inspection.latest + pause).max(self.inspection.not_before))
    }

    pub(super) fn ask_for_scan(&mut self, now: Timestamp) {
        if self.scan_due().is_some_and(|due| due <= now) {
            self.inspection.latest = now;
            self.put(Output::Inspect(Vec::new()));
        }
    }

    /// Judges a connection that is not half-closed.
    pub(super) fn judge_open(
        &mut self,
        slot: Slot,
        view: &SocketView,
        snapshot: &Snapshot,
        now: Timestamp,
    ) {
        let taken = snapshot.taken;
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        if !verdict::is_suspicious(view) {
            return self.calm(slot, taken);
        }
        let watch = tracked.watch_mut();
        if let Some(counters) = view.counters {
            watch.look_open(counters, taken);
        }
        let still_since = watch.still_since.unwrap_or(taken);
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        let judgement = verdict::judge_open(&OpenCase {
            settings: &self.settings,
            taken,
            still_since,
            view,
            subject: Subject::new(tracked, &view.holders),
        });
        let regular = now + self.settings.inspection_interval;
        match judgement {
            Judgement::Silence => self.calm(slot, taken),
            Judgement::Wait(until) => {
                self.resolve(slot, taken, view.state, Resolution::Resumed);
                self.look_at(slot, until.max(now));
            }
            Judgement::Wrong(verdict, proof) => {
                self.flag(slot, view, snapshot, verdict, proof);
                self.look_at(slot, regular);
            }
        }
    }

    /// A connection broke while a descriptor refers to it: a look soon tells whether anybody notices.
    pub(super) fn broken(&mut self, slot: Slot, time: Timestamp) {
        let first_look = self.settings.first_look_at(time);
        if let Some(tracked) = self.table.get_mut(slot) {
            tracked.watch_mut();
            self.deadlines.advance(slot, tracked, first_look);
        }
    }

    /// Nothing is wrong with it (any more).
    fn calm(&mut self, slot: Slot, time: Timestamp) {
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        if tracked.watch.is_none() {
            return;
        }
        let state = tracked.state;
        self.resolve(slot, time, state, Resolution::Resumed);
        if let Some(tracked) = self.table.get_mut(slot) {
            self.deadlines.disarm(slot, tracked);
            // A record of a write may be on its way.
            tracked.watch.take_if(|watch| watch.reset.is_none());
        }
    }
}
