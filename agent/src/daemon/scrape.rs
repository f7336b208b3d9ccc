//! Metrics for those who ask: what all keep is put together, and the sockets are counted out of a look.
//!
//! Nobody who asks makes more than one look, and all who ask meanwhile share it; looks take 2 % of one processor,
//! whoever wants them, and so does counting. While that does not allow another, the last count is given again, with
//! its age.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use finback_core::model::look::Snapshot;
use finback_core::model::observation::Observation;
use rustc_hash::FxHashSet;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::metrics::family::Family;
use crate::metrics::health::LateWrites;
use crate::metrics::{Census, Counter, Lifetimes, Source};

/// Who asks so soon after another one is given the same count.
const FRESH: Duration = Duration::from_secs(1);
/// Counting may take one part in so many of the time.
const DUTY: u32 = 50;

/// What is kept from one scrape to the next.
#[derive(Debug)]
pub(super) struct Scrapes {
    pub(super) waiting: Vec<(oneshot::Sender<Vec<Family>>, Instant)>,
    /// Not there while it counts.
    counter: Option<Counter>,
    pub(super) counting: Option<JoinHandle<Counted>>,
    pub(super) census: Option<(Census, Instant)>,
    not_before: Instant,
    pub(super) lifetimes: Lifetimes,
    pub(super) late: LateWrites,
    pub(super) answered: u64,
    pub(super) cost: Duration,
    /// Where metrics are served over TCP.
    pub(super) address: Option<SocketAddr>,
    /// Who else counts something.
    pub(super) sources: Vec<Arc<dyn Source>>,
}

#[derive(Debug)]
pub(super) struct Counted {
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

    pub(super) fn needs_no_look(&self, now: Instant) -> bool {
        let fresh = |(_, counted): &(Census, Instant)| {
            now.duration_since(*counted) < FRESH || now < self.not_before
        };
        self.census.as_ref().is_some_and(fresh)
    }

    pub(super) fn count(&mut self, snapshot: Snapshot, accused: FxHashSet<u64>) {
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
