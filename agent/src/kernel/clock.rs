//! The clock of the kernel's records.

use rustix::time::{ClockId, clock_gettime};

use finback_core::model::time::Timestamp;

/// `CLOCK_BOOTTIME`, as `bpf_ktime_get_boot_ns` and `task_struct.start_boottime` have it.
pub fn now() -> Timestamp {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Timestamp::from_nanos(seconds * 1_000_000_000 + nanos)
}
