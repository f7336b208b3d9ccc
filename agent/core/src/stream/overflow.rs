//! What there was no room for is counted and told, at most once a second.

use std::time::Duration;

use crate::model::event::Body;
use crate::model::observation::Loss;
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

/// Between two events.
const PERIOD: Duration = Duration::from_secs(1);
/// Why it was lost.
const REASON: &str = "table_full";

/// Connections that are not followed.
#[derive(Debug, Default)]
pub(super) struct Overflow {
    /// In all.
    pub(super) count: u64,
    told: u64,
    last: Option<Timestamp>,
    /// The first one that was not told of.
    since: Option<Timestamp>,
}

impl Overflow {
    /// One more.
    pub(super) fn note(&mut self, time: Timestamp) {
        self.count += 1;
        self.since.get_or_insert(time);
    }

    /// When to tell of it.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let since = self.since?;
        Some(self.last.map_or(since, |last| since.max(last + PERIOD)))
    }

    /// Tells of it if that is due.
    pub(super) fn tell(&mut self, now: Timestamp, out: &mut Outbox) {
        if self.due().is_none_or(|due| due > now) {
            return;
        }
        let Some(since) = self.since.take() else {
            return;
        };
        let loss = Loss {
            records: self.count - std::mem::replace(&mut self.told, self.count),
            reason: REASON.into(),
        };
        self.last = Some(now);
        out.tell(now, Body::Lost { loss, since });
    }
}
