//! Records were dropped: tell it, and have the table compared with the kernel.

use std::time::Duration;

use super::model::event::{Body, Output};
use super::model::observation::Loss;
use super::model::time::Timestamp;
use super::tracker::Tracker;

/// Between two comparisons with the kernel.
const PERIOD: Duration = Duration::from_secs(1);
/// An answer that has not come after this time is asked for again.
const PATIENCE: Duration = Duration::from_secs(10);

/// When to compare the table with the kernel.
#[derive(Debug, Default)]
pub(super) struct Repair {
    due: Option<Timestamp>,
    asked: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Nothing is missing up to this moment.
    intact: Timestamp,
    /// The latest comparison showed the kernel as it was at this moment.
    compared: Timestamp,
}

impl Repair {
    pub(super) fn due(&self) -> Option<Timestamp> {
        match (self.due, self.asked) {
            (due, None) => due,
            (_, Some(asked)) => Some(asked + PATIENCE),
        }
    }

    pub(super) const fn is_under_way(&self) -> bool {
        self.asked.is_some()
    }

    /// The kernel was compared with as it was at `taken`. A loss that was reported meanwhile keeps its own date.
    pub(super) fn done(&mut self, taken: Timestamp) {
        self.asked = None;
        self.intact = self.intact.max(taken);
        self.compared = self.compared.max(taken);
    }

    /// Whether a comparison has already shown what came of this moment.
    pub(super) fn has_overtaken(&self, time: Timestamp) -> bool {
        time < self.compared
    }
}

impl Tracker {
    /// Records were dropped.
    pub fn handle_loss(&mut self, loss: Loss, now: Timestamp) {
        let since = self.repair.intact;
        self.tell(now, Body::Lost { loss, since });
        self.repair.intact = now;
        let earliest = self
            .repair
            .last
            .map_or(now, |last| (last + PERIOD).max(now));
        self.repair.due = Some(self.repair.due.map_or(earliest, |due| due.min(earliest)));
        self.ask_for_resync(now);
    }

    /// No record was dropped up to now. Calling it whenever the counters were read and had not grown makes the
    /// `since` of a later `lost` event exact.
    pub fn handle_no_loss(&mut self, now: Timestamp) {
        self.repair.intact = self.repair.intact.max(now);
    }

    pub(super) fn ask_for_resync(&mut self, now: Timestamp) {
        if self.repair.due().is_none_or(|due| due > now) {
            return;
        }
        self.repair.due = None;
        self.repair.asked = Some(now);
        self.repair.last = Some(now);
        self.ended.snapshot_asked();
        self.put(Output::Resync);
    }
}
