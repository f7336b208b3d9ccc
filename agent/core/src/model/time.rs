//! The tracker's clock: it never reads one, it is told.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment, nanoseconds of `CLOCK_BOOTTIME`: the clock of the kernel's records, which also runs in suspend.
/// Only `output` turns it into wall time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Timestamp(u64);

impl Timestamp {
    /// From nanoseconds since boot.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since boot.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// From a field of the ABI, where 0 means "not yet".
    pub const fn from_abi(nanos: u64) -> Option<Self> {
        if nanos == 0 { None } else { Some(Self(nanos)) }
    }

    /// Time since `earlier`; zero if that is later (records of two CPUs may be out of order).
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}
