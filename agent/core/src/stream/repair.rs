//! Records were dropped, or programs did not run: when the table is to be compared with the kernel.

use std::time::Duration;

use finback_common::counter::Counter;

use crate::model::event::Body;
use crate::model::look::Snapshot;
use crate::model::observation::Loss;
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

/// Between two comparisons where records were dropped.
const PERIOD: Duration = Duration::from_secs(1);
/// Between two comparisons where only some runs of programs were left out: the next record of most connections
/// makes up for that.
const LONG_PERIOD: Duration = Duration::from_secs(10);
/// After a look that failed.
const RETRY: Duration = Duration::from_secs(10);

/// When to compare the table with the kernel.
#[derive(Debug)]
pub(super) struct Repair {
    /// The sockets that were there before the stream are known.
    pub(super) seeded: bool,
    due: Option<Timestamp>,
    /// A look from before this moment cannot show what came of everything that was lost.
    wanted: Timestamp,
    asked: bool,
    /// A look has failed: the next one is not asked for earlier.
    not_before: Timestamp,
    last: Option<Timestamp>,
    /// Nothing is missing up to this moment.
    intact: Timestamp,
}

impl Repair {
    /// The first look is due at once.
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            seeded: false,
            due: Some(now),
            wanted: now,
            asked: false,
            not_before: now,
            last: None,
            intact: now,
        }
    }

    /// When a look is to be asked for.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let due = self.due.filter(|_| !self.asked)?;
        Some(due.max(self.not_before))
    }

    /// Records were dropped.
    pub(super) fn lost(&mut self, loss: Loss, now: Timestamp, out: &mut Outbox) {
        let dropped = loss.reason == Counter::RingFull.name();
        let since = std::mem::replace(&mut self.intact, now);
        out.tell(now, Body::Lost { loss, since });
        // Whatever else is counted, a comparison would find again and again.
        if dropped {
            self.want(now, PERIOD);
        }
    }

    /// Programs did not run where they should have.
    pub(super) fn missed(&mut self, now: Timestamp) {
        self.want(now, LONG_PERIOD);
    }

    /// No record was dropped up to now.
    pub(super) fn intact(&mut self, now: Timestamp) {
        self.intact = self.intact.max(now);
    }

    /// A look is under way.
    pub(super) const fn asked(&mut self) {
        self.asked = true;
    }

    /// It failed.
    pub(super) fn failed(&mut self, now: Timestamp) {
        self.asked = false;
        self.not_before = now + RETRY;
    }

    /// Whether this look is one to compare with: it shows enough, and it was asked for or one is due.
    pub(super) fn answered(&mut self, snapshot: &Snapshot, now: Timestamp) -> bool {
        let asked = std::mem::take(&mut self.asked);
        let complete = snapshot.unheld.is_some() || !self.seeded;
        if !complete || self.due.is_none_or(|due| due > now && !asked) {
            return false;
        }
        self.last = Some(now);
        self.intact = self.intact.max(snapshot.taken);
        self.due = (snapshot.taken < self.wanted).then_some(now + PERIOD);
        true
    }

    fn want(&mut self, now: Timestamp, period: Duration) {
        let earliest = self.last.map_or(now, |last| now.max(last + period));
        self.due = Some(self.due.map_or(earliest, |due| due.min(earliest)));
        self.wanted = now;
    }
}
