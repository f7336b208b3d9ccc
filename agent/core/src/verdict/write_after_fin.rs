//! Data sent after the peer's FIN stay unacknowledged. (That they are answered by a reset, a record
//! tells: `watch::reset_write`.)

use super::case::{Case, Opinion, Proof};

/// Sent again and again, and nothing of them acknowledged meanwhile.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let Some(counters) = case.accepted_counters() else {
        return Opinion::No;
    };
    if case.connection.written > 0 && counters.is_unanswered() {
        Opinion::Holds(Proof::missing(case.without_holders()))
    } else {
        Opinion::No
    }
}
