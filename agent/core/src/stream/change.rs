//! Changes of state: what they mean, what follows, and what was missed before them.

use super::arrival::{self, Met};
use super::book::Book;
use super::identity::Identity;
use super::order::{self, News};
use super::places::Slot;
use super::table::{Connection, Entry};
use super::time_wait;
use crate::model::cause;
use crate::model::event::{Connection as Shown, Transition};
use crate::model::observation::StateChange;
use crate::model::socket::SocketKey;
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

/// A connection has changed its state.
pub(super) fn recorded(
    book: &mut Book,
    time: Timestamp,
    sock: u64,
    change: &StateChange,
    out: &mut Outbox,
) {
    // close() after shutdown() sets the same state again.
    if change.from == change.to {
        return;
    }
    let whose = |known: &Connection| order::whose_change(known, time, change);
    match arrival::meet(book, time, sock, whose, out) {
        Met::Known(slot) => {
            learn(book, slot, time, change, out);
            follow(book, slot, time, change, out);
        }
        Met::Unknown => begin(book, time, sock, change, out),
        Met::Over => {}
    }
}

/// The first that is heard of a connection.
fn begin(book: &mut Book, time: Timestamp, sock: u64, change: &StateChange, out: &mut Outbox) {
    let born = order::begins(change);
    if !born && arrival::is_overtaken(book, time) {
        return;
    }
    let minisock = book.minisocks.at(change.endpoints);
    if change.to == TcpState::Closed && minisock.is_some_and(|(_, m)| m.id.key.sock == sock) {
        // The full socket ends, for which there was no room; the connection goes on.
        return;
    }
    let birth = change.entered.filter(|_| !born).unwrap_or(time);
    let key = SocketKey { sock, birth };
    let mut id = Identity::new(key, change.endpoints, change.role);
    id.born = born;
    match arrival::admit(book, Connection::new(id, change.from), time, out) {
        Some(slot) => {
            learn(book, slot, time, change, out);
            advance(book, slot, time, change, out);
        }
        None => book.tell_stranger(time, stranger(key, change), plain(change, time), out),
    }
}

/// What every change tells besides the state.
fn learn(book: &mut Book, slot: Slot, time: Timestamp, change: &StateChange, out: &mut Outbox) {
    arrival::settle(book, slot, change.endpoints, time, out);
    let Some(connection) = book.table.get_mut(slot) else {
        return;
    };
    connection.seen = connection.seen.max(time);
    connection.id.offer_role(change.role);
    // A child still has its listener's cookie when it is made.
    if change.from != TcpState::Listen {
        connection.id.offer_cookie(change.cookie);
    }
}

fn follow(book: &mut Book, slot: Slot, time: Timestamp, change: &StateChange, out: &mut Outbox) {
    let Some(connection) = book.table.get_mut(slot) else {
        return;
    };
    match order::news(connection, change) {
        News::Next => advance(book, slot, time, change, out),
        News::Announced => {
            connection.enter(change.to, time);
            if change.to == TcpState::Closed {
                connection.cause = Some(cause::cause(change, time));
            }
            let transition = Transition {
                after: change.entered.map(|entered| time.since(entered)),
                ..plain(change, time)
            };
            book.tell_transition(slot, time, transition, out);
        }
        News::Stale => book.stale += 1,
    }
}

/// The connection goes on to its next state.
pub(super) fn advance(
    book: &mut Book,
    slot: Slot,
    time: Timestamp,
    change: &StateChange,
    out: &mut Outbox,
) {
    if book.table.get(slot).is_none_or(|known| known.parted) {
        return;
    }
    if book.limits.by_sweep
        && let Some(substate) = time_wait::inferred(change)
    {
        let cause = cause::into_time_wait(change.from);
        return time_wait::enter(book, slot, time, change.from, substate, cause, out);
    }
    if !matches!(change.from, TcpState::Closed | TcpState::Listen) {
        fill(book, slot, change.from, change.entered, out);
    }
    let Some(connection) = book.table.get_mut(slot) else {
        return;
    };
    let entered = change.entered.filter(|&entered| entered <= time);
    let transition = Transition {
        after: entered
            .map(|entered| time.since(entered))
            .or_else(|| connection.spent_in(change.from, time)),
        ..plain(change, time)
    };
    connection.enter(change.to, time);
    if change.to == TcpState::Closed {
        connection.cause = Some(transition.cause);
    }
    book.tell_transition(slot, time, transition, out);
}

/// A later record shows that the connection was in this state. If a subscriber asked for it and does not know, it is
/// told now, as far as its moment is known.
pub(super) fn fill(
    book: &mut Book,
    slot: Slot,
    state: TcpState,
    entered: Option<Timestamp>,
    out: &mut Outbox,
) {
    let (asked, since) = (book.interest.tells(state), book.since);
    let Some(connection) = book.table.get_mut(slot) else {
        return;
    };
    let met = connection.entry == Entry::Met && connection.state == state;
    if !asked || !met && !order::leads_to(connection.state, state) {
        return;
    }
    let Some(entered) = entered.filter(|&entered| entered >= since) else {
        return;
    };
    let transition = Transition {
        from: if met {
            TcpState::Closed
        } else {
            connection.state
        },
        to: state,
        after: connection.entered.map(|before| entered.since(before)),
        cause: Cause::Resync,
        segment_refused: None,
    };
    connection.enter(state, entered);
    book.holes += 1;
    book.tell_transition(slot, entered, transition, out);
}

fn plain(change: &StateChange, time: Timestamp) -> Transition {
    Transition {
        from: change.from,
        to: change.to,
        after: None,
        cause: cause::cause(change, time),
        segment_refused: None,
    }
}

fn stranger(key: SocketKey, change: &StateChange) -> Shown {
    let mut id = Identity::new(key, change.endpoints, change.role);
    id.offer_cookie(change.cookie);
    id.shown(change.to, None)
}
