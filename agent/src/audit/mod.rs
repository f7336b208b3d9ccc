//! Connections that would never notice that their peer is gone: what one look says of them, line by line.
//!
//! A peer that ends in order says so; one that loses its power, its network or its namespace does not. Then only
//! keep-alive, or something that is sent and not acknowledged, tells.

mod group;
mod page;
mod sentence;
mod span;

use std::time::Duration;

use crate::output::json::{Body, Event, Listed, State, Subject};

pub use self::group::Groups;
pub use self::page::write;

/// Which connections are meant.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Idle for so long at least.
    pub idle: Duration,
    /// Those over loopback, too.
    pub loopback: bool,
}

/// What is said of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// No connection that waits for its peer: nothing to say.
    NotMeant,
    /// Both ends are this kernel's, which tells each what becomes of the other.
    Loopback,
    /// The look could not tell what guards it.
    Unknown,
    /// Data are on their way, or were a moment ago.
    Busy,
    /// It would be noticed some day.
    Noticed,
    /// It would never be noticed.
    Never,
}

/// What one look's line says.
pub fn judge(event: &Event<'_>, scope: Scope) -> Judgement {
    let Body::Socket { subject, listed } = &event.body else {
        return Judgement::NotMeant;
    };
    if waits_for_its_peer(subject, listed) {
        of_connection(subject, listed, scope)
    } else {
        Judgement::NotMeant
    }
}

/// Nothing of ours is on its way, and something is expected from the peer. After the peer's FIN nothing is.
fn waits_for_its_peer(subject: &Subject<'_>, listed: &Listed<'_>) -> bool {
    let state = subject.network.map(|network| network.connection.state);
    let open = matches!(state, Some(State::Established | State::FinWait2));
    open && !listed.holders.is_empty() && !listed.queued
}

fn of_connection(subject: &Subject<'_>, listed: &Listed<'_>, scope: Scope) -> Judgement {
    let peer = subject.network.map(|network| network.peer.address);
    if !scope.loopback && peer.is_some_and(|peer| peer.to_canonical().is_loopback()) {
        return Judgement::Loopback;
    }
    let Some(guard) = &listed.guard else {
        return Judgement::Unknown;
    };
    let idle = listed.idle_ns.map(Duration::from_nanos);
    let still = idle.is_none_or(|idle| idle >= scope.idle);
    if listed.unacked_bytes.is_some_and(|bytes| bytes > 0) || !still {
        Judgement::Busy
    } else if guard.is_never() {
        Judgement::Never
    } else {
        Judgement::Noticed
    }
}

#[cfg(test)]
mod tests;
