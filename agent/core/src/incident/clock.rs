//! Watched time: what passed while the agent ran. A host that sleeps, a paused guest, an agent that was stopped: the
//! whole gap counts as one long tick, so that nothing is due at once afterwards.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::time::Timestamp;

/// Between two ticks no more than this counts.
const LONGEST_TICK: Duration = Duration::from_secs(3);
/// Gaps remembered; what is older than the oldest counts from there.
const GAPS: usize = 64;

/// Time that was watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct WatchedClock {
    latest: Option<Timestamp>,
    /// Nothing was watched before, unless it has always been.
    began: Timestamp,
    always: bool,
    /// Time of all gaps together.
    lost: Duration,
    gaps: VecDeque<Gap>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Gap {
    ended: Timestamp,
    lost: Duration,
    /// What the clock showed at its end.
    reading: Timestamp,
}

impl WatchedClock {
    /// Counts what was before its first tick, too.
    pub(super) fn since_ever() -> Self {
        Self {
            always: true,
            ..Self::default()
        }
    }

    /// It is `now`.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let latest = *self.latest.get_or_insert_with(|| {
            if !self.always {
                self.began = now;
            }
            now
        });
        let lost = now.since(latest).saturating_sub(LONGEST_TICK);
        self.latest = Some(latest.max(now));
        if lost.is_zero() {
            return;
        }
        self.lost = self.lost.saturating_add(lost);
        self.gaps.push_back(Gap {
            ended: now,
            lost,
            reading: now - self.lost,
        });
        if self.gaps.len() > GAPS
            && let Some(oldest) = self.gaps.pop_front()
        {
            self.began = oldest.ended;
        }
    }

    /// It was last known to be read then.
    pub(super) fn lived_until(&mut self, alive: Timestamp) {
        self.latest = Some(self.latest.map_or(alive, |latest| latest.max(alive)));
    }

    /// What it showed at a moment that has passed.
    pub(super) fn read(&self, moment: Timestamp) -> Timestamp {
        let moment = moment.max(self.began);
        let later = self.gaps.iter().rev();
        let later = later.take_while(|gap| gap.ended > moment);
        let (mut lost, mut most) = (self.lost, Timestamp::from_nanos(u64::MAX));
        for gap in later {
            lost = lost.saturating_sub(gap.lost);
            most = most.min(gap.reading);
        }
        (moment - lost).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_clock_that_contradicts_itself_is_read_all_the_same() {
        let gap = Gap {
            ended: at(10),
            lost: Duration::MAX,
            reading: at(5),
        };
        let mut clock = WatchedClock {
            lost: Duration::MAX,
            gaps: [gap, gap].into(),
            ..WatchedClock::since_ever()
        };
        clock.tick(at(20));
        clock.tick(at(60));
        assert!(clock.read(at(1)) <= at(5));
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn age(clock: &WatchedClock, since: u64, now: u64) -> u64 {
        clock.read(at(now)).since(clock.read(at(since))).as_secs()
    }

    #[test]
    fn a_gap_counts_as_one_long_tick() {
        let mut clock = WatchedClock::default();
        for second in 100..110 {
            clock.tick(at(second));
        }
        clock.tick(at(4_000));
        assert_eq!(age(&clock, 105, 4_000), 7);
        assert_eq!(age(&clock, 2_000, 4_000), 0, "in the gap");
        clock.tick(at(4_001));
        assert_eq!(age(&clock, 105, 4_001), 8);
        assert_eq!(age(&clock, 50, 109), 9, "older than the agent");
        assert_eq!(age(&clock, 4_000, 4_001), 1);
    }

    #[test]
    fn many_gaps_are_bounded_and_never_make_anything_older() {
        let mut clock = WatchedClock::default();
        for n in 0..1_000 {
            clock.tick(at(n * 100));
        }
        assert!(clock.gaps.len() <= GAPS);
        assert!(age(&clock, 0, 99_900) <= 3 * 1_000);
        assert_eq!(age(&clock, 99_000, 99_900), 27);
    }
}
