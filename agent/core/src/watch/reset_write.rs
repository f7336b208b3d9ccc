//! A reset answers data that were written after the peer's FIN.

use std::time::Duration;

use super::book::Book;
use super::evidence::{self, Charge};
use super::finding;
use super::watched::{Refused, Watched};
use crate::connection::{Connection, Delivery, Fin};
use crate::model::finding::{Resolution, Verdict};
use crate::model::observation::ResetWrite;
use crate::model::socket::{Holder, Role, SocketKey};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::verdict::case::Grade;

/// A write so soon after the FIN may have crossed it: the application could not have known.
const CROSSING: Duration = Duration::from_millis(100);

/// The record of it. `key` names the connection if nobody watches it yet.
pub(super) fn recorded(book: &mut Book<'_>, key: SocketKey, time: Timestamp, reset: &ResetWrite) {
    let sock = key.sock;
    let fin = Fin {
        since: reset.fin_at,
        exact: true,
        unread: None,
        unattached: false,
    };
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

/// A refusal waits for a look: this is it, or there will be none.
pub(super) fn settle(book: &mut Book<'_>, sock: u64, holders: Vec<Holder>) {
    let watched = book.table.get_mut(sock);
    let Some(refused) = watched.and_then(|watched| watched.refused.take()) else {
        return;
    };
    accuse(book, sock, refused, holders);
    finding::resolve(
        book,
        sock,
        refused.time,
        TcpState::Closed,
        Resolution::Reset,
    );
}

fn accuse(book: &mut Book<'_>, sock: u64, refused: Refused, holders: Vec<Holder>) {
    let Some(watched) = book.table.get(sock) else {
        return;
    };
    let mut evidence = evidence::known(&watched.connection);
    evidence.state = Some(TcpState::Closed);
    finding::accuse(
        book,
        sock,
        Charge {
            verdict: Verdict::WriteAfterFin,
            grade: Grade::Normal,
            time: refused.time,
            state: TcpState::Closed,
            fin: Some(refused.fin),
            holders,
            evidence,
        },
    );
}
