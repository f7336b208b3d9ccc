//! A connection that is watched ends.

use super::book::Book;
use super::finding::resolve;
use super::refusal;
use crate::model::finding::Resolution;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// A look did not find it, or something else was found in its place: how it ended is not known.
pub(super) fn absent(book: &mut Book<'_>, sock: u64, time: Timestamp) {
    ended(book, sock, time, Resolution::Resync);
}

/// It has ended so.
pub(super) fn ended(book: &mut Book<'_>, sock: u64, time: Timestamp, why: Resolution) {
    refusal::settle(book, sock, Vec::new());
    resolve(book, sock, time, TcpState::Closed, why);
    book.forget(sock);
}
