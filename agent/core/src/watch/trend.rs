//! Do connections that nobody notices become more and more?
//!
//! A connection is *settled* when it has gone unnoticed for longer than those of its kind usually do. A leak settles
//! new ones again and again and none of them leaves; a burst settles many at once, a busy server none for long.

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::effort;
use crate::model::time::Timestamp;

/// Windows side by side, in multiples of the shortest: a slow leak shows in long ones only.
const SCALES: [u32; 3] = [1, 10, 60];
/// In so many windows …
const WINDOWS: usize = 5;
/// … at least so many must settle …
const ENOUGH: u32 = 5;
/// … in at least so many of the windows, …
const SPREAD: usize = 3;
/// … and at most one in so many may leave.
const LEAVING: u32 = 10;
/// So many windows in a row without one end it.
const QUIET: usize = 10;
/// Ended connections whose stay is remembered.
const STAYS: usize = 32;
/// Nobody usually stays longer than this.
const LONGEST: Duration = Duration::from_mins(30);

/// The unnoticed connections of one cause.
#[derive(Debug, Default)]
pub(super) struct Trend {
    /// By socket and since when it is unnoticed: a later connection can have the same socket.
    present: FxHashMap<(u64, Timestamp), Present>,
    stays: VecDeque<Duration>,
    scales: [Scale; SCALES.len()],
    looks: u64,
}

/// One connection.
#[derive(Clone, Copy, Debug, Default)]
struct Present {
    /// Bit `n`: settled by the measure of scale `n`.
    settled: u8,
    /// The look that saw it last.
    seen: u64,
}

/// What happened in windows of one length, the latest last.
#[derive(Debug, Default)]
struct Scale {
    windows: VecDeque<Window>,
    began: Option<Timestamp>,
    rising: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    settled: u32,
    left: u32,
}

impl Trend {
    /// Takes a look at all unnoticed connections of the cause: their sockets and since when.
    pub(super) fn look(
        &mut self,
        connections: impl Iterator<Item = (u64, Timestamp)>,
        shortest: Duration,
        taken: Timestamp,
    ) {
        self.looks += 1;
        for (scale, times) in self.scales.iter_mut().zip(SCALES) {
            scale.turn(shortest * times, taken);
        }
        for connection in connections {
            effort::step();
            self.present.entry(connection).or_default().seen = self.looks;
        }
        self.see_off(taken);
        self.settle(shortest, taken);
        for scale in &mut self.scales {
            scale.judge();
        }
    }

    /// Those that are no more.
    fn see_off(&mut self, taken: Timestamp) {
        let (looks, scales, stays) = (self.looks, &mut self.scales, &mut self.stays);
        self.present.retain(|&(_, since), present| {
            effort::step();
            if present.seen == looks {
                return true;
            }
            for (n, scale) in scales.iter_mut().enumerate() {
                if present.settled & (1 << n) != 0 {
                    scale.latest().left += 1;
                }
            }
            stays.push_back(taken.since(since));
            if stays.len() > STAYS {
                stays.pop_front();
            }
            false
        });
    }

    fn settle(&mut self, shortest: Duration, taken: Timestamp) {
        let longest = self.stays.iter().max().copied().unwrap_or_default();
        for (n, (scale, times)) in self.scales.iter_mut().zip(SCALES).enumerate() {
            let usual = longest.min(LONGEST).max(shortest * times);
            for (&(_, since), present) in &mut self.present {
                effort::step();
                if present.settled & (1 << n) == 0 && taken.since(since) > usual {
                    present.settled |= 1 << n;
                    scale.latest().settled += 1;
                }
            }
        }
    }

    /// Whether they become more and more.
    pub(super) fn is_rising(&self) -> bool {
        self.scales.iter().any(|scale| scale.rising)
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.present.len()).unwrap_or(u32::MAX)
    }

    /// How many more every minute, by the shortest windows in which they rise.
    pub(super) fn per_minute(&self, shortest: Duration) -> u32 {
        let rising = self
            .scales
            .iter()
            .zip(SCALES)
            .find(|(scale, _)| scale.rising);
        let Some((scale, times)) = rising else {
            return 0;
        };
        let settled: u32 = scale.windows.iter().map(|window| window.settled).sum();
        let windows = u32::try_from(scale.windows.len()).unwrap_or(1).max(1);
        let passed = (shortest * times * windows).as_millis().max(1);
        u32::try_from((u128::from(settled) * 60_000).div_ceil(passed)).unwrap_or(u32::MAX)
    }
}

