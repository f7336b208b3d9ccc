//! The clocks of the kernel's records.

use std::time::Duration;

use rustix::time::{ClockId, clock_getres, clock_gettime};

use finback_core::model::time::Timestamp;

/// `CLOCK_BOOTTIME`, as `bpf_ktime_get_boot_ns` and `task_struct.start_boottime` have it.
pub fn now() -> Timestamp {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Timestamp::from_nanos(seconds * 1_000_000_000 + nanos)
}

/// Length of a jiffy: the resolution of the coarse clocks, which move with it.
pub fn jiffy() -> Duration {
    let resolution = clock_getres(ClockId::MonotonicCoarse);
    Duration::from_nanos(u64::try_from(resolution.tv_nsec).unwrap_or(0).max(1))
}

/// When `then` was, by the jiffies of `now` and the moment that they are of.
pub fn moment(now: Timestamp, jiffies: u32, then: u32) -> Timestamp {
    now - jiffy() * jiffies.wrapping_sub(then)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jiffy_is_one_of_the_usual_lengths() {
        let hertz = 1_000_000_000 / jiffy().as_nanos();
        // Tick lengths are rounded by the kernel's clock source: 3,999,848 ns for 250 Hz has been seen.
        assert!(
            [100, 250, 300, 1000]
                .iter()
                .any(|usual| hertz.abs_diff(*usual) <= 1),
            "{hertz}"
        );
    }

    #[test]
    fn jiffies_wrap() {
        let now = Timestamp::from_nanos(10_000_000_000);
        let then = moment(now, 4, u32::MAX);
        assert_eq!(now.since(then), jiffy() * 5);
    }
}
