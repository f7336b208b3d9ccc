//! No verdict, but the excuse for all that come after it: the application still serves somebody.

use super::case::{Case, Opinion};
use super::peer::answers_until;
use crate::model::peer::Peer;

/// Only where the peer has ended its side: somebody is left there all the same, or waits for window.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    if case.fin().is_none() || case.view.queued.is_some() {
        return Opinion::No;
    }
    let look_again = case.taken + case.settings.inspection_interval;
    let sending = case
        .view
        .counters
        .is_some_and(|counters| counters.unacked > 0);
    match case.peer {
        Peer::Reads | Peer::Lives => Opinion::Excused(answers_until(case).unwrap_or(look_again)),
        Peer::Waits => Opinion::Excused(look_again),
        Peer::Gone | Peer::Unknown if sending => Opinion::Excused(look_again),
        Peer::Gone | Peer::Unknown => Opinion::No,
    }
}