impl Scale {
    /// Begins new windows if it is time.
    fn turn(&mut self, length: Duration, now: Timestamp) {
        let began = *self.began.get_or_insert(now);
        let nanos = length.as_nanos().max(1);
        let passed = now.since(began).as_nanos() / nanos;
        // More than this would only push out what is there.
        for _ in 0..passed.min(QUIET as u128 + 1) {
            self.windows.push_back(Window::default());
            if self.windows.len() > QUIET {
                self.windows.pop_front();
            }
        }
        let whole = u64::try_from(passed * nanos).unwrap_or(u64::MAX);
        self.began = Some(began + Duration::from_nanos(whole));
    }

    fn latest(&mut self) -> &mut Window {
        if self.windows.is_empty() {
            self.windows.push_back(Window::default());
        }
        let last = self.windows.len() - 1;
        &mut self.windows[last]
    }

    fn judge(&mut self) {
        if self.rising {
            let quiet = self.windows.len() >= QUIET;
            self.rising = !(quiet && self.windows.iter().all(|window| window.settled == 0));
            return;
        }
        let recent = || self.windows.iter().rev().take(WINDOWS);
        let settled: u32 = recent().map(|window| window.settled).sum();
        let left: u32 = recent().map(|window| window.left).sum();
        let spread = recent().filter(|window| window.settled > 0).count();
        self.rising = settled >= ENOUGH && spread >= SPREAD && left * LEAVING <= settled;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// Arrivals by an exponential clock with this mean pause; each stays for `stay`. Returns how often it began to
    /// rise and how often it ended within `hours`, looked at every ten seconds.
    fn play(
        seed: u64,
        pause: Duration,
        stay: Option<Duration>,
        hours: u64,
    ) -> (u32, u32, Option<Duration>) {
        let mut x = seed;
        let mut random = move || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            #[expect(clippy::cast_precision_loss, reason = "a random number")]
            let unit = (x >> 11) as f64 / (1_u64 << 53) as f64;
            unit
        };
        let start = Timestamp::from_nanos(1_000_000_000_000);
        let end = Duration::from_hours(hours);
        let mut arrivals = Vec::new();
        let mut at = Duration::ZERO;
        while at < end {
            at += pause.mul_f64(-(1.0 - random()).ln());
            arrivals.push(start + at);
        }
        let mut trend = Trend::default();
        let (mut opened, mut ended, mut first) = (0, 0, None);
        let mut passed = Duration::ZERO;
        while passed < end {
            passed += Duration::from_secs(10);
            let now = start + passed;
            let present = arrivals
                .iter()
                .enumerate()
                .filter(|(_, at)| **at <= now && stay.is_none_or(|stay| now < **at + stay));
            let before = trend.is_rising();
            trend.look(present.map(|(n, at)| (n as u64, *at)), MINUTE, now);
            match (before, trend.is_rising()) {
                (false, true) => {
                    opened += 1;
                    first = first.or(Some(passed));
                }
                (true, false) => ended += 1,
                _ => {}
            }
        }
        (opened, ended, first)
    }

    #[test]
    fn a_leak_of_three_in_two_minutes_rises_once_and_never_ends() {
        for seed in 1..8 {
            let (opened, ended, first) = play(seed * 7919, Duration::from_secs(40), None, 6);
            assert_eq!((opened, ended), (1, 0), "seed {seed}");
            assert!(
                first.unwrap() <= Duration::from_mins(12),
                "seed {seed}: {first:?}"
            );
        }
    }

    #[test]
    fn connections_that_come_and_go_do_not_rise_for_long() {
        for seed in 1..4 {
            let stay = Some(Duration::from_secs(50));
            let (opened, _, _) = play(seed * 104_729, Duration::from_secs(4), stay, 3);
            assert_eq!(opened, 0, "seed {seed}");
        }
    }

    #[test]
    fn a_batch_that_is_left_at_once_does_not_rise() {
        let mut trend = Trend::default();
        let start = Timestamp::from_nanos(1_000_000_000_000);
        for seconds in (0..7200).step_by(10) {
            let now = start + Duration::from_secs(seconds);
            trend.look((0..200).map(|n| (n, start)), MINUTE, now);
            assert!(!trend.is_rising(), "after {seconds} s");
        }
    }
}
