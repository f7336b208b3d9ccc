//! Watched time: only what the agent lived through counts.
//!
//! A host that was suspended, a guest that was paused, an agent that was frozen: nothing has become due meanwhile, for
//! nobody could act.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::time::Timestamp;

/// The agent looks around at least once a second: of a longer pause so much counts.
const LONGEST: Duration = Duration::from_secs(3);
/// Pauses that are remembered, the latest; older ones count as if they had been lived through.
const PAUSES: usize = 64;

/// What is missing in the time that has passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct WatchedTime {
    last: Option<Timestamp>,
    pauses: VecDeque<Pause>,
}

/// Time that does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Pause {
    end: Timestamp,
    length: Duration,
}

impl WatchedTime {
    /// The agent runs now.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        let last = self.last.unwrap_or(now);
        self.last = Some(last.max(now));
        let length = now.since(last).saturating_sub(LONGEST);
        if !length.is_zero() {
            self.pauses.push_back(Pause { end: now, length });
            if self.pauses.len() > PAUSES {
                self.pauses.pop_front();
            }
        }
    }

    /// It was last known to run then.
    pub(crate) fn lived_until(&mut self, alive: Timestamp) {
        self.last = Some(self.last.map_or(alive, |last| last.max(alive)));
    }

    /// How much of the time since then does not count.
    pub(crate) fn lost_since(&self, since: Timestamp) -> Duration {
        let all = self.pauses.iter();
        all.map(|pause| pause.length.min(pause.end.since(since)))
            .sum()
    }

    /// When so much will have been lived through since then.
    pub(crate) fn due(&self, since: Timestamp, after: Duration) -> Timestamp {
        since + after + self.lost_since(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos((1_000 + seconds) * 1_000_000_000)
    }

    #[test]
    fn of_a_pause_three_seconds_count() {
        let mut time = WatchedTime::default();
        time.tick(at(0));
        time.tick(at(2));
        assert_eq!(time.due(at(0), Duration::from_secs(10)), at(10));
        time.tick(at(3_602));
        assert_eq!(time.lost_since(at(0)), Duration::from_secs(3_597));
        assert_eq!(
            time.due(at(0), Duration::from_secs(10)),
            at(3_607),
            "two seconds before, three of the pause, five after it"
        );
    }

    #[test]
    fn what_began_in_a_pause_or_after_it_loses_only_the_rest() {
        let mut time = WatchedTime::default();
        time.tick(at(0));
        time.tick(at(100));
        assert_eq!(time.lost_since(at(60)), Duration::from_secs(40));
        assert_eq!(time.lost_since(at(100)), Duration::ZERO);
    }
}
