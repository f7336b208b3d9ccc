//! What has become of everything, for those who ask.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::output::clock::Time;
use crate::output::text::clean;

/// Why something was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The queue was full; the oldest went.
    Full,
    /// It could not be delivered for too long.
    Expired,
    /// The receiver will not take it.
    Refused,
    /// More than the exporter may send.
    Limited,
    /// The exporter itself was too slow for the feed.
    Slow,
    /// The daemon ended first.
    Ended,
}

impl Reason {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::Full,
        Self::Expired,
        Self::Refused,
        Self::Limited,
        Self::Slow,
        Self::Ended,
    ];

    /// As JSON and metrics have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Limited => "limited",
            Self::Slow => "slow",
            Self::Ended => "ended",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Full => "the queue is full, the oldest were dropped",
            Self::Expired => "they could not be delivered for too long and were dropped",
            Self::Refused => "the receiver does not take them",
            Self::Limited => "there are more than may be sent",
            Self::Slow => "the exporter does not keep up with the feed",
            Self::Ended => "the daemon ends before they could be delivered",
        }
    }
}

/// How an exporter is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct State {
    /// Its name: `journal`, `webhook`, `otlp`.
    pub name: &'static str,
    /// Items that arrived.
    pub delivered: u64,
    /// Items that did not and will not.
    pub dropped: BTreeMap<Reason, u64>,
    /// Tries that failed and were, or will be, made again.
    pub retries: u64,
    /// Items that wait.
    pub queued: usize,
    /// Their size.
    pub queued_bytes: usize,
    /// Nothing was delivered since then, though it was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Time>,
    /// What went wrong last. It stays when it goes well again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A state that others read. Says in the log what people must know, and that not too often.
#[derive(Debug)]
pub struct Status(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    state: State,
    /// When drops were told last, and how many there were since.
    told: Option<Instant>,
    untold: u64,
}

const BETWEEN_COMPLAINTS: Duration = Duration::from_mins(1);

/// Characters of an error that are kept: receivers may answer with whole pages.
const ERROR: usize = 300;

impl Status {
    pub(in crate::export) fn new(name: &'static str) -> Self {
        Self(Mutex::new(Inner {
            state: State {
                name,
                ..State::default()
            },
            told: None,
            untold: 0,
        }))
    }

    /// How it is now.
    pub fn state(&self) -> State {
        self.lock().state.clone()
    }

    pub(super) fn set_queued(&self, count: usize, bytes: usize) {
        let mut inner = self.lock();
        inner.state.queued = count;
        inner.state.queued_bytes = bytes;
    }

    pub(super) fn delivered(&self, count: u64) {
        let mut inner = self.lock();
        inner.state.delivered += count;
        if let Some(since) = inner.state.failing_since.take() {
            let name = inner.state.name;
            let lasted = Time::now().since(since).as_secs();
            tracing::info!("{name}: delivers again, after {lasted} s");
        }
    }

    /// A try failed and will be repeated.
    pub(super) fn failed(&self, why: &str) {
        let mut inner = self.lock();
        let why = short(why);
        inner.state.retries += 1;
        if inner.state.failing_since.is_none() {
            inner.state.failing_since = Some(Time::now());
            tracing::warn!("{}: {why}; trying again", inner.state.name);
        }
        inner.state.error = Some(why);
    }

    /// A try failed for good.
    pub(super) fn refused(&self, count: u64, why: &str) {
        self.lock().state.error = Some(short(why));
        self.dropped(Reason::Refused, count);
    }

    pub(in crate::export) fn dropped(&self, reason: Reason, count: u64) {
        if count == 0 {
            return;
        }
        let mut inner = self.lock();
        *inner.state.dropped.entry(reason).or_default() += count;
        inner.untold += count;
        let now = Instant::now();
        let silent = inner.told.map(|told| now.duration_since(told));
        if silent.is_some_and(|silent| silent < BETWEEN_COMPLAINTS) {
            return;
        }
        inner.told = Some(now);
        let count = std::mem::take(&mut inner.untold);
        let (name, why) = (inner.state.name, reason.sentence());
        let error = inner.state.error.as_ref();
        if let Some(error) = error.filter(|_| reason != Reason::Limited) {
            tracing::warn!("{name}: {count} not delivered: {why} ({error})");
        } else {
            tracing::warn!("{name}: {count} not delivered: {why}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn short(why: &str) -> String {
    let cut: String = why.chars().take(ERROR).collect();
    clean(&cut)
}
