//! How connections come into the table.

use super::book::Book;
use super::departure;
use super::order::Whose;
use super::places::Slot;
use super::table::Connection;
use crate::model::socket::Endpoints;
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

/// Of which connection a record speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// This one.
    Known(Slot),
    /// One that is not in the table.
    Unknown,
    /// One that is over.
    Over,
}

/// Finds the connection a record speaks of. One that stands in a later one's place had ended unnoticed.
pub(super) fn meet(
    book: &mut Book,
    time: Timestamp,
    sock: u64,
    whose: impl FnOnce(&Connection) -> Whose,
    out: &mut Outbox,
) -> Met {
    let known = book.table.find(sock);
    let met = match known.map(|(slot, connection)| (slot, whose(connection))) {
        Some((slot, Whose::Its)) => Met::Known(slot),
        Some((slot, Whose::Successors)) => {
            departure::replace(book, slot, time, out);
            Met::Unknown
        }
        Some((_, Whose::Predecessors)) => Met::Over,
        None if book.tombstones.cover(sock, time) => Met::Over,
        None => Met::Unknown,
    };
    book.stale += u64::from(met == Met::Over);
    met
}

/// Whether a comparison would have found what a record of this moment speaks of: it did not, so that is over.
pub(super) fn is_overtaken(book: &mut Book, time: Timestamp) -> bool {
    let overtaken = time <= book.compared;
    book.stale += u64::from(overtaken);
    overtaken
}

/// Puts a new connection into the table, if there is room.
pub(super) fn admit(
    book: &mut Book,
    connection: Connection,
    time: Timestamp,
    out: &mut Outbox,
) -> Option<Slot> {
    if book.table.len() >= book.limits.connections {
        book.overflow.note(time);
        return None;
    }
    departure::make_room(book, connection.id.endpoints, time, out);
    Some(book.table.insert(connection))
}

/// The connection has these addresses, which a client's have been completed to.
pub(super) fn settle(
    book: &mut Book,
    slot: Slot,
    endpoints: Endpoints,
    time: Timestamp,
    out: &mut Outbox,
) {
    let Some(connection) = book.table.get(slot) else {
        return;
    };
    let known = connection.id.endpoints;
    let complete =
        endpoints.local.port() != 0 && (endpoints.peer.port() != 0 || known.peer.port() == 0);
    if complete && known != endpoints && !connection.parted {
        departure::make_room(book, endpoints, time, out);
        book.table.move_to(slot, endpoints);
    }
}
