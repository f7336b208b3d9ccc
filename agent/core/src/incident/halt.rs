//! Time in which nobody could have done anything: all who hold a connection were stopped, frozen or dumping core. That
//! the end is unread is a fact all the same; but for severity the first minutes of such a time do not count.

use std::time::Duration;

use crate::model::time::Timestamp;

/// When they run again they have so long to see to what has come meanwhile.
const GRACE: Duration = Duration::from_secs(10);

/// So much of the time since `since` does not count.
pub(super) fn discount(since: Timestamp, patience: Duration, now: Timestamp) -> Duration {
    now.since(since).min(patience)
}

/// So much of it does not count once they run again.
pub(super) fn discount_after(since: Timestamp, patience: Duration, now: Timestamp) -> Duration {
    discount(since, patience, now) + GRACE
}
