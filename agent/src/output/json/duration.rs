//! Durations on the wire: fields that end in `_ns`.

use std::time::Duration;

/// Nanoseconds; what does not fit is the most that does.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
