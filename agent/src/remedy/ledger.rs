//! When a remedy may be used: not more often than its rate, and not again for the same case until that has cooled down.
//!
//! A case is a remedy and an incident (or a finding) that calls for it. It is decided again whenever it may be, for as
//! long as it calls.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::policy::Policy;

/// Cases that are remembered; more are not treated.
const MOST: usize = 4096;

/// What a rate is about.
const MINUTE: Duration = Duration::from_mins(1);

/// A remedy's name, and the id of what calls for it.
type Case = (String, String);

/// What is known of a case.
#[derive(Clone, Debug)]
struct Entry {
    /// The latest line that calls; `None` while nothing does.
    line: Option<Bytes>,
    /// Nothing is decided before.
    until: Instant,
}

/// What may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The remedy's name.
    pub(super) remedy: String,
    /// What calls for it.
    pub(super) line: Bytes,
    /// Not now: the remedy was used too often within the last minute.
    pub(super) limited: bool,
}

/// All cases.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    cases: BTreeMap<Case, Entry>,
    /// When each remedy was used within the last minute, the oldest first.
    used: BTreeMap<String, VecDeque<Instant>>,
}

impl Ledger {
    /// Something calls for a remedy, as this line says.
    pub(super) fn call(&mut self, remedy: &str, id: &str, line: &Bytes, now: Instant) {
        let case = (remedy.to_owned(), id.to_owned());
        if !self.cases.contains_key(&case) && self.cases.len() >= MOST {
            tracing::warn!(remedy, id, "too many cases: no remedy for this one");
            return;
        }
        let entry = self.cases.entry(case);
        let entry = entry.or_insert(Entry {
            line: None,
            until: now,
        });
        entry.line = Some(line.clone());
    }

    /// It calls no more. What is cooling down goes on doing so.
    pub(super) fn hush(&mut self, remedy: &str, id: &str, now: Instant) {
        let case = (remedy.to_owned(), id.to_owned());
        if let Some(entry) = self.cases.get_mut(&case) {
            entry.line = None;
        }
        self.forget(now);
    }

    /// Nothing calls any more, until it is said anew.
    pub(super) fn hush_all(&mut self, now: Instant) {
        for entry in self.cases.values_mut() {
            entry.line = None;
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        self.cases
            .retain(|_, entry| entry.line.is_some() || entry.until > now);
    }

    /// When [`Ledger::next`] is to be asked.
    pub(super) fn due(&self) -> Option<Instant> {
        let calling = self.cases.values().filter(|entry| entry.line.is_some());
        calling.map(|entry| entry.until).min()
    }

    /// The next case to decide. It counts as decided: a remedy that does nothing in a dry run keeps to its rate as well.
    pub(super) fn next(&mut self, policies: &[Policy], now: Instant) -> Option<Due> {
        let due = |entry: &Entry| entry.line.is_some() && entry.until <= now;
        let (case, entry) = self.cases.iter_mut().find(|(_, entry)| due(entry))?;
        let line = entry.line.clone()?;
        let remedy = case.0.clone();
        let Some(policy) = policies.iter().find(|policy| policy.name == remedy) else {
            entry.line = None;
            return self.next(policies, now);
        };
        let used = self.used.entry(remedy.clone()).or_default();
        while used.front().is_some_and(|first| *first + MINUTE <= now) {
            used.pop_front();
        }
        let full = usize::try_from(policy.per_minute).is_ok_and(|most| used.len() >= most);
        if full {
            entry.until = used.front().map_or(now, |first| *first) + MINUTE;
        } else {
            used.push_back(now);
            entry.until = now + policy.cool_down;
        }
        Some(Due {
            remedy,
            line,
            limited: full,
        })
    }
}
