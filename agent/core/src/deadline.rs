//! When to look at which connection again.

use std::collections::BTreeSet;

use super::model::time::Timestamp;
use super::table::{Slot, Tracked};

/// One deadline per connection at most; the connection knows its own, so removal is exact.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    set: BTreeSet<(Timestamp, Slot)>,
}

impl Deadlines {
    /// Sets or moves the deadline of a connection.
    pub(super) fn arm(&mut self, slot: Slot, tracked: &mut Tracked, at: Timestamp) {
        self.disarm(slot, tracked);
        tracked.deadline = Some(at);
        self.set.insert((at, slot));
    }

    /// Moves the deadline of a connection to `at` unless it is earlier already.
    pub(super) fn advance(&mut self, slot: Slot, tracked: &mut Tracked, at: Timestamp) {
        if tracked.deadline.is_none_or(|deadline| deadline > at) {
            self.arm(slot, tracked, at);
        }
    }

    /// Forgets the deadline of a connection.
    pub(super) fn disarm(&mut self, slot: Slot, tracked: &mut Tracked) {
        if let Some(at) = tracked.deadline.take() {
            self.set.remove(&(at, slot));
        }
    }

    /// The earliest.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.set.first().map(|&(at, _)| at)
    }

    /// One connection whose deadline has come. It keeps the deadline: the caller moves or removes it.
    pub(super) fn due(&self, now: Timestamp) -> Option<Slot> {
        self.set
            .first()
            .filter(|&&(at, _)| at <= now)
            .map(|&(_, slot)| slot)
    }
}
