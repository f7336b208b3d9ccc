//! Listing the minisocks of a namespace, for what no hook tells.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::book::Book;
use super::departure;
use super::places::Slot;
use super::time_wait;
use crate::model::event::Output;
use crate::model::look::Unheld;
use crate::model::socket::Endpoints;
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

/// Between two sweeps.
const PERIOD: Duration = Duration::from_secs(5);
/// From the first minisock to the first sweep.
const FIRST: Duration = Duration::from_secs(1);

/// When to sweep.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    due: Option<Timestamp>,
    /// When the last one was asked for.
    asked: Timestamp,
}

impl Sweep {
    pub(super) fn due(&self, book: &Book) -> Option<Timestamp> {
        [self.due, book.minisocks.due()].into_iter().flatten().min()
    }

    /// There may be the first minisock that needs it.
    pub(super) fn plan(&mut self, book: &Book, now: Timestamp) {
        if self.due.is_none() && is_needed(book) {
            self.due = Some((now + FIRST).max(self.asked + PERIOD));
        }
    }

    /// Records were lost, those of exits may be among them.
    pub(super) fn hurry(&mut self, book: &Book, now: Timestamp) {
        if book.minisocks.len() > 0 {
            self.due = Some(now);
        }
    }

    /// Asks for what is due, and gives up what was asked for in vain.
    pub(super) fn ask(&mut self, book: &mut Book, now: Timestamp, out: &mut Outbox) {
        while let Some(slot) = book.minisocks.given_up(now) {
            departure::leave(book, slot, now, Some(Cause::Unknown), out);
        }
        let mut namespaces = Vec::new();
        while let Some(endpoints) = book.minisocks.overdue(now) {
            namespaces.push(endpoints.netns);
        }
        if self.due.is_some_and(|due| due <= now) {
            namespaces.extend(book.minisocks.iter().map(|(_, m)| m.id.endpoints.netns));
            // In case that no answer comes.
            self.due = is_needed(book).then(|| now + PERIOD);
        }
        if namespaces.is_empty() {
            return;
        }
        namespaces.sort_unstable();
        namespaces.dedup();
        self.asked = now;
        out.put(Output::SweepTimeWait(namespaces));
    }

    /// The answer: what goes on without a descriptor in those of the namespaces that could be listed.
    pub(super) fn answered(
        &mut self,
        book: &mut Book,
        namespaces: &[u32],
        unheld: &[Unheld],
        now: Timestamp,
        out: &mut Outbox,
    ) {
        let minisocks = unheld.iter().filter(|unheld| unheld.minisock);
        let found: FxHashMap<Endpoints, TcpState> =
            minisocks.map(|m| (m.endpoints, m.state)).collect();
        let listed = |endpoints: Endpoints| namespaces.contains(&endpoints.netns);
        let known: Vec<Slot> = book
            .minisocks
            .iter()
            // One that is younger than the question need not be in the answer.
            .filter(|(_, m)| listed(m.id.endpoints) && m.changed <= self.asked)
            .map(|(slot, _)| slot)
            .collect();
        for slot in known {
            let endpoints = book.minisocks.get(slot).map(|m| m.id.endpoints);
            match endpoints.and_then(|endpoints| found.get(&endpoints)) {
                None => departure::leave(book, slot, now, None, out),
                Some(TcpState::TimeWait) => time_wait::fin_reached(book, slot, now, out),
                Some(_) => {}
            }
        }
        self.due = is_needed(book).then(|| now + PERIOD);
    }
}

/// Where hooks tell of minisocks, only of those that wait for a FIN more is to be known.
fn is_needed(book: &Book) -> bool {
    if book.limits.by_sweep {
        book.minisocks.len() > 0
    } else {
        book.minisocks.orphans() > 0
    }
}
