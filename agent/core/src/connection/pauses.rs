//! How long nothing happened, and how long that is usually so.

use std::time::Duration;

use crate::model::time::Timestamp;

/// So many times its longest pause until now is unusual.
const UNUSUAL: u32 = 6;
/// Of the time between two looks so much counts at most: looks are not farther apart, unless nobody could look, and that
/// is no habit of what is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(10);
/// The same for the time before the first look, which is due two seconds after the FIN.
const BEFORE_THE_FIRST: Duration = Duration::from_secs(3);

/// Things of one kind that happen again and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Pauses {
    /// When it last happened.
    pub(crate) latest: Option<Timestamp>,
    /// The longest time between two.
    longest: Duration,
}

impl Pauses {
    /// It happened then.
    pub(crate) fn happened(&mut self, at: Timestamp) {
        self.paused_until(at, Duration::ZERO, at);
    }

    /// It was found to have happened by a look, and by the look before it, if there was one, it had not.
    pub(crate) fn found(&mut self, at: Timestamp, before: Option<Timestamp>) {
        match before {
            Some(before) => self.paused_until(before, BETWEEN_LOOKS, at),
            None => self.paused_until(Timestamp::default(), BEFORE_THE_FIRST, at),
        }
    }

    /// Not yet then, and at the latest now; of the time between `most` counts.
    fn paused_until(&mut self, not_yet: Timestamp, most: Duration, now: Timestamp) {
        if let Some(latest) = self.latest {
            let not_yet = not_yet.max(latest);
            let pause = not_yet.since(latest) + now.since(not_yet).min(most);
            self.longest = self.longest.max(pause);
        }
        self.latest = self.latest.max(Some(now));
    }

    /// It could have happened since then.
    pub(crate) fn begin(&mut self, at: Timestamp) {
        self.latest = self.latest.or(Some(at));
    }

    /// Something that makes waiting for it begin anew.
    pub(crate) fn moved(&mut self, at: Timestamp) {
        self.latest = self.latest.max(Some(at));
    }

    /// After so long without, something is wrong: at least after `least`.
    pub(crate) fn unusual(&self, least: Duration) -> Duration {
        least.max(self.longest.saturating_mul(UNUSUAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    const LEAST: Duration = Duration::from_secs(10);

    #[test]
    fn a_pause_is_as_long_as_looks_have_seen_it() {
        let mut reads = Pauses::default();
        reads.begin(at(100));
        reads.found(at(120), Some(at(112)));
        assert_eq!(reads.unusual(LEAST), Duration::from_mins(2));
    }

    /// An agent that was stopped, or could not look, must not be patient for six times as long.
    #[test]
    fn time_in_which_nobody_looked_is_no_pause() {
        let mut reads = Pauses::default();
        reads.begin(at(100));
        reads.found(at(160), None);
        assert_eq!(reads.unusual(LEAST), BEFORE_THE_FIRST * UNUSUAL);
        reads.found(at(400), Some(at(165)));
        let longest = Duration::from_secs(5) + BETWEEN_LOOKS;
        assert_eq!(reads.unusual(LEAST), longest * UNUSUAL);
    }
}
