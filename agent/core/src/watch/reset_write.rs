//! A reset answers data that were written after the peer's FIN.

use std::time::Duration;

use super::book::Book;
use super::departure::absent;
use super::refusal::accuse;
use super::watched::{Refused, Watched};
use crate::connection::{Connection, Delivery, Fin};
use crate::model::observation::ResetWrite;
use crate::model::socket::{Role, SocketKey};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// A write so soon after the FIN may have crossed it: the application could not have known.
const CROSSING: Duration = Duration::from_millis(100);

/// The record of it. `key` names the connection if nobody watches it yet.
pub(super) fn recorded(book: &mut Book<'_>, key: SocketKey, time: Timestamp, reset: &ResetWrite) {
    let sock = key.sock;
    let fin = Fin {
        since: reset.fin_at,
        exact: true,
        unread: None,
    };
    if book.table.get(sock).is_some_and(|w| !is_of(reset, w)) {
        // Another connection had its socket before.
        absent(book, sock, time);
    }
    let open = book.table.get(sock).and_then(|w| w.finding.clone());
    if open.is_none() && !is_careless(reset) {
        return;
    }
    if book.table.get(sock).is_none() {
        book.table.insert(Watched::new(stranger(key, reset, fin)));
    }
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    watched.recorded = watched.recorded.max(time);
    watched.connection.written = u32::try_from(reset.bytes).unwrap_or(u32::MAX);
    watched.connection.sent_at = reset.sent_at;
    let refused = Refused { time, fin };
    if let Some(open) = open {
        accuse(book, sock, refused, open.holders.clone());
    } else {
        // Who holds the descriptor, the next look tells.
        watched.refused = Some(refused);
        book.table.arm(sock, time);
    }
}

/// A client speaks first: it should have looked before. A server may answer a peer that has only stopped sending;
/// unless it was told before, it learns that the peer is gone by writing.
fn is_careless(reset: &ResetWrite) -> bool {
    let sent = reset.sent_at;
    let told = reset
        .eof_at
        .is_some_and(|told| sent.is_none_or(|sent| told <= sent));
    let late = sent.is_some_and(|sent| sent.since(reset.fin_at) >= CROSSING);
    told || (reset.role == Role::Client && late)
}

/// Whether the record tells of this connection.
fn is_of(reset: &ResetWrite, watched: &Watched) -> bool {
    let connection = &watched.connection;
    let known = connection.fin.filter(|fin| fin.exact);
    connection.endpoints == reset.endpoints && known.is_none_or(|fin| fin.since == reset.fin_at)
}

fn stranger(key: SocketKey, reset: &ResetWrite, fin: Fin) -> Connection {
    Connection {
        key,
        endpoints: reset.endpoints,
        role: reset.role,
        state: TcpState::CloseWait,
        owner: None,
        inode: None,
        cookie: None,
        fin: Some(fin),
        delivery: Delivery {
            at: reset.eof_at,
            count: u32::from(reset.eof_at.is_some()),
            by: reset.eof_by,
        },
        written: 0,
        sent_at: None,
    }
}
