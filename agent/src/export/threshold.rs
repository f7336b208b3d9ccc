//! From which severity on incidents are told, and that what becomes of them is told to those who know them.

use std::collections::BTreeMap;

use crate::output::json::{Action, Incident};
use finback_core::model::finding::Severity;

/// Incidents remembered at most: more cannot be of interest at once.
const MOST: usize = 10_000;

/// What a line has to do with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It is as bad as what is told.
    Reached,
    /// It was, and this line says first that it is not any more, or that it is over.
    Left,
    /// It never was, or nothing has changed since it was.
    Below,
}

/// The least severity that is told, and what has reached it.
#[derive(Clone, Debug)]
pub struct Threshold {
    least: Severity,
    /// What has reached it, by id, and whether it is there now.
    reached: BTreeMap<Box<str>, bool>,
}

impl Threshold {
    /// From this severity on.
    pub const fn new(least: Severity) -> Self {
        Self {
            least,
            reached: BTreeMap::new(),
        }
    }

    /// Takes note of a line.
    pub fn pass(&mut self, incident: &Incident<'_>) -> Passage {
        if incident.action == Action::Resolved {
            let known = self.reached.remove(&*incident.id).is_some();
            return if known { Passage::Left } else { Passage::Below };
        }
        let bad = Severity::from(incident.severity) >= self.least;
        match self.reached.get_mut(&*incident.id) {
            Some(there) => match (std::mem::replace(there, bad), bad) {
                (_, true) => Passage::Reached,
                (true, false) => Passage::Left,
                (false, false) => Passage::Below,
            },
            None if bad => {
                if self.reached.len() < MOST {
                    self.reached.insert(Box::from(&*incident.id), true);
                }
                Passage::Reached
            }
            None => Passage::Below,
        }
    }
}
