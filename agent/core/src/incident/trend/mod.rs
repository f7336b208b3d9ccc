//! Do connections that nobody notices become more and more?
//!
//! A connection is *settled* when it has gone unnoticed for longer than those of its cause usually do. A leak settles
//! new ones again and again and none of them leaves; a burst settles many at once, a busy server none for long, and a
//! pool that goes stale has fewer live ones for each that settles.

use std::collections::VecDeque;
use std::time::Duration;

use super::ages::Ages;
use super::scales::{EVERY, SCALES};
use crate::model::incident::Rate;
use crate::model::time::Timestamp;

/// In so many windows …
const WINDOWS: usize = 5;
/// … connections must settle in at least so many of them, …
const SPREAD: usize = 3;
/// … and at most one in so many may leave.
const LEAVING: u32 = 10;
/// So many windows in a row without one end it.
const QUIET: usize = 10;
/// Ended connections whose stay is remembered.
const STAYS: usize = 32;
/// Nobody usually stays longer than this.
const LONGEST: Duration = Duration::from_mins(30);

/// What is measured against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    /// The shortest window.
    pub(super) window: Duration,
    /// So many must settle in five windows.
    pub(super) enough: u32,
    /// The cause's connections that nothing is wrong with, if it is a client: a pool has only so many.
    pub(super) live: Option<u32>,
}

/// The unnoticed connections of one cause. Its time is watched time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Trend {
    stays: VecDeque<Duration>,
    scales: [Scale; SCALES.len()],
}

/// What happened in windows of one length, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Scale {
    windows: VecDeque<Window>,
    began: Timestamp,
    rising: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Window {
    settled: u32,
    left: u32,
    /// Live connections when it began.
    live: Option<u32>,
}

impl Trend {
    /// A connection has come that is as old as others which are settled by these scales.
    pub(super) fn arrive(&mut self, settled: u8) {
        self.each(settled, |window| {
            window.settled = window.settled.saturating_add(1);
        });
    }

    /// A connection is noticed after so long.
    pub(super) fn leave(&mut self, settled: u8, stay: Duration) {
        self.each(settled, |window| {
            window.left = window.left.saturating_add(1);
        });
        self.stays.push_back(stay);
        if self.stays.len() > STAYS {
            self.stays.pop_front();
        }
    }

    fn each(&mut self, scales: u8, edit: impl Fn(&mut Window)) {
        for (n, scale) in self.scales.iter_mut().enumerate() {
            if scales & (1 << n) != 0
                && let Some(window) = scale.windows.back_mut()
            {
                edit(window);
            }
        }
    }

    /// Time passes.
    pub(super) fn turn(&mut self, ages: &mut Ages, measure: Measure, now: Timestamp) {
        let longest = self.stays.iter().max().copied().unwrap_or_default();
        let longest = longest.min(LONGEST);
        for (n, (scale, times)) in self.scales.iter_mut().zip(SCALES).enumerate() {
            let length = measure.window.saturating_mul(times);
            scale.turn(length, measure.live, now);
            scale.settle(ages, 1 << n, now - longest.max(length));
            scale.judge(measure);
        }
        let last = SCALES.last().map_or(1, |times| *times);
        ages.merge(
            now - LONGEST.max(measure.window.saturating_mul(last)),
            EVERY,
        );
    }

    /// Whether they become more and more.
    pub(super) fn is_rising(&self) -> bool {
        self.scales.iter().any(|scale| scale.rising)
    }

    /// How fast, by the shortest windows in which they do.
    pub(super) fn rate(&self, window: Duration, now: Timestamp) -> Option<Rate> {
        let mut scales = self.scales.iter().zip(SCALES);
        let (scale, times) = scales.find(|(scale, _)| scale.rising)?;
        let whole = u32::try_from(scale.windows.len().saturating_sub(1)).unwrap_or(0);
        Some(Rate {
            settled: sum(scale.windows.iter().map(|window| window.settled)),
            within: window
                .saturating_mul(times.saturating_mul(whole))
                .saturating_add(now.since(scale.began)),
        })
    }
}

fn sum(counts: impl Iterator<Item = u32>) -> u32 {
    counts.fold(0, u32::saturating_add)
}

impl Scale {
    /// Begins new windows if it is time.
    fn turn(&mut self, length: Duration, live: Option<u32>, now: Timestamp) {
        let window = Window {
            live,
            ..Window::default()
        };
        if self.windows.is_empty() {
            self.began = now;
            self.windows.push_back(window);
        }
        let nanos = length.as_nanos().max(1);
        let passed = now.since(self.began).as_nanos() / nanos;
        // More than this would only push out what is there.
        for _ in 0..passed.min(QUIET as u128 + 1) {
            self.windows.push_back(window);
            if self.windows.len() > QUIET {
                self.windows.pop_front();
            }
        }
        if let Some(window) = self.windows.back_mut() {
            window.live = window.live.or(live);
        }
        let whole = u64::try_from(passed * nanos).unwrap_or(u64::MAX);
        self.began = self.began + Duration::from_nanos(whole);
    }

    /// Those that began before `usual` are settled.
    fn settle(&mut self, ages: &mut Ages, bit: u8, usual: Timestamp) {
        let Some(window) = self.windows.back_mut() else {
            return;
        };
        for bucket in ages.until(usual).filter(|bucket| bucket.settled & bit == 0) {
            bucket.settled |= bit;
            window.settled = window.settled.saturating_add(bucket.running());
        }
    }

    fn judge(&mut self, measure: Measure) {
        if self.rising {
            let quiet = self.windows.len() >= QUIET;
            self.rising = !(quiet && self.windows.iter().all(|window| window.settled == 0));
            return;
        }
        let recent = || self.windows.iter().rev().take(WINDOWS);
        let settled = sum(recent().map(|window| window.settled));
        let left = sum(recent().map(|window| window.left));
        let spread = recent().filter(|window| window.settled > 0).count();
        let before = recent().next_back().and_then(|window| window.live);
        let fewer = before.zip(measure.live);
        let fewer = fewer.map_or(0, |(before, now)| before.saturating_sub(now));
        self.rising = recent().count() == WINDOWS
            && settled >= measure.enough
            && spread >= SPREAD
            && left.saturating_mul(LEAVING) <= settled
            && fewer <= settled / 2;
    }
}

#[cfg(test)]
mod tests;
