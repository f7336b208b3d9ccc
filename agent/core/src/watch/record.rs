//! What a record says of a connection that is watched. Records make findings end sooner; nothing depends on them.

use super::book::Book;
use super::departure;
use super::finding::{conclude, resolution, resolve_only, turn};
use crate::model::cause;
use crate::model::finding::{Resolution, Verdict};
use crate::model::observation::{Observation, Open, StateChange, What};
use crate::model::socket::{Endpoints, Role};
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;

/// One record. Those of connections that nobody watches are not for us.
pub(super) fn handle(book: &mut Book<'_>, observation: &Observation) {
    let Observation { time, sock, what } = observation;
    let (time, sock) = (*time, *sock);
    if !concerns(book, sock, time, what) {
        return;
    }
    take(book, sock, time, what);
    if book.table.get(sock).is_none() {
        book.table.end(sock, time);
    }
}

fn take(book: &mut Book<'_>, sock: u64, time: Timestamp, what: &What) {
    match what {
        What::State(change) => state_changed(book, sock, time, change),
        What::Open(open) => opened(book, sock, time, open),
        What::Eof(eof) => {
            if let Some(watched) = book.table.get_mut(sock) {
                let known = watched.connection.delivery.count;
                let count = known.saturating_add(1);
                let by = Some(eof.pid);
                watched.connection.delivery.offer(time, count, by);
            }
            book.table.advance(sock, time + book.rules.slack());
        }
        What::TimeWaitEntered { substate, .. } => {
            // In FIN_WAIT2 a minisock takes over once the last descriptor is closed.
            let why = if *substate == TcpState::FinWait2 {
                Resolution::ClosedByApp
            } else {
                Resolution::PeerClosed
            };
            conclude(book, sock, time, *substate, why);
            book.forget(sock);
        }
        What::End(_) => ended(book, sock, time),
        What::ResetWrite(_)
        | What::ResetQueued { .. }
        | What::Segment { .. }
        | What::TimeWaitLeft { .. } => {}
    }
}

/// Whether it is of a connection that is watched; then a look from before it is outdated.
fn concerns(book: &mut Book<'_>, sock: u64, time: Timestamp, what: &What) -> bool {
    let Some(watched) = book.table.get_mut(sock) else {
        return false;
    };
    let ends = endpoints(what);
    let own = watched.connection.endpoints;
    let same = ends.is_none_or(|ends| ends == own || ends.local.port() == 0);
    let concerns = same && time >= watched.connection.key.birth;
    if concerns {
        watched.recorded = watched.recorded.max(time);
    }
    concerns
}

const fn endpoints(what: &What) -> Option<Endpoints> {
    match what {
        What::State(change) => Some(change.endpoints),
        What::Open(open) => Some(open.endpoints),
        What::Eof(eof) => Some(eof.endpoints),
        What::ResetWrite(reset) => Some(reset.endpoints),
        What::End(end) => Some(end.endpoints),
        What::ResetQueued { endpoints }
        | What::TimeWaitEntered { endpoints, .. }
        | What::TimeWaitLeft { endpoints } => Some(*endpoints),
        What::Segment { .. } => None,
    }
}

fn state_changed(book: &mut Book<'_>, sock: u64, time: Timestamp, change: &StateChange) {
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    let known = watched.connection.state;
    // A look or a later record has told of it.
    if change.from == change.to || change.to == known || time < watched.state_as_of {
        return;
    }
    watched.state_as_of = time;
    if change.role != Role::Unknown {
        watched.connection.role = change.role;
    }
    let cause = cause::cause(change, time);
    if cause == Cause::RstReceived
        && let Some(peer) = &mut watched.peer
    {
        // Whoever resets has nothing left.
        peer.state = TcpState::Closed;
    }
    let first_look = book.rules.first_look_at(time);
    let why = ending(known, change.from, cause);
    if change.dead || is_by_application(change) {
        conclude(book, sock, time, change.to, why);
    } else {
        turn(book, sock, time, change.to, why);
    }
    if let Some(watched) = book.table.get_mut(sock) {
        watched.entered_after = time;
    }
    match change.to {
        // What it was like at the FIN the look tells.
        TcpState::CloseWait => book.table.arm(sock, first_look),
        // A descriptor refers to what is over: does anybody notice?
        TcpState::Closed if !change.dead => book.table.advance(sock, first_look),
        TcpState::Closed => {
            // Nobody holds it: no look will tell more.
            departure::count_lost(book, sock);
            book.forget(sock);
        }
        TcpState::Listen
        | TcpState::SynSent
        | TcpState::SynReceived
        | TcpState::Established
        | TcpState::LastAck
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::Closing
        | TcpState::TimeWait => {
            let open = book.table.get(sock).is_some_and(|w| w.finding.is_some());
            if open {
                book.table.advance(sock, first_look);
            } else {
                book.forget(sock);
            }
        }
    }
}

/// It was ended from this side, so somebody has noticed.
const fn is_by_application(change: &StateChange) -> bool {
    change.closed || (matches!(change.to, TcpState::Closed) && change.error == 0)
}

/// How a finding about the connection ends by this change.
fn ending(known: TcpState, from: TcpState, cause: Cause) -> Resolution {
    if known == TcpState::CloseWait && from == TcpState::LastAck {
        // Our FIN went out first; the record of that did not come.
        Resolution::ClosedByApp
    } else {
        resolution(cause)
    }
}

/// A process has it now: it no longer waits in an accept queue.
fn opened(book: &mut Book<'_>, sock: u64, time: Timestamp, open: &Open) {
    let first_look = book.rules.first_look_at(time);
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    watched.connection.offer_owner(&open.owner);
    if watched.progress.accept(time) {
        book.table.advance(sock, first_look);
        resolve_only(
            book,
            sock,
            time,
            Verdict::NeverAccepted,
            Resolution::Accepted,
        );
    }
}

/// Its memory is freed.
fn ended(book: &mut Book<'_>, sock: u64, time: Timestamp) {
    let state = book.table.get(sock).map(|w| w.connection.state);
    // Its last descriptor is closed.
    let why = match state {
        Some(TcpState::Closed) => Resolution::ClosedByApp,
        _ => Resolution::Resync,
    };
    departure::ended(book, sock, time, why);
}
