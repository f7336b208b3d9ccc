//! When the host slept: its jiffies stood still, so what they date must be moved back.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::look::{Jiffies, Snapshot};
use crate::model::time::Timestamp;

/// Jiffies and `CLOCK_BOOTTIME` are read one after the other, and run a little differently.
const NO_SLEEP: Duration = Duration::from_secs(1);
/// Sleeps that are remembered, the latest.
const SLEEPS: usize = 64;

/// Sleeps, as two looks show them: more time has passed than jiffies.
#[derive(Debug, Default)]
pub(crate) struct Sleeps {
    /// Those of the latest look.
    last: Option<Jiffies>,
    sleeps: VecDeque<Sleep>,
}

/// The host was awake again at `end`.
#[derive(Clone, Copy, Debug)]
struct Sleep {
    end: Timestamp,
    length: Duration,
}

impl Sleeps {
    /// A look has begun.
    pub(crate) fn look(&mut self, snapshot: &Snapshot) {
        let Some(jiffies) = snapshot.jiffies else {
            return;
        };
        let Some(last) = self.last.replace(jiffies) else {
            return;
        };
        let awake = jiffies
            .length
            .saturating_mul(jiffies.now.wrapping_sub(last.now));
        let length = jiffies.at.since(last.at).saturating_sub(awake);
        if length > NO_SLEEP {
            let end = jiffies.at;
            self.sleeps.push_back(Sleep { end, length });
            if self.sleeps.len() > SLEEPS {
                self.sleeps.pop_front();
            }
        }
    }

    /// The moment that these jiffies mean in the latest look; one between a sleep and the look after it cannot be told
    /// from one before.
    pub(crate) fn moment(&self, snapshot: &Snapshot, then: u32) -> Option<Timestamp> {
        let awake = snapshot.jiffies?.moment(then);
        let sleeps = self.sleeps.iter().rev();
        Some(sleeps.fold(awake, |moment, sleep| {
            if moment < sleep.end {
                moment - sleep.length
            } else {
                moment
            }
        }))
    }
}
