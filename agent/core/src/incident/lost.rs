//! Requests that were lost on connections which the server had closed.

use std::time::Duration;

use crate::model::time::Timestamp;

/// Minutes that are remembered.
const MINUTES: usize = 5;
const MINUTE: Duration = Duration::from_mins(1);

/// How many were lost, in all and in each of the last minutes of watched time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct LostRequests {
    pub(super) total: u64,
    minutes: [u32; MINUTES],
    began: Timestamp,
}

impl LostRequests {
    /// One more.
    pub(super) fn add(&mut self, now: Timestamp) {
        self.turn(now);
        self.total = self.total.saturating_add(1);
        self.minutes[0] = self.minutes[0].saturating_add(1);
    }

    /// Time passes.
    pub(super) fn turn(&mut self, now: Timestamp) {
        let mut passed = now.since(self.began).as_secs() / MINUTE.as_secs();
        if passed >= MINUTES as u64 {
            self.minutes = [0; MINUTES];
            self.began = now;
            passed = 0;
        }
        for _ in 0..passed {
            self.minutes.rotate_right(1);
            self.minutes[0] = 0;
            self.began = self.began + MINUTE;
        }
    }

    /// Whether more than so many were lost in at least so many of the minutes.
    pub(super) fn exceed(&self, each: u32, minutes: u32) -> bool {
        let many = self.minutes.iter().filter(|lost| **lost > each).count();
        minutes > 0 && many >= usize::try_from(minutes).unwrap_or(usize::MAX)
    }

    /// Whether none was lost lately.
    pub(super) fn is_over(&self) -> bool {
        self.minutes == [0; MINUTES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos((10_000 + seconds) * 1_000_000_000)
    }

    #[test]
    fn more_than_ten_a_minute_in_three_of_five_minutes_exceed() {
        let mut lost = LostRequests::default();
        let mut exceeded = Vec::new();
        for second in 0..300 {
            // Twenty a minute in every other minute.
            if second / 60 % 2 == 0 && second % 3 == 0 {
                lost.add(at(second));
            }
            lost.turn(at(second));
            exceeded.push(lost.exceed(10, 3));
        }
        let first = exceeded.iter().position(|exceeded| *exceeded);
        assert_eq!(first, Some(270), "the eleventh of the third minute");
        lost.turn(at(301));
        assert!(!lost.exceed(10, 3) && !lost.is_over());
        lost.turn(at(900));
        assert!(lost.is_over());
        assert_eq!(lost.total, 60);
    }
}
