//! Looks at the kernel that wait until the records from before them have been read.
//!
//! A record knows why, a snapshot only what; and what a snapshot has told must not be followed by what went before.
//! The ring holds records in the order of time, so at most one filling of it is read meanwhile.

use std::collections::VecDeque;

use finback_core::model::look::Snapshot;
use finback_core::model::time::Timestamp;

/// A pass over the kernel.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) snapshot: Snapshot,
    /// When the pass was over: every record from before it comes first.
    pub(super) until: Timestamp,
}

/// How far the ring has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// It was empty.
    Everything,
    /// Up to a record of this moment.
    To(Timestamp),
}

/// The looks, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Looks {
    waiting: VecDeque<Look>,
}

impl Looks {
    pub(super) fn add(&mut self, look: Look) {
        self.waiting.push_back(look);
    }

    /// The next one whose time has come.
    pub(super) fn next(&mut self, read: Read) -> Option<Look> {
        let due = |look: &mut Look| match read {
            Read::Everything => true,
            Read::To(time) => time > look.until,
        };
        self.waiting.pop_front_if(due)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn look(until: u64) -> Look {
        let taken = Timestamp::from_nanos(until - 5);
        Look {
            snapshot: Snapshot {
                taken,
                took: Duration::from_nanos(5),
                jiffies: None,
                sockets: Vec::new(),
                unheld: None,
                openers: Vec::new(),
            },
            until: Timestamp::from_nanos(until),
        }
    }

    #[test]
    fn a_look_comes_after_the_records_from_before_its_end() {
        let mut looks = Looks::default();
        looks.add(look(10));
        looks.add(look(20));
        let mut next = |time| {
            let found = looks.next(Read::To(Timestamp::from_nanos(time)));
            found.map(|look| look.until.as_nanos())
        };
        assert_eq!(next(10), None, "others may have the same time");
        assert_eq!(next(15), Some(10));
        assert_eq!(next(15), None);
        assert_eq!(next(21), Some(20));
        assert_eq!(next(21), None);
    }

    #[test]
    fn an_empty_ring_has_no_older_records() {
        let mut looks = Looks::default();
        looks.add(look(10));
        assert!(looks.next(Read::Everything).is_some());
        assert!(looks.next(Read::Everything).is_none());
    }
}
