//! A process opens a connection, or is handed its end.

use std::time::Duration;

use super::arrival::{self, Met};
use super::book::Book;
use super::identity::Identity;
use super::order::{self, Whose};
use super::places::Slot;
use super::table::Connection;
use crate::model::event::Body;
use crate::model::observation::{Eof, Open};
use crate::model::socket::{Attribution, Role, SocketKey};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

/// A process has connected or accepted, or was seen using it.
pub(super) fn recorded(book: &mut Book, time: Timestamp, sock: u64, open: &Open, out: &mut Outbox) {
    if open.owner.attribution == Attribution::Holder {
        return used(book, time, sock, open);
    }
    let whose = |known: &Connection| order::whose_opening(known, time, open);
    let slot = match arrival::meet(book, time, sock, whose, out) {
        Met::Known(slot) => Some(slot),
        Met::Unknown => {
            let mut id = Identity::new(SocketKey { sock, birth: time }, open.endpoints, open.role);
            id.born = true;
            let mut connection = Connection::new(id, open.state);
            connection.changed = time;
            arrival::admit(book, connection, time, out)
        }
        Met::Over => None,
    };
    let Some(slot) = slot else {
        return;
    };
    arrival::settle(book, slot, open.endpoints, time, out);
    if let Some(connection) = book.table.get_mut(slot) {
        connection.seen = connection.seen.max(time);
        connection.id.offer_owner(&open.owner);
        connection.id.offer_role(open.role);
        connection.id.inode = open.inode.or(connection.id.inode);
    }
}

/// A process uses a connection that it was not seen opening.
fn used(book: &mut Book, time: Timestamp, sock: u64, open: &Open) {
    let slot = book.table.find(sock).map(|(slot, _)| slot);
    let known = slot.and_then(|slot| book.table.get_mut(slot));
    if let Some(known) = known
        && time >= known.id.key.birth
        && order::are_same(known.id.endpoints, open.endpoints)
    {
        known.id.offer_owner(&open.owner);
        known.id.inode = open.inode.or(known.id.inode);
    }
}

/// The end-of-stream was handed to a thread.
pub(super) fn eof_delivered(
    book: &mut Book,
    time: Timestamp,
    sock: u64,
    eof: &Eof,
    out: &mut Outbox,
) {
    let whose = |known: &Connection| {
        if time < known.id.key.birth {
            Whose::Predecessors
        } else if order::are_same(known.id.endpoints, eof.endpoints) {
            Whose::Its
        } else {
            Whose::Successors
        }
    };
    match arrival::meet(book, time, sock, whose, out) {
        Met::Known(slot) => tell_eof(book, slot, time, eof, out),
        Met::Unknown => {
            if arrival::is_overtaken(book, time) {
                return;
            }
            let key = SocketKey { sock, birth: time };
            let id = Identity::new(key, eof.endpoints, Role::Unknown);
            let mut connection = Connection::new(id.clone(), eof.state);
            connection.changed = time;
            match arrival::admit(book, connection, time, out) {
                Some(slot) => tell_eof(book, slot, time, eof, out),
                None if book.interest.eof => out.tell(
                    time,
                    Body::Eof {
                        connection: id.shown(eof.state, None),
                        after: after(eof.fin_at, time),
                        thread: eof.thread,
                    },
                ),
                None => {}
            }
        }
        Met::Over => {}
    }
}

/// Tells the first delivery.
fn tell_eof(book: &mut Book, slot: Slot, time: Timestamp, eof: &Eof, out: &mut Outbox) {
    let Some(known) = book.table.get_mut(slot) else {
        return;
    };
    known.seen = known.seen.max(time);
    known.fin_at = eof.fin_at.or(known.fin_at);
    let fin_at = known.fin_at;
    let told = std::mem::replace(&mut known.eof_told, true);
    if told || time < known.id.told {
        book.stale += 1;
        return;
    }
    if !book.interest.eof {
        return;
    }
    let Some(connection) = book.shown(slot, eof.state) else {
        return;
    };
    let time = book.date(slot, time);
    let body = Body::Eof {
        connection,
        after: after(fin_at, time),
        thread: eof.thread,
    };
    out.tell(time, body);
}

fn after(fin_at: Option<Timestamp>, time: Timestamp) -> Option<Duration> {
    fin_at.filter(|&fin| fin <= time).map(|fin| time.since(fin))
}
