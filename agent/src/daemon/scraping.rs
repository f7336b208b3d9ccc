//! Who asks for metrics, and what the daemon answers.

use std::time::Duration;

use finback_core::input::Input;
use tokio::time::Instant;

use super::work::Work;
use crate::metrics::family::Family;
use crate::metrics::health::Health;
use crate::metrics::{self, Request};

/// Whoever asks has an answer after this time, with the last count if there is no new one.
const PATIENCE: Duration = Duration::from_millis(1500);

impl Work {
    /// Somebody wants the metrics.
    pub(super) fn scrape(&mut self, request: Request) {
        let now = Instant::now();
        self.scrapes.answered += 1;
        if request.lifetimes {
            self.scrapes.lifetimes.want(now);
            self.adjust();
        }
        self.scrapes.waiting.push((request.answer, now + PATIENCE));
        if self.scrapes.needs_no_look(now) {
            self.answer_scrapes();
        } else if self.scrapes.counting.is_none() {
            self.engine.apply(&Input::LookWanted, self.kernel.now());
        }
    }

    /// The engine has seen a look. Counts what it shows if somebody waits for that.
    pub(super) fn seen(&mut self, look: Input) {
        let Input::Look(snapshot) = look else {
            return;
        };
        let is_wanted = !self.scrapes.waiting.is_empty() && self.scrapes.counting.is_none();
        if is_wanted && snapshot.unheld.is_some() {
            let accused = self.engine.accused().map(|accused| accused.key.sock);
            let accused = accused.collect();
            self.scrapes.count(snapshot, accused);
        }
    }

    /// Answers all who wait, with the last count.
    pub(super) fn answer_scrapes(&mut self) {
        let waiting = std::mem::take(&mut self.scrapes.waiting);
        let waiting = waiting.into_iter().map(|(answer, _)| answer);
        let mut waiting = waiting.filter(|answer| !answer.is_closed()).peekable();
        if waiting.peek().is_none() {
            return;
        }
        let families = self.families();
        for answer in waiting {
            // Refused only if the client has gone.
            drop(answer.send(families.clone()));
        }
    }

    /// Once a second.
    pub(super) fn tick_scrapes(&mut self) {
        let now = Instant::now();
        if self.scrapes.lifetimes.expire(now) {
            self.adjust();
        }
        let mut waiting = self.scrapes.waiting.iter();
        if waiting.any(|(_, until)| *until <= now) {
            self.answer_scrapes();
        }
    }

    fn families(&self) -> Vec<Family> {
        let now = self.kernel.now();
        let census = self.scrapes.census.as_ref();
        let mut all: Vec<Family> = census
            .map(|(census, _)| census.families(now))
            .unwrap_or_default();
        let incidents = self.engine.incidents();
        all.extend(metrics::of_incidents(&incidents, &self.people, now));
        all.extend(self.scrapes.lifetimes.families());
        all.extend(self.health().families());
        for source in &self.scrapes.sources {
            all.extend(source.families());
        }
        all.extend(metrics::of_this_process(self.clock));
        all
    }

    fn health(&self) -> Health<'_> {
        let feed = self.feed.handle();
        Health {
            version: env!("CARGO_PKG_VERSION"),
            kernel: &self.kernel.report().kernel,
            engine: self.engine.stats(),
            failures: self.kernel.counters().unwrap_or_default(),
            programs: self.kernel.runs(),
            records: self.desk.records,
            told: feed.sent(),
            subscribers: feed.subscribers(),
            late: self.scrapes.late,
            scrapes: (self.scrapes.answered, self.scrapes.cost),
        }
    }
}
