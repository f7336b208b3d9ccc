//! Metrics for those who ask: what all keep is put together, and the sockets are counted out of a look.
//!
//! Nobody who asks makes more than one look, and all who ask meanwhile share it; looks take 2 % of one processor,
//! whoever wants them, and so does counting. While that does not allow another, the last count is given again, with
//! its age.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use finback_core::input::Input;
use finback_core::model::look::Snapshot;
use finback_core::model::observation::Observation;
use rustc_hash::FxHashSet;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::work::Work;
use crate::metrics::family::Family;
use crate::metrics::health::{Health, LateWrites};
use crate::metrics::{self, Census, Counter, Lifetimes, Request, Source};

/// Who asks so soon after another one is given the same count.
const FRESH: Duration = Duration::from_secs(1);
/// Whoever asks has an answer after this time, with the last count if there is no new one.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Counting may take one part in so many of the time.
const DUTY: u32 = 50;

/// What is kept from one scrape to the next.
#[derive(Debug)]
pub(super) struct Scrapes {
    waiting: Vec<(oneshot::Sender<Vec<Family>>, Instant)>,
    /// Not there while it counts.
    counter: Option<Counter>,
    counting: Option<JoinHandle<Counted>>,
    census: Option<(Census, Instant)>,
    not_before: Instant,
    lifetimes: Lifetimes,
    late: LateWrites,
    answered: u64,
    cost: Duration,
    /// Where metrics are served over TCP.
    pub(super) address: Option<SocketAddr>,
    /// Who else counts something.
    pub(super) sources: Vec<Arc<dyn Source>>,
}

#[derive(Debug)]
struct Counted {
    counter: Counter,
    census: Census,
    cost: Duration,
}

impl Scrapes {
    pub(super) fn new(host_root: &Path) -> Self {
        Self {
            waiting: Vec::new(),
            counter: Some(Counter::new(host_root)),
            counting: None,
            census: None,
            not_before: Instant::now(),
            lifetimes: Lifetimes::default(),
            late: LateWrites::default(),
            answered: 0,
            cost: Duration::ZERO,
            address: None,
            sources: Vec::new(),
        }
    }

    /// What the kernel has told.
    pub(super) fn observe(&mut self, all: &[Observation]) {
        self.late.observe(all);
        self.lifetimes.observe(all);
    }

    /// What the kernel is to tell for those who scrape.
    pub(super) fn interest(&self) -> finback_core::model::interest::Interest {
        self.lifetimes.interest()
    }

    /// Waits until the sockets of a look are counted. Loses nothing when dropped while waiting.
    pub(super) async fn counted(&mut self) {
        let Some(counting) = &mut self.counting else {
            return std::future::pending().await;
        };
        let counted = counting.await;
        self.counting = None;
        match counted {
            Ok(Counted {
                counter,
                census,
                cost,
            }) => {
                let now = Instant::now();
                self.counter = Some(counter);
                self.census = Some((census, now));
                self.not_before = now + cost * DUTY;
                self.cost += cost;
            }
            Err(error) => {
                tracing::error!(%error, "connections cannot be counted");
            }
        }
    }

    fn needs_no_look(&self, now: Instant) -> bool {
        let fresh = |(_, counted): &(Census, Instant)| {
            now.duration_since(*counted) < FRESH || now < self.not_before
        };
        self.census.as_ref().is_some_and(fresh)
    }

    fn count(&mut self, snapshot: Snapshot, accused: FxHashSet<u64>) {
        let Some(mut counter) = self.counter.take() else {
            return;
        };
        self.counting = Some(tokio::task::spawn_blocking(move || {
            let before = spent();
            let census = counter.count(&snapshot, &accused);
            Counted {
                counter,
                census,
                cost: spent().saturating_sub(before),
            }
        }));
    }
}

/// Processor time of this thread.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

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
