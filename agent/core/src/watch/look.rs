//! One look at one connection: is it what it was, what has it done, what is wrong with it?

use std::time::Duration;

use super::book::Book;
use super::chain::caused_by;
use super::departure::absent;
use super::descriptors::Counted;
use super::evidence::{Charge, evidence, holders};
use super::facing::{facing, relays_for, see_other_end};
use super::finding::{self, resolve, resolve_only, turn};
use super::listeners::Acceptors;
use super::names::Names;
use super::pairs::Pairs;
use super::peer::Peers;
use super::relays::Relays;
use super::watched::Watched;
use crate::connection::clock::WatchedTime;
use crate::connection::sleep::Sleeps;
use crate::connection::times::Times;
use crate::connection::{Connection, Fin, entered};
use crate::model::finding::{Resolution, Verdict};
use crate::model::look::{Snapshot, SocketView};
use crate::model::peer::Peer;
use crate::model::socket::{ProcessId, SocketKey};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::settings::rules::Rules;
use crate::verdict::case::{Case, Grade, Proof, missing};
use crate::verdict::pool::Pools;
use crate::verdict::wording::{Around, Listening};
use crate::verdict::{self, Judgement};

/// The pause between two looks that tell nothing grows to `inspection_interval << LONGEST_BACKOFF`.
const LONGEST_BACKOFF: u8 = 5;

/// What a look at one connection is made with.
pub(super) struct Look<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) clock: &'a WatchedTime,
    pub(super) pools: &'a Pools,
    pub(super) peers: &'a Peers<'a>,
    pub(super) pairs: &'a Pairs,
    pub(super) relays: &'a Relays,
    pub(super) acceptors: &'a Acceptors,
    pub(super) counted: &'a Counted,
    pub(super) sleeps: &'a Sleeps,
    /// When the look before this one began.
    pub(super) before: Timestamp,
    pub(super) names: &'a dyn Names,
    pub(super) now: Timestamp,
}

/// Whether it is worth watching.
pub(super) fn is_candidate(view: &SocketView) -> bool {
    view.state == TcpState::CloseWait || verdict::is_suspicious(view)
}

/// Takes one socket of a look.
pub(super) fn at(book: &mut Book<'_>, view: &SocketView, look: &Look<'_>) {
    let (sock, taken) = (view.sock, look.snapshot.taken);
    match book.table.get(sock) {
        None if !is_candidate(view) => return,
        // Another connection has its socket.
        Some(watched) if !watched.connection.is_shown_by(view) => absent(book, sock, taken),
        _ => {}
    }
    match book.table.get(sock) {
        None if !is_candidate(view) || book.table.has_ended_since(sock, taken) => return,
        None => book.table.insert(meet(view, look, book.rules)),
        // Something was done meanwhile.
        Some(watched) if watched.recorded >= taken => {
            let soon = look.now + book.rules.slack();
            return book.table.arm(sock, soon);
        }
        Some(_) => {}
    }
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    watched.state_as_of = taken;
    if let Some(known) = look.names.known(view.sock, view.endpoints) {
        watched.connection.learn(known.role, known.owner.as_ref());
    }
    watched.connection.absorb(view, taken);
    see_other_end(watched, view, look.peers, look.pairs, look.names);
    agree(book, view, look);
    judge(book, view, look);
}

/// Begins to watch a connection.
fn meet(view: &SocketView, look: &Look<'_>, rules: &Rules) -> Watched {
    let taken = look.snapshot.taken;
    let known = look.names.known(view.sock, view.endpoints);
    let known = known.map(|known| known.key);
    let born = view.opener.as_ref().map(|opener| opener.since);
    let fin_at = view.half().map(|half| half.fin_at);
    let key = known.unwrap_or_else(|| SocketKey {
        sock: view.sock,
        birth: born.or(fin_at).unwrap_or(taken),
    });
    let mut watched = Watched::new(Connection::found(key, view, taken));
    watched.entered_after = look.before;
    if rules.settings.single_look
        && let Some(times) = Times::of(view, look.snapshot, look.sleeps)
    {
        watched.progress.suppose(view, times);
    }
    watched
}

/// The kernel's state counts: a record of the change did not come.
fn agree(book: &mut Book<'_>, view: &SocketView, look: &Look<'_>) {
    let (sock, taken) = (view.sock, look.snapshot.taken);
    let Some(watched) = book.table.get(sock) else {
        return;
    };
    let before = watched.connection.state;
    if before != view.state {
        let why = change(before, view);
        let lost = watched.lost.map(|lost| lost.time);
        let since = lost.unwrap_or_else(|| entered(view, taken));
        turn(book, sock, since, view.state, why);
        if let Some(watched) = book.table.get_mut(sock) {
            watched.entered_after = look.before;
        }
    }
    if let Some(watched) = book.table.get_mut(sock)
        && view.state == TcpState::CloseWait
        && watched.connection.fin.is_none()
    {
        watched.connection.fin = Some(Fin::found(view, taken));
    }
}

