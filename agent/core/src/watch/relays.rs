//! Relays: which connection of a process carries on what another one of it has received.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::watched::{Table, Watched};
use crate::connection::sleep::Sleeps;
use crate::connection::times::{EXACTNESS, Times};
use crate::model::look::{Snapshot, SocketView};
use crate::model::socket::{ProcessId, Role};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::verdict::mate::Mate;

/// The end is passed on within this time of its being told.
const PASSED_ON: Duration = Duration::from_secs(1);
/// A proxy's or a TLS layer's own bytes: what goes in and what comes out differ by so much at most.
const OWN_BYTES: u64 = 1 << 20;
/// In a process with so few connections it is plain which belong together.
const FEW: u32 = 8;
/// Whoever accepts a connection opens its other half at once.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Of two that were both accepted, or both opened, only the bytes tell that they belong together: they differ by such a
/// part at most.
const PART: u64 = 16;
/// So many of each are compared in one process; a relay with more that have ended at once is beyond telling.
const COMPARED: usize = 512;

/// The halves that one look shows.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// By the half that has ended.
    mates: FxHashMap<u64, (u64, Mate)>,
    /// By the half that carries on: the one that has ended.
    ended: FxHashMap<u64, u64>,
    /// Processes of ended ones that wait for an answer on a connection they have opened.
    asking: FxHashSet<ProcessId>,
}

/// A connection of a process, and how far it has got.
#[derive(Clone, Copy, Debug)]
struct Half<'a> {
    view: &'a SocketView,
    watched: Option<&'a Watched>,
    times: Option<Times>,
}

/// What one process has.
#[derive(Debug, Default)]
struct Process<'a> {
    connections: u32,
    asks: bool,
    ended: Vec<Half<'a>>,
    carrying: Vec<Half<'a>>,
}

/// Two that may belong together; the best comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Match {
    misfit: bool,
    apart: bool,
    difference: u64,
    ended: u64,
    carrying: u64,
}

impl Relays {
    /// Finds them; `before` is when the look before this one began.
    pub(super) fn find(
        snapshot: &Snapshot,
        views: &[&SocketView],
        table: &Table,
        sleeps: &Sleeps,
        before: Timestamp,
    ) -> Self {
        let ended = views.iter().filter(|view| has_ended(view));
        let processes: FxHashSet<ProcessId> = ended.filter_map(|view| holder(view)).collect();
        let mut relays = Self::default();
        if processes.is_empty() {
            return relays;
        }
        let mut all: BTreeMap<ProcessId, Process<'_>> = BTreeMap::new();
        for view in &snapshot.sockets {
            if let Some(process) = holder(view).filter(|process| processes.contains(process)) {
                let times = Times::of(view, snapshot, sleeps);
                let watched = table.get(view.sock);
                all.entry(process).or_default().add(Half {
                    view,
                    watched,
                    times,
                });
            }
        }
        for (id, process) in &all {
            if !process.carrying.is_empty() {
                relays.pair(process, before);
            }
            relays.asking.extend(process.asks.then_some(*id));
        }
        relays
    }

    /// One carries on one, the best match first.
    fn pair(&mut self, process: &Process<'_>, before: Timestamp) {
        let mut matches: Vec<(Match, Timestamp)> = Vec::new();
        for x in &process.ended {
            let candidates = process
                .carrying
                .iter()
                .filter(|y| y.view.sock != x.view.sock);
            let candidates = candidates.filter(|y| carries_on(x, y, before));
            matches.extend(candidates.map(|y| (compare(x, y, process), moved(x, y))));
        }
        matches.sort_unstable();
        for (found, moved_at) in matches {
            if self.mates.contains_key(&found.ended) || self.ended.contains_key(&found.carrying) {
                continue;
            }
            let mate = Mate {
                fits: !found.misfit,
                moved_at,
            };
            self.mates.insert(found.ended, (found.carrying, mate));
            self.ended.insert(found.carrying, found.ended);
        }
    }

    /// The connection that carries on what this one has received.
    pub(super) fn mate(&self, sock: u64) -> Option<(u64, Mate)> {
        self.mates.get(&sock).copied()
    }

    /// That connection, if it is plain that they belong together.
    pub(super) fn fitting_mate(&self, sock: u64) -> Option<u64> {
        let (carrying, mate) = self.mates.get(&sock)?;
        mate.fits.then_some(*carrying)
    }

    /// The connection that this one carries on, which has ended.
    pub(super) fn ended(&self, sock: u64) -> Option<u64> {
        let ended = self.ended.get(&sock).copied();
        ended.filter(|ended| self.fitting_mate(*ended).is_some())
    }

    /// Whether the process that holds it waits for an answer on another connection.
    pub(super) fn asks(&self, view: &SocketView) -> bool {
        let mut holders = view.holders.iter();
        holders.any(|holder| self.asking.contains(&holder.process.id))
    }
}

