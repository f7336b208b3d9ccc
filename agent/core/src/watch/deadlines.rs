//! When to look at which connection again.

use std::collections::BTreeSet;

use crate::model::time::Timestamp;

/// One deadline per connection at most; the connection knows its own, so removal is exact.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    set: BTreeSet<(Timestamp, u64)>,
}

impl Deadlines {
    /// Moves the deadline of a socket from `old` to `new`.
    pub(super) fn replace(&mut self, sock: u64, old: Option<Timestamp>, new: Option<Timestamp>) {
        if let Some(old) = old {
            self.set.remove(&(old, sock));
        }
        if let Some(new) = new {
            self.set.insert((new, sock));
        }
    }

    /// The earliest.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.set.first().map(|&(at, _)| at)
    }
}
