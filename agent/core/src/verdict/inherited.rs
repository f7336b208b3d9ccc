//! Its opener has closed its descriptor or ended; another process keeps it alive and cannot have used it.

use std::time::Duration;

use super::case::{Case, Opinion, missing};
use crate::connection::times::EXACTNESS;
use crate::model::finding::Verdict;
use crate::model::socket::{Attribution, Owner, ProcessId, Role};
use crate::model::waiting::WaitState;

/// Standard input: whoever starts a process with a connection there has handed it over (`inetd`, `Accept=yes`).
const STANDARD_INPUT: u32 = 0;
/// A process that starts so soon after the accept is the connection's own.
const CHILD: Duration = Duration::from_secs(1);

/// That the others hold it by accident must be proven: the opener itself was told of the end before it left, or they are
/// all younger than the last byte. Who is older may have used it.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let (Some(_), Some(left), Some(_)) =
        (case.accepted_counters(), case.progress.left_at, case.fin())
    else {
        return Opinion::No;
    };
    // Without the numbers at the FIN nobody knows whether they have written since.
    let silent = case.connection.written == 0 && case.view.half().is_some();
    let waits = case.view.waiting.map(|waiting| waiting.state);
    if !silent || is_meant(case) || is_used(waits) || !cannot_have_used(case) {
        return Opinion::No;
    }
    let mut missing = Vec::new();
    if waits.is_some_and(|waits| waits != WaitState::NobodyWaits) {
        // An entry in epoll may be the opener's, and outlives its descriptor.
        missing.push(missing::USE);
    }
    case.settle(Verdict::Inherited, left.max(case.read_at()), missing)
        .alone()
}

/// Whether it was passed on on purpose.
fn is_meant(case: &Case<'_>) -> bool {
    let connection = case.connection;
    let accepted = connection
        .accepted_at()
        .filter(|_| connection.role == Role::Server);
    let started = |start| accepted.is_some_and(|at| at <= start && start <= at + CHILD);
    let opener = connection.owner.as_ref().map(|owner| &owner.process);
    let mut holders = case.view.holders.iter();
    opener.is_some_and(|opener| opener.is_service_manager())
        || holders.any(|holder| holder.fd == STANDARD_INPUT || started(holder.process.id.start))
}

/// Whether a thread of a holder waits for it.
const fn is_used(waits: Option<WaitState>) -> bool {
    matches!(
        waits,
        Some(
            WaitState::BlockedInReceive
                | WaitState::BlockedInSend
                | WaitState::Blocked
                | WaitState::SelectOrPoll
                | WaitState::IoUring
        )
    )
}

fn cannot_have_used(case: &Case<'_>) -> bool {
    if case.connection.delivery.at.is_some() {
        let opener = case.connection.owner.as_ref();
        let opener = opener.map(|owner| owner.process.id.pid);
        let told = case.connection.delivery.by;
        return told.is_some() && told == opener;
    }
    let (Some(times), Some(counters)) = (case.times, case.view.counters) else {
        return false;
    };
    // What an upper layer has read, a holder may have used.
    let unread = counters.unread > 0 && !counters.upper_layer;
    let used = times.used(counters.unread) + EXACTNESS;
    let mut holders = case.view.holders.iter();
    unread && holders.all(|holder| holder.process.id.start > used)
}

/// Whether the opener, seen opening the connection, has left it to others.
pub(crate) fn has_left(
    opener: Option<&Owner>,
    mut holders: impl ExactSizeIterator<Item = ProcessId>,
) -> bool {
    let seen = |owner: &&Owner| {
        matches!(
            owner.attribution,
            Attribution::Connect | Attribution::Accept
        )
    };
    let Some(opener) = opener.filter(seen) else {
        return false;
    };
    holders.len() > 0 && holders.all(|holder| holder != opener.process.id)
}
