//! How often the end-of-stream is delivered.

use std::time::Duration;

use crate::model::time::Timestamp;

/// Deliveries of the end-of-stream in a second that no working program needs.
const RATE: u128 = 100;
/// A spin that has been seen twice is over when there are fewer.
const OVER: u128 = 10;

/// By then it is no burst.
const TWICE: u8 = 2;

/// How often the end-of-stream is delivered, look after look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Spin {
    /// The latest look, and the deliveries until then.
    last: Option<(Timestamp, u32)>,
    /// Deliveries since the look before.
    pub(crate) fresh: u32,
    /// How long before the latest look that was; longest at the first one.
    pub(crate) gap: Duration,
    /// The look since which there were more than [`RATE`] between any two, and before it as well.
    pub(crate) since: Option<Timestamp>,
    /// So many looks in a row have shown it.
    shown: u8,
}

impl Spin {
    pub(crate) fn look(&mut self, count: u32, taken: Timestamp) {
        let before = self.last.replace((taken, count));
        self.fresh = count.wrapping_sub(before.map_or(0, |(_, known)| known));
        self.gap = before.map_or(Duration::MAX, |(then, _)| taken.since(then));
        let deliveries = u128::from(self.fresh);
        let passed = self.gap.as_nanos();
        let rate = if self.shown >= TWICE { OVER } else { RATE };
        let fast = before.is_some() && passed > 0 && deliveries * 1_000_000_000 > rate * passed;
        // A burst between two looks that are far apart would do: the first such look only raises the suspicion.
        self.since = if fast {
            self.since.or(Some(taken))
        } else {
            None
        };
        self.shown = if fast {
            self.shown.saturating_add(1)
        } else {
            0
        };
    }
}
