//! A reset answers what a client wrote after the server's FIN: a request is lost.
//!
//! Whoever closes the connection then has noticed; that is counted. Whoever keeps it has a finding, which the looks make.

use super::book::Book;
use super::departure::absent;
use super::watched::{Lost, Watched};
use crate::connection::{CROSSING, Connection, Delivery, Fin};
use crate::model::finding::Verdict;
use crate::model::observation::ResetWrite;
use crate::model::socket::{Role, SocketKey};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// The record of it. `key` names the connection if nobody watches it yet.
pub(super) fn recorded(book: &mut Book<'_>, key: SocketKey, time: Timestamp, reset: &ResetWrite) {
    let sock = key.sock;
    if book.table.get(sock).is_some_and(|w| !is_of(reset, w)) {
        // Another connection had its socket before.
        absent(book, sock, time);
    }
    if !is_careless(reset) {
        return;
    }
    if book.table.get(sock).is_none() {
        book.table.insert(Watched::new(stranger(key, time, reset)));
    }
    let after = book.rules.settings.after(Verdict::WriteAfterFin);
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    watched.recorded = watched.recorded.max(time);
    watched.connection.written = u32::try_from(reset.bytes).unwrap_or(u32::MAX);
    watched.connection.sent_at = reset.sent_at;
    watched.lost = Some(Lost {
        time,
        bytes: reset.bytes,
    });
    if reset.dead {
        absent(book, sock, time);
    } else {
        book.table.arm(sock, time + after);
    }
}

/// A client speaks first: it should have looked before. A server may answer a peer that has only stopped sending, and
/// learns by writing that it is gone.
fn is_careless(reset: &ResetWrite) -> bool {
    let late = |sent: Timestamp| sent >= reset.fin_at + CROSSING;
    reset.role == Role::Client && reset.sent_at.is_some_and(late)
}

/// Whether the record tells of this connection.
fn is_of(reset: &ResetWrite, watched: &Watched) -> bool {
    let connection = &watched.connection;
    let known = connection.fin.filter(|fin| fin.exact);
    connection.endpoints == reset.endpoints && known.is_none_or(|fin| fin.since == reset.fin_at)
}

fn stranger(key: SocketKey, time: Timestamp, reset: &ResetWrite) -> Connection {
    Connection {
        key,
        endpoints: reset.endpoints,
        role: reset.role,
        state: TcpState::CloseWait,
        since: time,
        owner: None,
        inode: None,
        cookie: None,
        fin: Some(Fin {
            since: reset.fin_at,
            exact: true,
            unread: None,
        }),
        delivery: Delivery {
            at: reset.eof_at,
            count: u32::from(reset.eof_at.is_some()),
            by: reset.eof_by,
        },
        written: 0,
        sent_at: None,
    }
}
