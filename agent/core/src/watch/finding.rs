//! The life of a finding about a connection: opened by proof, updated when the proof changes, resolved once.

use std::sync::Arc;

use super::book::Book;
use super::evidence::{Charge, confidence, named};
use super::watched::Watched;
use crate::model::cause;
use crate::model::event::Output;
use crate::model::finding::{Action, Finding, Resolution, Severity, Verdict, Weight};
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;
use crate::settings::exception::Subject;
use crate::verdict::wording;

/// Earlier verdicts that a finding shows; older ones are only counted.
const HISTORY: usize = 8;

/// A verdict holds: opens the finding, or updates it if what it says has changed.
pub(super) fn accuse(book: &mut Book<'_>, sock: u64, charge: Charge) {
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    let (time, state) = (charge.time, charge.state);
    let open = watched.finding.clone();
    let set = {
        let port = watched.connection.endpoints.local.port();
        let subject = Subject::new(watched.connection.owner.as_ref(), port, &charge.holders);
        book.rules.settings.verdict_about(charge.verdict, subject)
    };
    if set.is_off() {
        // Of what is off nothing more is told, but what was told before it was.
        if watched.doubtful {
            resolve(book, sock, time, state, Resolution::Reconfigured);
        }
        return;
    }
    watched.doubtful = false;
    let weight = charge.grade.weight(set.level);
    let owner = named(&watched.connection, &charge);
    let facts = wording::Facts {
        verdict: charge.verdict,
        role: watched.connection.role,
        comm: owner.as_ref().map_or("", |owner| &owner.process.comm),
        evidence: &charge.evidence,
    };
    let hint = wording::hint_around(facts, charge.around);
    let mut finding = new(charge, weight, hint);
    finding.evidence.threshold = set.after;
    let opener = watched.connection.owner.as_ref();
    finding.summary = wording::summary(
        &finding,
        owner.as_ref(),
        opener,
        watched.connection.endpoints,
    );
    watched.named = owner;
    let news = match open {
        None => {
            finding.id = book.numbers.open();
            watched.began = time;
            book.out.put(Output::Mark(sock));
            true
        }
        Some(open) => {
            let silent = watched.resumed.take().is_some();
            go_on(&mut finding, &open, watched, time, silent)
        }
    };
    let finding = Arc::new(finding);
    watched.finding = Some(Arc::clone(&finding));
    if news {
        book.tell(sock, time, state, finding);
    }
}

/// A finding without its name and its summary.
fn new(charge: Charge, weight: Weight, hint: String) -> Finding {
    let fin = charge.fin;
    Finding {
        id: 0,
        action: Action::Opened,
        verdict: charge.verdict,
        severity: weight.beside(Severity::Info),
        weight,
        incident: None,
        confidence: confidence(&charge.evidence),
        opened: charge.time,
        half_closed_since: fin.and_then(|fin| fin.accepted_at()),
        half_closed: fin.map(|fin| charge.time.since(fin.since)),
        summary: String::new(),
        hint,
        evidence: charge.evidence,
        holders: charge.holders,
        history: Vec::new(),
        verdict_changes: 0,
        resolution: None,
        ended_after: None,
    }
}

/// `finding` is what `open` has become; whether that is worth telling. It is if nobody has heard of it yet (`silent`).
fn go_on(
    finding: &mut Finding,
    open: &Finding,
    watched: &mut Watched,
    time: Timestamp,
    silent: bool,
) -> bool {
    finding.id = open.id;
    finding.opened = open.opened;
    finding.history.clone_from(&open.history);
    finding.verdict_changes = open.verdict_changes;
    if open.verdict != finding.verdict {
        let began = std::mem::replace(&mut watched.began, time);
        finding.verdict_changes = finding.verdict_changes.saturating_add(1);
        finding.history.push((open.verdict, began));
        if finding.history.len() > HISTORY {
            finding.history.remove(0);
        }
    }
    let news = silent || !same(open, finding);
    finding.action = if news { Action::Updated } else { open.action };
    news
}

/// Whether two findings say the same but for numbers that always move.
fn same(open: &Finding, new: &Finding) -> bool {
    open.verdict == new.verdict
        && open.weight == new.weight
        && open.confidence == new.confidence
        && open.holders == new.holders
        && open.evidence.missing == new.evidence.missing
        && open.evidence.peer == new.evidence.peer
        && open.evidence.error_delivered == new.evidence.error_delivered
        && open.evidence.halted == new.evidence.halted
        && open.evidence.caused_by == new.evidence.caused_by
        // Why nobody accepts is known later than that nobody does.
        && (open.verdict != Verdict::NeverAccepted || open.hint == new.hint)
}

/// Ends the open finding, if there is one.
pub(super) fn resolve(
    book: &mut Book<'_>,
    sock: u64,
    time: Timestamp,
    state: TcpState,
    why: Resolution,
) {
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    let since = watched.connection.fin.map(|fin| fin.since);
    let Some(finding) = watched.finding.take() else {
        return;
    };
    watched.doubtful = false;
    book.numbers.open -= 1;
    let mut finding = Arc::unwrap_or_clone(finding);
    finding.action = Action::Resolved;
    finding.resolution = Some(why);
    finding.ended_after = watched.resumed.take();
    finding.half_closed = since.map(|since| time.since(since)).or(finding.half_closed);
    book.tell(sock, time, state, Arc::new(finding));
    book.out.put(Output::Unmark(sock));
}

/// The connection leaves its state. A finding ends with it, unless what it says is as true as before.
pub(super) fn turn(
    book: &mut Book<'_>,
    sock: u64,
    time: Timestamp,
    state: TcpState,
    why: Resolution,
) {
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    let open = watched.finding.as_ref().map(|finding| finding.verdict);
    if !open.is_some_and(|verdict| outlasts(verdict, state)) {
        resolve(book, sock, time, state, why);
    }
    if let Some(watched) = book.table.get_mut(sock) {
        let connection = &mut watched.connection;
        let over = connection.state == TcpState::CloseWait && state == TcpState::Closed;
        connection.fin = connection.fin.filter(|_| over);
        (connection.state, connection.since) = (state, time);
        watched.progress.turn();
    }
}

/// Whether a connection that nobody cares for is still the same fault in this state, its descriptor being open.
const fn outlasts(verdict: Verdict, state: TcpState) -> bool {
    let unread = matches!(
        state,
        TcpState::CloseWait | TcpState::FinWait1 | TcpState::FinWait2
    );
    let over = matches!(state, TcpState::Closed);
    (over && !matches!(verdict, Verdict::PeerNotClosing))
        || (unread && matches!(verdict, Verdict::NeverReads))
}

/// The connection is over, and nobody can notice any more: a finding ends whatever it says.
pub(super) fn conclude(
    book: &mut Book<'_>,
    sock: u64,
    time: Timestamp,
    state: TcpState,
    why: Resolution,
) {
    resolve(book, sock, time, state, why);
    turn(book, sock, time, state, why);
}

/// How a finding ends when its connection changes its state for this reason.
pub(super) const fn resolution(cause: Cause) -> Resolution {
    cause::resolution(cause)
}

/// Ends an open finding of this verdict.
pub(super) fn resolve_only(
    book: &mut Book<'_>,
    sock: u64,
    time: Timestamp,
    verdict: Verdict,
    why: Resolution,
) {
    let Some(watched) = book.table.get(sock) else {
        return;
    };
    let state = watched.connection.state;
    if watched
        .finding
        .as_ref()
        .is_some_and(|open| open.verdict == verdict)
    {
        resolve(book, sock, time, state, why);
    }
}
