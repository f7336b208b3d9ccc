//! How often the end-of-stream is delivered.

use crate::model::time::Timestamp;

/// Deliveries of the end-of-stream in a second that no working program needs.
const RATE: u128 = 100;

/// How often the end-of-stream is delivered, look after look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spin {
    /// Looks at it.
    pub(crate) looks: u32,
    /// When, and the deliveries until then.
    last: (Timestamp, u32),
    /// The look since which there were more than [`RATE`] between any two, and before it as well.
    pub(crate) since: Option<Timestamp>,
}

impl Spin {
    pub(crate) fn look(&mut self, count: u32, taken: Timestamp) {
        let (before, known) = self.last;
        let passed = taken.since(before).as_nanos();
        let deliveries = u128::from(count.wrapping_sub(known));
        let fast = self.looks > 0 && passed > 0 && deliveries * 1_000_000_000 > RATE * passed;
        // A burst between two looks that are far apart would do: the first such look only raises the suspicion.
        self.since = if fast {
            self.since.or(Some(taken))
        } else {
            None
        };
        self.last = (taken, count);
        self.looks = self.looks.saturating_add(1);
    }
}
