//! A connection that is watched ends.

use super::book::Book;
use super::finding::resolve;
use super::watched::Lost;
use crate::model::event::{LostRequest, Output};
use crate::model::finding::Resolution;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::verdict::write_after_fin::is_short;

/// A look did not find it, or something else was found in its place: how it ended is not known.
pub(super) fn absent(book: &mut Book<'_>, sock: u64, time: Timestamp) {
    ended(book, sock, time, Resolution::Resync);
}

/// It has ended so.
pub(super) fn ended(book: &mut Book<'_>, sock: u64, time: Timestamp, why: Resolution) {
    count_lost(book, sock);
    resolve(book, sock, time, TcpState::Closed, why);
    book.forget(sock);
}

/// Its descriptor is closed: if a request was lost before, that is counted. Whoever ends many connections that their
/// server has ended says farewell on each, and a pool that asks first loses nothing: a few bytes do not count.
pub(super) fn count_lost(book: &mut Book<'_>, sock: u64) {
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    let lost = watched.lost.take();
    let Some(Lost { time, bytes }) = lost.filter(|lost| !is_short(lost.bytes)) else {
        return;
    };
    book.numbers.lost_requests += 1;
    let connection = &watched.connection;
    book.out.put(Output::LostRequest(LostRequest {
        time,
        endpoints: connection.endpoints,
        owner: connection.owner.clone(),
        bytes,
    }));
}
