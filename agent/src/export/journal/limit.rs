//! How often there may be an entry: of one incident, and in all.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::output::clock::Time;

/// So many in a period.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) entries: u32,
    pub(super) period: Duration,
}

/// Incidents remembered at most; the rest may repeat themselves as far as the rate lets them.
const MOST: usize = 10_000;

/// What was told when.
#[derive(Debug)]
pub(super) struct Limit {
    rate: Rate,
    again: Duration,
    /// When each incident was told of last.
    told: BTreeMap<Box<str>, Time>,
    /// When the period began, and how many entries it has had.
    began: Time,
    entries: u32,
}

impl Limit {
    pub(super) fn new(rate: Rate, again: Duration) -> Self {
        Self {
            rate,
            again,
            told: BTreeMap::new(),
            began: Time::default(),
            entries: 0,
        }
    }

    /// Whether an incident may be told of though nothing but its numbers has changed.
    pub(super) fn is_due(&self, id: &str, now: Time) -> bool {
        let told = self.told.get(id);
        told.is_none_or(|told| now.since(*told) >= self.again)
    }

    /// Whether there may be another entry; if so, it is counted.
    pub(super) fn allows(&mut self, now: Time) -> bool {
        // Also if somebody has set the clock back.
        if now < self.began || now.since(self.began) >= self.rate.period {
            (self.began, self.entries) = (now, 0);
        }
        let allows = self.entries < self.rate.entries;
        self.entries += u32::from(allows);
        allows
    }

    /// Takes note of an entry about an incident.
    pub(super) fn told(&mut self, id: &str, now: Time, over: bool) {
        if over {
            self.told.remove(id);
        } else if self.told.len() < MOST || self.told.contains_key(id) {
            self.told.insert(id.into(), now);
        }
    }
}