/// `EPIPE`, `ECONNRESET`: how a reset shows.
const RESET: [u32; 2] = [32, 104];
/// `ECONNABORTED`: `SOCK_DESTROY`.
const DESTROYED: u32 = 103;
/// `ENETUNREACH`, `ETIMEDOUT`, `EHOSTUNREACH`.
const GIVEN_UP: [u32; 3] = [101, 110, 113];

/// What the change of state that a look found means for an open finding.
fn change(before: TcpState, view: &SocketView) -> Resolution {
    let error = view.counters.map_or(0, |counters| counters.error);
    match view.state {
        TcpState::CloseWait => Resolution::PeerClosed,
        TcpState::LastAck | TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing => {
            if before == TcpState::FinWait1 {
                Resolution::Resumed
            } else {
                Resolution::ClosedByApp
            }
        }
        TcpState::Closed if RESET.contains(&error) => Resolution::Reset,
        TcpState::Closed if GIVEN_UP.contains(&error) => Resolution::TimedOut,
        TcpState::Closed if error == DESTROYED => Resolution::Destroyed,
        TcpState::Closed
        | TcpState::Listen
        | TcpState::SynSent
        | TcpState::SynReceived
        | TcpState::Established
        | TcpState::TimeWait => Resolution::Resync,
    }
}

fn judge(book: &mut Book<'_>, view: &SocketView, look: &Look<'_>) {
    let (sock, taken) = (view.sock, look.snapshot.taken);
    let times = Times::of(view, look.snapshot, look.sleeps);
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    see_opener(watched, view, taken);
    let fin = watched.connection.fin;
    let seen = watched.progress.look(fin, view, times.as_ref(), taken);
    if seen.accepted {
        let accepted = Resolution::Accepted;
        resolve_only(book, sock, taken, Verdict::NeverAccepted, accepted);
    }
    if seen.sending || seen.reading {
        resolve(book, sock, taken, view.state, Resolution::Resumed);
    }
    if !is_candidate(view) {
        return calm(book, sock, taken, view.state);
    }
    let Some(watched) = book.table.get(sock) else {
        return;
    };
    let mate = look.relays.mate(sock);
    let mut case = Case {
        settings: &book.rules.settings,
        clock: look.clock,
        taken,
        connection: &watched.connection,
        progress: &watched.progress,
        view,
        times,
        peer: Peer::Unknown,
        pool: look.pools.of(view),
        mate: mate.map(|(_, mate)| mate),
        relays_for: relays_for(sock, look.relays, book.table),
    };
    case.peer = verdict::peer::judge(&case, facing(watched, look.relays, book.table));
    let (peer, judgement) = (case.peer, verdict::judge(&case));
    if let Some(watched) = book.table.get_mut(sock) {
        (watched.left, watched.mate) = (peer, mate.map(|(sock, _)| sock));
    }
    act_on(book, view, look, judgement);
}

/// Since when its opener has left it to others.
fn see_opener(watched: &mut Watched, view: &SocketView, taken: Timestamp) {
    let held_by = view.holders.iter().map(|holder| holder.process.id);
    let left = verdict::inherited::has_left(watched.connection.owner.as_ref(), held_by);
    let progress = &mut watched.progress;
    progress.left_at = left.then(|| progress.left_at.unwrap_or(taken));
}

fn act_on(book: &mut Book<'_>, view: &SocketView, look: &Look<'_>, judgement: Judgement) {
    let (sock, taken) = (view.sock, look.snapshot.taken);
    let regular = look.now + book.rules.settings.inspection_interval;
    if matches!(judgement, Judgement::Wait(_)) {
        reconsider(book, sock, taken, view.state);
    }
    if !matches!(judgement, Judgement::Wrong(..)) {
        settle_down(book, sock, taken, view.state);
    }
    match judgement {
        Judgement::Silence if !is_over(view.state) => calm(book, sock, taken, view.state),
        Judgement::Silence => look_again_later(book, sock, look.now),
        Judgement::Wait(until) => {
            let open = book.table.get(sock).is_some_and(|w| w.finding.is_some());
            let next = if open { until.min(regular) } else { until };
            book.look_at(sock, next.max(look.now));
        }
        Judgement::Excused(until) => {
            resolve(book, sock, taken, view.state, Resolution::Resumed);
            book.look_at(sock, until.min(regular).max(look.now));
        }
        Judgement::Wrong(verdict, proof, other) => {
            flag(book, view, look, verdict, proof);
            let next = other.map_or(regular, |other| other.min(regular));
            book.look_at(sock, next.max(look.now));
        }
    }
}

