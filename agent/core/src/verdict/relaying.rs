//! No verdict, but an excuse: the process relays, and its other connection carries on.

use std::time::Duration;

use super::case::{Case, Opinion};

/// A relay whose two halves have not moved for so long is at fault for both; less if they only seem to belong together.
const STILL: Duration = Duration::from_mins(10);
const UNSURE: Duration = Duration::from_mins(5);

/// A pair has one finding, on the side where it waits.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let Some(mate) = case.mate.filter(|_| case.fin().is_some()) else {
        return Opinion::No;
    };
    let until = if mate.fits {
        case.clock.due(mate.moved_at, STILL)
    } else {
        case.clock.due(case.ended_at(), UNSURE)
    };
    if case.taken < until {
        Opinion::Excused(until)
    } else {
        Opinion::No
    }
}
