//! TIME_WAIT: the full socket closes, a minisock goes on under the same addresses.
//!
//! Where hooks tell of minisocks, entry and exit are exact. Three things they cannot tell are found by listing the
//! minisocks of a namespace: everything in the tracepoint flavour, a FIN that reaches an orphan's FIN_WAIT2 minisock,
//! and an exit whose record was lost.

use std::time::Duration;

use super::arrival::{self, Met};
use super::book::Book;
use super::departure;
use super::identity::Identity;
use super::minisocks::Minisock;
use super::order::{self, Whose};
use super::places::Slot;
use super::table::Connection;
use crate::model::cause;
use crate::model::event::Transition;
use crate::model::observation::StateChange;
use crate::model::socket::{Endpoints, Role, SocketKey};
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

/// `TCP_TIMEWAIT_LEN` and the kernel's timer slack: nothing should be left after it.
const LENGTH: Duration = Duration::from_millis(60_500);
/// Where hooks tell of the exit, one that is still missing after this time was lost.
const OVERDUE: Duration = Duration::from_secs(70);

/// The substate of the minisock that takes over at this change to CLOSED, as far as the full socket tells.
pub(super) fn inferred(change: &StateChange) -> Option<TcpState> {
    if change.error != 0 || change.to != TcpState::Closed {
        return None;
    }
    match change.from {
        TcpState::Closing => Some(TcpState::TimeWait),
        TcpState::FinWait2 if change.fin_received => Some(TcpState::TimeWait),
        TcpState::FinWait2 if change.dead => Some(TcpState::FinWait2),
        TcpState::FinWait2
        | TcpState::Closed
        | TcpState::Listen
        | TcpState::SynSent
        | TcpState::SynReceived
        | TcpState::Established
        | TcpState::CloseWait
        | TcpState::LastAck
        | TcpState::FinWait1
        | TcpState::TimeWait => None,
    }
}

/// The kernel is about to make a minisock (or has made it).
pub(super) fn entered(
    book: &mut Book,
    time: Timestamp,
    sock: u64,
    endpoints: Endpoints,
    substate: TcpState,
    out: &mut Outbox,
) {
    let known = book.minisocks.at(endpoints);
    if known.is_some_and(|(_, m)| m.changed > time || m.changed == time && m.id.key.sock == sock) {
        book.stale += 1;
        return;
    }
    let whose = |known: &Connection| {
        let over = known.parted || known.state == TcpState::Closed;
        let other = over || !order::are_same(known.id.endpoints, endpoints);
        if time < known.id.key.birth {
            Whose::Predecessors
        } else if other && time > known.changed {
            Whose::Successors
        } else {
            Whose::Its
        }
    };
    let slot = match arrival::meet(book, time, sock, whose, out) {
        Met::Known(slot) => Some(slot),
        Met::Unknown if arrival::is_overtaken(book, time) => None,
        Met::Unknown => {
            let key = SocketKey { sock, birth: time };
            let id = Identity::new(key, endpoints, Role::Unknown);
            let connection = Connection::new(id, TcpState::FinWait2);
            arrival::admit(book, connection, time, out)
        }
        Met::Over => None,
    };
    let Some((slot, connection)) = slot.and_then(|slot| Some((slot, book.table.get(slot)?))) else {
        return;
    };
    // Its end was told already: of one moment are TIME_WAIT and the full socket's end.
    let later = connection.changed > time || substate == TcpState::FinWait2;
    let over = connection.state == TcpState::Closed && later;
    if connection.parted || over {
        book.stale += 1;
        return;
    }
    let from = if connection.state == TcpState::Closing {
        TcpState::Closing
    } else {
        TcpState::FinWait2
    };
    enter(
        book,
        slot,
        time,
        from,
        substate,
        cause::into_time_wait(from),
        out,
    );
}

/// A minisock takes over. One in FIN_WAIT2 is an orphan that waits for the peer's FIN.
pub(super) fn enter(
    book: &mut Book,
    slot: Slot,
    time: Timestamp,
    from: TcpState,
    substate: TcpState,
    cause: Cause,
    out: &mut Outbox,
) {
    let Some(connection) = book.table.get_mut(slot) else {
        return;
    };
    // An orphan that was in FIN_WAIT2 before stays in it.
    let enters = substate == TcpState::TimeWait || connection.state != TcpState::FinWait2;
    // The record of the change to FIN_WAIT2 was lost, or not asked for.
    let missed = substate == TcpState::FinWait2 && cause != Cause::Resync;
    let transition = Transition {
        from: if missed { connection.state } else { from },
        to: substate,
        after: connection.spent_in(from, time),
        cause: if missed { Cause::FinAcked } else { cause },
        segment_refused: None,
    };
    connection.parted = true;
    connection.seen = connection.seen.max(time);
    connection.changed = connection.changed.max(time);
    let (id, before) = (connection.id.clone(), connection.entered);
    departure::make_room(book, id.endpoints, time, out);
    if book.minisocks.len() >= book.limits.minisocks {
        book.overflow.note(time);
        if enters {
            book.tell_transition(slot, time, transition, out);
        }
        return;
    }
    let overdue = if book.limits.by_sweep {
        LENGTH
    } else {
        OVERDUE
    };
    // The FIN that an orphan waits for may come late, and begins the time anew.
    let longest = if substate == TcpState::FinWait2 {
        LENGTH * 2
    } else {
        LENGTH
    };
    let minisock = Minisock {
        id,
        substate,
        entered: if enters { Some(time) } else { before },
        changed: time,
        gone_by: time + longest,
    };
    let slot = book.minisocks.insert(minisock, overdue);
    if enters {
        book.tell_minisock(slot, time, transition, out);
    }
}

/// A minisock has left the tables.
pub(super) fn left(book: &mut Book, time: Timestamp, endpoints: Endpoints, out: &mut Outbox) {
    match book.minisocks.at(endpoints) {
        Some((slot, minisock)) if minisock.changed <= time => {
            departure::leave(book, slot, time, None, out);
        }
        // The addresses may be those of an earlier connection.
        Some(_) | None => book.stale += 1,
    }
}

/// The peer has sent its FIN to an orphan's minisock, some time before `now`.
pub(super) fn fin_reached(book: &mut Book, slot: Slot, now: Timestamp, out: &mut Outbox) {
    let Some(minisock) = book.minisocks.get(slot) else {
        return;
    };
    if minisock.substate == TcpState::TimeWait {
        return;
    }
    let now = now.max(minisock.changed);
    let transition = Transition {
        from: minisock.substate,
        to: TcpState::TimeWait,
        after: minisock.entered.map(|entered| now.since(entered)),
        cause: Cause::FinReceived,
        segment_refused: None,
    };
    book.minisocks.enter_time_wait(slot, now, LENGTH);
    book.tell_minisock(slot, now, transition, out);
}