/// Its peer has ended it: what was wrong with it once is wrong until somebody closes it.
const fn is_over(state: TcpState) -> bool {
    matches!(state, TcpState::CloseWait | TcpState::Closed)
}

/// No verdict holds just now: one that was told under other settings ends.
fn reconsider(book: &mut Book<'_>, sock: u64, taken: Timestamp, state: TcpState) {
    let doubtful = book.table.get(sock).is_some_and(|w| w.doubtful);
    if doubtful {
        resolve(book, sock, taken, state, Resolution::Reconfigured);
    }
}

/// No verdict holds just now: some end by that, others go on until the next one holds.
fn settle_down(book: &mut Book<'_>, sock: u64, taken: Timestamp, state: TcpState) {
    // It has stopped reading the end-of-stream over and over.
    resolve_only(book, sock, taken, Verdict::EofSpin, Resolution::Resumed);
    // Its peer has answered.
    resolve_only(book, sock, taken, Verdict::DeadPeer, Resolution::Resumed);
    if !is_over(state) {
        resolve(book, sock, taken, state, Resolution::Resumed);
    }
}

/// Nothing is wrong with it (any more).
fn calm(book: &mut Book<'_>, sock: u64, taken: Timestamp, state: TcpState) {
    resolve(book, sock, taken, state, Resolution::Resumed);
    book.forget(sock);
}

fn flag(book: &mut Book<'_>, view: &SocketView, look: &Look<'_>, verdict: Verdict, proof: Proof) {
    let Some(watched) = book.table.get(view.sock) else {
        return;
    };
    let mut lacking = proof.missing;
    if book.rules.settings.single_look {
        lacking.push(missing::HISTORY);
    }
    let mut evidence = evidence(watched, view, look.snapshot, lacking);
    let pooled = look.pools.of(view).map(|pool| pool.size);
    evidence.pooled = pooled.filter(|_| verdict == Verdict::StalePooled);
    evidence.caused_by = caused_by(book.table, look.relays, watched, verdict);
    let ended = look.relays.ended(view.sock);
    let ended = ended.and_then(|ended| book.table.get(ended));
    evidence.relays_for = ended.map(|ended| ended.connection.endpoints);
    evidence.suspended = suspended(watched.connection.fin, look);
    // Whoever only passes on what another one keeps is never more at fault than that.
    let follows = evidence.caused_by.map(|_| Grade::Harmless);
    let queued = view.queued.as_ref();
    let acceptor =
        queued.and_then(|queued| look.acceptors.named(queued.listener, &queued.listeners));
    let charge = Charge {
        verdict,
        grade: follows.unwrap_or(proof.grade),
        time: look.snapshot.taken,
        state: view.state,
        fin: watched.connection.fin,
        holders: holders(view),
        acceptor: acceptor.cloned(),
        evidence,
        around: around(view, look, acceptor.map(|process| process.id)),
    };
    finding::accuse(book, view.sock, charge);
    if let Some(watched) = book.table.get_mut(view.sock) {
        watched.lost = None;
    }
}

/// What the agent did not live through since the FIN.
fn suspended(fin: Option<Fin>, look: &Look<'_>) -> Option<Duration> {
    let lost = look.clock.lost_since(fin?.since);
    (!lost.is_zero()).then_some(lost)
}

/// Nothing was learnt: the next look comes later each time.
fn look_again_later(book: &mut Book<'_>, sock: u64, now: Timestamp) {
    let interval: Duration = book.rules.settings.inspection_interval;
    let Some(watched) = book.table.get_mut(sock) else {
        return;
    };
    let pause = interval.saturating_mul(1 << watched.in_vain.min(LONGEST_BACKOFF));
    watched.in_vain = watched.in_vain.saturating_add(1);
    book.table.arm(sock, now + pause);
}

/// What is known beside a connection whose finding names this process: it fits the hint to the case.
fn around(view: &SocketView, look: &Look<'_>, named: Option<ProcessId>) -> Around {
    let queued = view.queued.as_ref();
    Around {
        listening: queued.map_or(Listening::default(), |queued| {
            look.acceptors.listening(queued.listener, &queued.listeners)
        }),
        used_up: named
            .filter(|_| queued.is_some())
            .and_then(|process| look.counted.used_up(process)),
        asks: look.relays.asks(view),
    }
}
