//! A connection's whole life in one line.

use std::time::Duration;

use crate::model::event::WholeLife;
use crate::model::observation::{End, LastChange, Life, StateChange};
use crate::model::socket::Role;
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;

/// The states that a connection entered, in order, with the moments; `None` where there were fewer.
pub(super) type Entries = [Option<(TcpState, Timestamp)>; 4];

/// What an end at `time` tells of the life before it.
pub(super) fn whole_life(end: &End, time: Timestamp, cause: Cause) -> WholeLife {
    WholeLife {
        opened: end.life.opened,
        closed: end.life.last.map_or(time, |last| last.time),
        bytes_sent: end.bytes_sent,
        bytes_received: end.bytes_received,
        states: durations(&end.life, end.role),
        cause,
    }
}

/// The entries into states that were seen. Of simultaneous closing, CLOSING comes before FIN_WAIT2 would.
pub(super) fn entries(life: &Life, role: Role) -> Entries {
    let opening = match role {
        Role::Client => Some(TcpState::SynSent),
        Role::Server => Some(TcpState::SynReceived),
        Role::Unknown => None,
    };
    let entry = |state, time: Option<Timestamp>| time.map(|time| (state, time));
    let (received, sent, acked) = (life.fin_received, life.fin_sent, life.fin_acked);
    let crossed = life.last.is_some_and(|last| last.from == TcpState::Closing);
    let peer_first =
        !crossed && received.is_some_and(|received| sent.is_none_or(|sent| received <= sent));
    let (third, fourth) = if peer_first {
        (
            entry(TcpState::CloseWait, received),
            entry(TcpState::LastAck, sent),
        )
    } else {
        let closing = entry(TcpState::Closing, received).filter(|_| crossed);
        (
            entry(TcpState::FinWait1, sent),
            closing.or(entry(TcpState::FinWait2, acked)),
        )
    };
    [
        life.opened.and_then(|time| entry(opening?, Some(time))),
        entry(TcpState::Established, life.established),
        third,
        fourth,
    ]
}

/// The states of which beginning and end were seen, with how long they lasted.
fn durations(life: &Life, role: Role) -> Vec<(TcpState, Duration)> {
    let entries = entries(life, role);
    let mut states = Vec::with_capacity(entries.len());
    let mut seen = entries.into_iter().flatten().peekable();
    while let Some((state, entered)) = seen.next() {
        let left = match seen.peek() {
            Some(&(next, time)) => follows(state, next).then_some(time),
            None => life
                .last
                .filter(|last| last.from == state)
                .map(|last| last.time),
        };
        states.extend(left.map(|left| (state, left.since(entered))));
    }
    states
}

/// Whether there is no state between these two.
const fn follows(state: TcpState, next: TcpState) -> bool {
    matches!(
        (state, next),
        (
            TcpState::SynSent | TcpState::SynReceived,
            TcpState::Established
        ) | (
            TcpState::Established,
            TcpState::CloseWait | TcpState::FinWait1
        ) | (TcpState::CloseWait, TcpState::LastAck)
            | (TcpState::FinWait1, TcpState::FinWait2 | TcpState::Closing)
    )
}

/// The last change as a record of its own would have told it.
pub(super) fn last_change(end: &End, last: &LastChange, entered: Option<Timestamp>) -> StateChange {
    StateChange {
        endpoints: end.endpoints,
        from: last.from,
        to: TcpState::Closed,
        entered,
        role: end.role,
        error: last.error,
        dead: last.closed,
        fin_received: last.fin_received,
        shutdown: last.shutdown,
        closed: last.closed,
        exiting: last.exiting,
        unattached: false,
        unread: 0,
        actor: None,
        cookie: end.cookie,
    }
}
