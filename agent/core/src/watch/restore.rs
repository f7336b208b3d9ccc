//! Keeping for the next run, and going on from an earlier one.

use std::sync::Arc;

use super::Watch;
use super::configure::outgrown;
use super::kept::Kept;
use crate::connection::clock::WatchedTime;
use crate::model::finding::Finding;
use crate::model::time::Timestamp;
use crate::settings::rules::Rules;

impl Watch {
    /// An open finding; `sock` is its connection's, if it is about one.
    pub(crate) fn keep(&self, id: u64, sock: Option<u64>) -> Option<Kept> {
        let is_it = |finding: &Option<Arc<Finding>>| finding.as_ref().is_some_and(|f| f.id == id);
        if let Some(sock) = sock {
            let unproven = self.unproven.iter().find(|w| is_it(&w.finding));
            let known = self.table.get(sock).filter(|w| is_it(&w.finding));
            let watched = unproven.or(known)?;
            return Some(Kept::Connection(Box::new(watched.clone())));
        }
        let (group, squeeze) = self.pressure.keep(id)?;
        Some(Kept::Process(group, Box::new(squeeze)))
    }

    /// Every open finding, with the socket of its connection.
    pub(crate) fn open_findings(&self) -> impl Iterator<Item = (u64, Option<u64>)> {
        let watched = self.table.iter().chain(&self.unproven);
        let watched = watched.filter_map(|w| Some((w.finding.as_ref()?.id, Some(w.sock()))));
        watched.chain(self.pressure.findings().map(|finding| (finding.id, None)))
    }

    /// The number of the last finding.
    pub(crate) const fn last_finding(&self) -> u64 {
        self.numbers.last
    }

    /// What it has lived through.
    pub(crate) const fn clock(&self) -> &WatchedTime {
        &self.clock
    }

    /// Goes on with the findings of an earlier run, which lived until `alive`.
    pub(crate) fn restore(
        &mut self,
        found: impl Iterator<Item = Kept>,
        clock: &WatchedTime,
        alive: Timestamp,
        rules: &Rules,
    ) {
        self.clock = clock.clone();
        self.clock.lived_until(alive);
        for kept in found {
            let Some(finding) = kept.finding() else {
                continue;
            };
            self.numbers.last = self.numbers.last.max(finding.id);
            self.numbers.open += 1;
            match kept {
                Kept::Connection(watched) => {
                    let mut watched = watched.resumed(alive);
                    watched.doubtful |= outgrown(&watched, &rules.settings);
                    self.unproven.push(watched);
                }
                Kept::Process(group, squeeze) => self.pressure.restore(group, *squeeze, alive),
            }
        }
    }

    /// Numbers up to this one were given by an earlier run.
    pub(crate) fn number_from(&mut self, last: u64) {
        self.numbers.last = self.numbers.last.max(last);
    }
}
