//! How connections and minisocks leave.

use std::time::Duration;

use super::book::Book;
use super::identity::Identity;
use super::other_end;
use super::places::Slot;
use super::table::{Connection, Entry};
use crate::model::event::Transition;
use crate::model::socket::Endpoints;
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

/// `TCP_TIMEWAIT_LEN` and the default of `tcp_fin_timeout`, less what the moment of entry may be off.
const SHORTEST: Duration = Duration::from_millis(59_500);

/// The connection is over without a word from the kernel, at `time` or whenever it was last heard of: a comparison
/// takes a while, and what it missed may have happened since it began.
pub(super) fn vanish(
    book: &mut Book,
    slot: Slot,
    time: Timestamp,
    cause: Cause,
    out: &mut Outbox,
) -> Timestamp {
    let Some(connection) = book.table.get(slot) else {
        return time;
    };
    let time = time.max(connection.last());
    if !connection.parted && connection.state != TcpState::Closed {
        let from = connection.state;
        let transition = Transition {
            from,
            to: TcpState::Closed,
            after: connection.spent_in(from, time),
            cause,
            segment_refused: None,
        };
        book.tell_transition(slot, time, transition, out);
    }
    remove(book, slot);
    time
}

/// Another connection has this one's socket: its end was missed.
pub(super) fn replace(book: &mut Book, slot: Slot, time: Timestamp, out: &mut Outbox) {
    vanish(book, slot, time, Cause::Unknown, out);
}

/// A comparison has not found the connection: late records must not bring it back.
pub(super) fn bury(book: &mut Book, slot: Slot, time: Timestamp, out: &mut Outbox) {
    let sock = book.table.get(slot).map(|c| c.id.key.sock);
    let time = vanish(book, slot, time, Cause::Resync, out);
    if let Some(sock) = sock {
        book.tombstones.note(sock, time);
    }
}

/// Takes a connection out of the table.
pub(super) fn remove(book: &mut Book, slot: Slot) -> Option<Connection> {
    let removed = book.table.remove(slot)?;
    if !removed.parted {
        let last = removed.last();
        other_end::part(&mut book.table, &mut book.minisocks, &removed.id, last);
    }
    Some(removed)
}

/// The minisock has left the tables at `time`.
pub(super) fn leave(
    book: &mut Book,
    slot: Slot,
    time: Timestamp,
    known: Option<Cause>,
    out: &mut Outbox,
) {
    let Some(minisock) = book.minisocks.get(slot) else {
        return;
    };
    let time = time.max(minisock.changed);
    let after = minisock.entered.map(|entered| time.since(entered));
    let transition = Transition {
        from: minisock.substate,
        to: TcpState::Closed,
        after,
        cause: known.unwrap_or_else(|| exit(after)),
        segment_refused: None,
    };
    book.tell_minisock(slot, time, transition, out);
    let Some(minisock) = book.minisocks.remove(slot) else {
        return;
    };
    let id = minisock.id;
    other_end::part(&mut book.table, &mut book.minisocks, &id, time);
    part_full_socket(book, &id, time);
}

/// The minisock of this connection has left at `time`: a descriptor may still refer to the full socket.
fn part_full_socket(book: &mut Book, id: &Identity, time: Timestamp) {
    let full = book.table.find(id.key.sock).map(|(slot, _)| slot);
    let Some((slot, full)) = full.and_then(|slot| Some((slot, book.table.get_mut(slot)?))) else {
        return;
    };
    if !full.parted || full.id.key != id.key {
        return;
    }
    if full.released {
        // The record of its end is not only late.
        remove(book, slot);
        book.tombstones
            .note(id.key.sock, time - Duration::from_nanos(1));
        return;
    }
    full.parted = false;
    full.state = TcpState::Closed;
    full.entry = Entry::Told;
    full.entered = Some(time);
    full.changed = full.changed.max(time);
    full.id.told = full.id.told.max(id.told);
}

/// Why a minisock left after so long. Before its timer an RST, late data, a namespace's end or somebody's request can
/// remove it, and nothing tells which.
fn exit(after: Option<Duration>) -> Cause {
    match after {
        Some(after) if after < SHORTEST => Cause::Unknown,
        Some(_) | None => Cause::Timeout,
    }
}

/// New traffic between the same addresses: the minisock has made room (RFC 6191).
pub(super) fn make_room(book: &mut Book, endpoints: Endpoints, time: Timestamp, out: &mut Outbox) {
    if let Some((slot, minisock)) = book.minisocks.at(endpoints)
        && minisock.changed <= time
    {
        leave(book, slot, time, Some(Cause::Reused), out);
    }
}
