//! Data sent after the peer's FIN stay unacknowledged. (That they are answered by a reset, a record tells:
//! `core::refused`.)

use super::{Case, Opinion, Proof, dead_peer};

/// Sent again and again, and nothing of them acknowledged meanwhile.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let Some(counters) = case.accepted_counters() else {
        return Opinion::No;
    };
    if case.tracked.write_at().is_some() && dead_peer::is_unacknowledged(&counters) {
        Opinion::Holds(Proof::missing(case.without_holders()))
    } else {
        Opinion::No
    }
}
