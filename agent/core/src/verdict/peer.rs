//! Whether somebody is left at the other end.

use std::time::Duration;

use super::case::Case;
use crate::connection::{OtherEnd, acknowledged_since};
use crate::model::peer::Peer;
use crate::model::socket::Role;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// So long after its FIN a closed connection has been forgotten (a minute on Linux, two elsewhere): whoever answers
/// later without a reset still has it.
const FORGOTTEN: Duration = Duration::from_secs(130);

/// What a look shows of the other end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facing<'a> {
    /// The other end, if it is on this host.
    pub(crate) other_end: Option<&'a OtherEnd>,
    /// It was seen on this host while both ends lived.
    pub(crate) met: bool,
    /// The other end is a relay's: what is known of the one for whom it relays.
    pub(crate) relays_for: Option<Peer>,
}

/// The first that is proven. That nothing is found at the other end is no proof: where addresses are translated it has
/// other ones.
pub(crate) fn judge(case: &Case<'_>, facing: Facing<'_>) -> Peer {
    let here = facing.other_end.filter(|end| end.held.is_some());
    if was_reset(case) || (facing.met && here.is_none()) {
        return Peer::Gone;
    }
    if case.connection.fin.is_none() || case.view.state != TcpState::CloseWait {
        return Peer::Unknown;
    }
    if here.is_some_and(|end| awaits(case, end)) {
        return facing.relays_for.unwrap_or(Peer::Waits);
    }
    heard(case)
}

/// A client that has ended its side waits for the rest of its answer. A server that has only lingers.
fn awaits(case: &Case<'_>, other_end: &OtherEnd) -> bool {
    let client = other_end.held.is_some_and(|(_, role)| role == Role::Client);
    let ended = matches!(other_end.state, TcpState::FinWait1 | TcpState::FinWait2);
    client && ended && case.connection.role == Role::Server
}

fn was_reset(case: &Case<'_>) -> bool {
    let error = case.view.counters.map_or(0, |counters| counters.error);
    let by_reset = case.view.half().is_some_and(|half| half.by_reset);
    case.view.state == TcpState::Closed && (by_reset || matches!(error, 32 | 104))
}

/// From far away only its kernel's answers are seen.
fn heard(case: &Case<'_>) -> Peer {
    if answers_until(case) <= Some(case.taken) {
        return Peer::Unknown;
    }
    let queued = case.view.counters.is_none_or(|c| c.unacked > 0);
    if acknowledged_since(case.view) == Some(true) && !queued {
        return Peer::Reads;
    }
    let fin = case.connection.fin.map(|fin| fin.since + FORGOTTEN);
    let heard = case.times.map(|times| times.heard);
    if fin.is_some() && heard > fin {
        Peer::Lives
    } else {
        Peer::Unknown
    }
}

/// When its silence becomes unusual.
pub(crate) fn answers_until(case: &Case<'_>) -> Option<Timestamp> {
    let answers = &case.progress.answers;
    let quiet = answers.unusual(case.settings.peer_quiet);
    answers.latest.map(|latest| case.clock.due(latest, quiet))
}
