//! Data written after the peer's FIN were refused: whose fault that is.

use super::book::Book;
use super::evidence::{self, Charge};
use super::finding;
use super::watched::Refused;
use crate::model::finding::{Resolution, Verdict};
use crate::model::socket::Holder;
use crate::model::state::TcpState;
use crate::verdict::case::{Grade, missing};

/// A refusal waits for a look: this is it, or there will be none.
pub(super) fn settle(book: &mut Book<'_>, sock: u64, holders: Vec<Holder>) {
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    let Some(mut refused) = watched.refused.take() else {
        return;
    };
    // What has happened since then has been told already.
    refused.time = refused.time.max(watched.recorded);
    accuse(book, sock, refused, holders);
    finding::resolve(
        book,
        sock,
        refused.time,
        TcpState::Closed,
        Resolution::Reset,
    );
}

/// Says who is at fault.
pub(super) fn accuse(book: &mut Book<'_>, sock: u64, refused: Refused, holders: Vec<Holder>) {
    let Some(watched) = book.table.get(sock) else {
        return;
    };
    let mut evidence = evidence::known(&watched.connection);
    evidence.state = Some(TcpState::Closed);
    if holders.is_empty() {
        evidence.missing.push(missing::HOLDERS);
    }
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
