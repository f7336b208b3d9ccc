//! When a process started: that and its pid name it.

use std::time::Duration;

#[cfg(test)]
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// `starttime` of `/proc/PID/stat` counts ticks of 1/100 s on every architecture Linux has BTF on.
pub(super) const TICK: Duration = Duration::from_millis(10);

pub(super) fn started(ticks: u64) -> Timestamp {
    let tick = u64::try_from(TICK.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(ticks.saturating_mul(tick))
}

/// `/proc` rounds down to a tick; the kernel programs bring nanoseconds, or (from `/proc`) ticks too.
pub(super) fn same_start(rounded: Timestamp, exact: Timestamp) -> bool {
    exact.since(rounded) < TICK && rounded <= exact
}

/// Of this process.
#[cfg(test)]
pub(super) fn own_start() -> Timestamp {
    let stat = procfs::process::Process::myself().unwrap().stat().unwrap();
    started(stat.starttime)
}

/// This process, as one that started then.
#[cfg(test)]
pub(super) fn own_id(start: Timestamp) -> ProcessId {
    ProcessId {
        pid: std::process::id(),
        start,
    }
}
