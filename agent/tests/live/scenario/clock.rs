//! The wall clock is set, by an hour and more: thresholds and durations know nothing of it, times follow it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

use crate::daemon::{Daemon, EOF_UNREAD};
use crate::proof::nanos;
use crate::setting::setting;
use crate::traffic::Pair;
use crate::trial::skip;
use crate::watch::Watch;

const HOUR: i64 = 3_600;

/// Set forward by an hour while one connection is half-closed, and back by two while another one is.
pub(crate) fn set_forward_and_back() -> Result<()> {
    if setting().guest.is_none() {
        return skip(
            "the clock of a machine that others use is not set: a guest has one of its own",
        );
    }
    let clock = Clock::new();
    let daemon = Daemon::start(&[])?;
    let mut watch = Watch::new(&daemon);
    let mut found = Vec::new();
    let mut held = Vec::new();
    for hours in [1, -1] {
        let pair = Pair::new("never_reads", "127.0.0.1")?;
        pair.server.did("accepted")?;
        let (server, ends) = pair.hang_up()?;
        clock.set(hours * HOUR)?;
        let (event, finding) = watch.opened(ends)?;
        let lasted = finding.half_closed_ns.context("no duration")?;
        let lasted = Duration::from_nanos(lasted);
        let most = EOF_UNREAD + setting().patience();
        ensure!(
            (EOF_UNREAD..most).contains(&lasted),
            "half-closed for {lasted:?} after the clock was set by {hours} h"
        );
        let now = i128::from(clock_gettime(ClockId::Realtime).tv_sec);
        let told = nanos(&event.time)? / 1_000_000_000;
        ensure!(
            (now - told).unsigned_abs() < u128::from(setting().patience().as_secs()),
            "told at {}, {} s away from the clock",
            event.time,
            now - told
        );
        found.push(finding);
        held.push(server);
    }
    for server in &mut held {
        server.tell("close")?;
    }
    for finding in &found {
        watch.resolved(finding)?;
    }
    let findings = watch.count(|event| event.finding.is_some());
    ensure!(
        findings >= 2 * found.len(),
        "{findings} lines about {} findings",
        found.len()
    );
    let wrong = watch.count(|event| {
        let finding = event.finding.as_ref();
        finding.is_some_and(|finding| found.iter().all(|own| own.id != finding.id))
    });
    ensure!(wrong == 0, "{wrong} lines about other connections");
    Ok(())
}

/// Puts the wall clock right again when it is dropped.
struct Clock {
    /// Seconds between the wall clock and the time since the start of the machine.
    offset: i64,
}

impl Clock {
    fn new() -> Self {
        let seconds = |clock| clock_gettime(clock).tv_sec;
        Self {
            offset: seconds(ClockId::Realtime) - seconds(ClockId::Boottime),
        }
    }

    /// So many seconds away from the right time.
    fn set(&self, seconds: i64) -> Result<()> {
        let now = clock_gettime(ClockId::Boottime);
        let time = Timespec {
            tv_sec: now.tv_sec + self.offset + seconds,
            tv_nsec: now.tv_nsec,
        };
        Ok(clock_settime(ClockId::Realtime, time)?)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // Nobody is left to tell.
        drop(self.set(0));
    }
}
