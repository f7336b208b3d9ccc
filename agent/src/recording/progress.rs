//! How far a recording is, for those who look on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::entry::Ending;
use finback_core::model::time::Timestamp;

/// Shared by whoever writes and whoever looks on.
#[derive(Debug, Default)]
pub struct Progress {
    so_far: Mutex<SoFar>,
    ended: Notify,
}

/// What has been written.
#[derive(Clone, Debug, Default)]
pub struct SoFar {
    /// Bytes in the file.
    pub bytes: u64,
    /// From the first input to the last.
    pub covers: Option<(Timestamp, Timestamp)>,
    /// How it has ended, if it has; or what has gone wrong.
    pub end: Option<Result<Ending, String>>,
}

impl SoFar {
    /// How long a time it covers.
    pub fn duration(&self) -> Duration {
        let covers = self.covers;
        covers.map_or(Duration::ZERO, |(first, last)| last.since(first))
    }
}

impl Progress {
    /// What has been written by now.
    pub fn so_far(&self) -> SoFar {
        self.lock().clone()
    }

    /// Comes when nothing more is written.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }

    pub(super) fn wrote(&self, bytes: u64, covers: Option<(Timestamp, Timestamp)>) {
        let mut so_far = self.lock();
        so_far.bytes += bytes;
        so_far.covers = match (so_far.covers, covers) {
            (Some((first, _)), Some((_, last))) => Some((first, last)),
            (before, now) => before.or(now),
        };
    }

    /// It ends, in this way unless it has ended in another one.
    pub(super) fn end(&self, how: Result<Ending, String>) -> Result<Ending, String> {
        let end = self.lock().end.get_or_insert(how).clone();
        self.ended.notify_one();
        end
    }

    fn lock(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