impl<'a> Process<'a> {
    fn add(&mut self, half: Half<'a>) {
        self.connections += u32::from(half.view.state != TcpState::Listen);
        self.asks |= half.asks();
        let (ended, carrying) = (has_ended(half.view), is_carrying(half.view));
        if ended && self.ended.len() < COMPARED {
            self.ended.push(half);
        }
        if carrying && self.carrying.len() < COMPARED {
            self.carrying.push(half);
        }
    }
}

impl Half<'_> {
    /// Its last word was a question.
    fn asks(&self) -> bool {
        let open = self.view.role == Role::Client && self.view.state == TcpState::Established;
        let sent = self.view.counters.is_some_and(|c| c.bytes_sent > 0);
        open && sent && self.times.is_some_and(|times| times.sent > times.received)
    }

    /// Bytes that were read of what has ended.
    fn read(&self) -> u64 {
        self.view.counters.map_or(0, |c| c.read_total())
    }

    /// Bytes that were written to what carries on.
    fn written(&self) -> u64 {
        let counters = self.view.counters;
        counters.map_or(0, |c| c.bytes_acked.saturating_add(c.unacked.into()))
    }
}

fn holder(view: &SocketView) -> Option<ProcessId> {
    view.holders.iter().map(|holder| holder.process.id).min()
}

fn has_ended(view: &SocketView) -> bool {
    view.state == TcpState::CloseWait && view.queued.is_none()
}

/// The end was passed on, or data are under way to somebody whose kernel answers.
fn is_carrying(view: &SocketView) -> bool {
    view.state == TcpState::FinWait2 || is_delivering(view)
}

fn is_delivering(view: &SocketView) -> bool {
    let open = matches!(
        view.state,
        TcpState::Established | TcpState::CloseWait | TcpState::FinWait1
    );
    let counters = view.counters.filter(|_| open);
    counters.is_some_and(|c| c.unacked > 0 && !c.is_unanswered())
}

/// Whether the end of `x` went out on `y`, or its data are going out there still.
fn carries_on(x: &Half<'_>, y: &Half<'_>, before: Timestamp) -> bool {
    if are_alike(x, y) && !may_belong(x, y) {
        return false;
    }
    if is_delivering(y.view) {
        return true;
    }
    let connection = x.watched.map(|watched| &watched.connection);
    let Some(fin) = connection.and_then(|connection| connection.fin) else {
        return false;
    };
    let told = connection.and_then(|connection| connection.delivery.at);
    let latest = told.unwrap_or(fin.since).max(fin.since) + PASSED_ON;
    // Its own FIN went out between these two.
    let sent = y.watched.map(|y| (y.entered_after, y.connection.since));
    let (from, until) = sent.unwrap_or((before, Timestamp::from_nanos(u64::MAX)));
    // It was acknowledged, and nothing can have come before what was heard last.
    let acknowledged = y.times.map_or(until, |times| times.heard + EXACTNESS);
    from <= latest && fin.since <= until.min(acknowledged)
}

/// Most relays have accepted one and opened the other.
fn are_alike(x: &Half<'_>, y: &Half<'_>) -> bool {
    x.view.role == y.view.role && x.view.role != Role::Unknown
}

/// Some have accepted both, for the far half comes to them as well (a reverse tunnel), or opened both.
fn may_belong(x: &Half<'_>, y: &Half<'_>) -> bool {
    let (read, written) = (x.read(), y.written());
    let passed_on = x.view.role == Role::Server && !is_delivering(y.view);
    passed_on || (read > 0 && read.abs_diff(written) <= read / PART)
}

fn compare(x: &Half<'_>, y: &Half<'_>, process: &Process<'_>) -> Match {
    let difference = x.read().abs_diff(y.written());
    let together = opened_together(x.view, y.view) && !are_alike(x, y);
    let fits = difference <= OWN_BYTES || process.connections <= FEW || together;
    // Among many, data on the way to somebody prove nothing unless it was so before.
    let known = x.watched.and_then(|x| x.mate);
    let other = known.is_some_and(|known| known != y.view.sock);
    Match {
        misfit: !fits || other,
        apart: !together,
        difference,
        ended: x.view.sock,
        carrying: y.view.sock,
    }
}

/// By the same thread, one right after the other.
fn opened_together(x: &SocketView, y: &SocketView) -> bool {
    let (Some(one), Some(other)) = (&x.opener, &y.opener) else {
        return false;
    };
    let apart = one
        .since
        .since(other.since)
        .max(other.since.since(one.since));
    let same = one.process.id == other.process.id && one.thread == other.thread;
    one.thread.is_some() && same && apart <= AT_ONCE
}

/// When anything last happened on either.
fn moved(x: &Half<'_>, y: &Half<'_>) -> Timestamp {
    let ended = x.watched.map(|watched| watched.connection.since);
    let read = x.watched.and_then(|watched| watched.progress.reads.latest);
    let stamps = y.times.map(|times| times.sent.max(times.heard));
    let still = y.watched.and_then(|watched| watched.progress.still_since);
    ended.max(read).max(stamps.or(still)).unwrap_or_default()
}
