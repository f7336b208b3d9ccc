//! What an ordinary look shows otherwise than the table: a change that no record told of.

use super::book::Book;
use super::order;
use super::table::Connection;
use crate::model::look::{Snapshot, SocketView};
use crate::model::state::TcpState;

/// A look that contradicts the table may only be ahead of the ring; the next one that does is not.
const SURE: u8 = 2;

/// How many connections this look contradicts for the second time in a row. A comparison repairs them, or finds that
/// they go on without a descriptor: so none asks for a second one.
pub(super) fn contradicted(book: &mut Book, snapshot: &Snapshot) -> u64 {
    let mut sure = 0;
    for connection in book.table.iter_mut() {
        if connection.parted || connection.last() >= snapshot.taken {
            continue;
        }
        if agrees(connection, snapshot.find(connection.id.key.sock)) {
            connection.doubted = 0;
        } else if connection.doubted < SURE {
            connection.doubted += 1;
            sure += u64::from(connection.doubted == SURE);
        }
    }
    sure
}

fn agrees(connection: &Connection, view: Option<&SocketView>) -> bool {
    match view {
        Some(view) => {
            order::are_same(connection.id.endpoints, view.endpoints)
                && connection.state == view.state
        }
        // Whose application has closed, a look at descriptors does not show.
        None => !matches!(
            connection.state,
            TcpState::Established | TcpState::CloseWait
        ),
    }
}
