//! What the history counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts of one daemon's history; `/v1/status` shows them.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Lines written.
    pub(super) written: AtomicU64,
    /// Lines that were not: the disk was full, or too slow.
    pub(super) dropped: AtomicU64,
    /// Bytes of all segments.
    pub(super) bytes: AtomicU64,
    /// Segments.
    pub(super) segments: AtomicU64,
    /// The oldest line is not older, nanoseconds since 1970; 0 if there is none.
    pub(super) oldest: AtomicU64,
    /// Bytes that were cut off at the start: a frame that had not been written to its end.
    pub(super) repaired: AtomicU64,
    /// Why nothing is being written now.
    error: Mutex<Option<String>>,
}

impl Statistics {
    /// Lines written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Lines that could not be written, or not in time.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Files on disk.
    pub fn segments(&self) -> u64 {
        self.segments.load(Ordering::Relaxed)
    }

    /// The oldest line's time, nanoseconds since 1970.
    pub fn oldest(&self) -> Option<u64> {
        let oldest = self.oldest.load(Ordering::Relaxed);
        (oldest > 0).then_some(oldest)
    }

    /// Bytes that were cut off at the start.
    pub fn repaired(&self) -> u64 {
        self.repaired.load(Ordering::Relaxed)
    }

    /// Why nothing is being written now.
    pub fn error(&self) -> Option<String> {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.clone()
    }

    pub(super) fn set_error(&self, error: Option<String>) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    pub(super) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn set(counter: &AtomicU64, value: u64) {
        counter.store(value, Ordering::Relaxed);
    }
}
