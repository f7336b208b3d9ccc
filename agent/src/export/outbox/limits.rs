//! How much may wait, for how long, and how much goes at once.

use std::time::Duration;

/// Bounds of an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Parcels that wait at most.
    pub count: usize,
    /// Bytes that wait at most.
    pub bytes: usize,
    /// Parcels delivered at once at most.
    pub batch: usize,
    /// Bytes delivered at once at most; one parcel goes also if it is larger.
    pub batch_bytes: usize,
    /// A parcel that could not be delivered for so long is dropped.
    pub patience: Duration,
    /// Before a second try; twice that before the third, and so on, up to `longest`.
    pub first: Duration,
    /// Between two tries at most, unless the receiver asks for more.
    pub longest: Duration,
}

impl Default for Limits {
    /// A thousand parcels in four megabytes, one at a time, for ten minutes.
    fn default() -> Self {
        Self {
            count: 1000,
            bytes: 4 << 20,
            batch: 1,
            batch_bytes: 1 << 20,
            patience: Duration::from_mins(10),
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
        }
    }
}
