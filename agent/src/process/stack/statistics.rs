//! What both threads have done, counted by whoever does it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What was done, for `status`.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Stacks that came from the kernel.
    pub taken: AtomicU64,
    /// Stacks that were left out, because too many waited to be unwound or too many sockets are there.
    pub dropped: AtomicU64,
    /// Sockets with a stack.
    pub kept: AtomicU64,
    /// Nanoseconds spent in unwinding.
    pub unwind_ns: AtomicU64,
    /// Findings that were answered.
    pub answered: AtomicU64,
    /// Nanoseconds spent in reading symbols.
    pub names_ns: AtomicU64,
    /// How often a process that reads programs has died of one; that stack or those names are missing.
    pub failures: AtomicU64,
    /// Stacks from the kernel that wait to be unwound.
    pub(super) waiting: AtomicUsize,
}

/// Counts so many more.
pub(super) fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

/// As the counters have it.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
