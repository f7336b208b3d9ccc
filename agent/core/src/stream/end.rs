//! The end of a full socket.

use super::arrival::{self, Met};
use super::book::Book;
use super::change;
use super::connection_line::{self, Entries};
use super::departure;
use super::identity::Identity;
use super::order::{self, Whose};
use super::places::Slot;
use super::table::Connection;
use crate::model::cause;
use crate::model::event::{Body, Connection as Shown};
use crate::model::observation::End;
use crate::model::socket::SocketKey;
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

/// A socket's memory is freed.
pub(super) fn recorded(book: &mut Book, time: Timestamp, sock: u64, end: &End, out: &mut Outbox) {
    let entries = connection_line::entries(&end.life, end.role);
    let whose = |known: &Connection| whose_end(known, time, end, &entries);
    // The end of a predecessor still says what its life was, unless that was told.
    let told = book.tombstones.cover(sock, time);
    match arrival::meet(book, time, sock, whose, out) {
        Met::Known(slot) => finish(book, slot, time, end, &entries, out),
        Met::Unknown | Met::Over if !told => {
            let birth = end.life.opened.or(end.life.established).unwrap_or(time);
            let mut id = Identity::new(SocketKey { sock, birth }, end.endpoints, end.role);
            id.offer_cookie(end.cookie);
            let peer = book.ends().of_stranger(end.endpoints);
            let shown = id.shown(TcpState::Closed, peer.and_then(|peer| peer.owner));
            // That it was over was told when the next connection of its socket began.
            let next = book.table.find(sock).map(|(_, next)| next.id.key.birth);
            let dated = next.map_or(time, |next| next.max(time));
            tell_life(book, dated, time, end, cause_of(end), shown, out);
        }
        Met::Unknown | Met::Over => {}
    }
    book.tombstones.note(sock, time);
}

/// Whose end this is: of one that began after all that is known of the connection in the table, nothing was heard.
fn whose_end(known: &Connection, time: Timestamp, end: &End, entries: &Entries) -> Whose {
    if time < known.id.key.birth {
        return Whose::Predecessors;
    }
    let mut later = entries.iter().flatten();
    let later =
        later.any(|&(state, entered)| entered > known.changed && !order::fits(known.state, state));
    if later || !order::are_same(known.id.endpoints, end.endpoints) {
        Whose::Successors
    } else {
        Whose::Its
    }
}

/// The connection is over, or goes on as a minisock.
fn finish(
    book: &mut Book,
    slot: Slot,
    time: Timestamp,
    end: &End,
    entries: &Entries,
    out: &mut Outbox,
) {
    if let Some(connection) = book.table.get_mut(slot) {
        connection.seen = connection.seen.max(time);
        connection.id.offer_role(end.role);
        connection.id.offer_cookie(end.cookie);
    }
    arrival::settle(book, slot, end.endpoints, time, out);
    catch_up(book, slot, end, entries, out);
    let Some(connection) = book.table.get(slot) else {
        return;
    };
    let known = connection
        .cause
        .filter(|&cause| cause != Cause::Unknown && !connection.parted);
    let (cause, last) = (known.unwrap_or_else(|| cause_of(end)), connection.last());
    if let Some(shown) = book.shown(slot, TcpState::Closed) {
        let dated = book.date(slot, last);
        departure::vanish(book, slot, time, cause, out);
        tell_life(book, dated, time, end, cause, shown, out);
    }
}

/// Tells what records should have told before.
fn catch_up(book: &mut Book, slot: Slot, end: &End, entries: &Entries, out: &mut Outbox) {
    let over = |book: &Book| {
        let connection = book.table.get(slot);
        connection.is_none_or(|c| c.parted || c.state == TcpState::Closed)
    };
    if over(book) {
        return;
    }
    for &(state, entered) in entries.iter().flatten() {
        change::fill(book, slot, state, Some(entered), out);
    }
    if let Some(last) = &end.life.last {
        let mut before = entries.iter().flatten();
        let entered = before.find(|(state, _)| *state == last.from);
        let entered = entered.map(|&(_, entered)| entered);
        let missed = connection_line::last_change(end, last, entered);
        book.holes += u64::from(book.interest.tells(TcpState::Closed));
        change::advance(book, slot, last.time, &missed, out);
    }
}

/// Why a full socket ended. Where a minisock takes over, both directions were closed in order, or the application has
/// closed and the peer may still.
fn cause_of(end: &End) -> Cause {
    let Some(last) = &end.life.last else {
        return Cause::Unknown;
    };
    let orphan = last.from == TcpState::FinWait2 && !last.fin_received && last.error == 0;
    if orphan && last.exiting {
        Cause::ProcessExit
    } else if orphan && last.closed {
        Cause::AppClose
    } else {
        cause::cause(&connection_line::last_change(end, last, None), last.time)
    }
}

/// One line for a whole life; a listener has none.
fn tell_life(
    book: &Book,
    dated: Timestamp,
    time: Timestamp,
    end: &End,
    cause: Cause,
    connection: Shown,
    out: &mut Outbox,
) {
    if !book.interest.connections || end.endpoints.peer.port() == 0 {
        return;
    }
    let life = connection_line::whole_life(end, time, cause);
    out.tell(dated, Body::Connection { connection, life });
}
