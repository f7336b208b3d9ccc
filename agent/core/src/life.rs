//! The life of a finding: opened by proof, updated when the proof changes, resolved once.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::model::event::Body;
use super::model::finding::{Action, Confidence, Evidence, Finding, Resolution, Severity, Verdict};
use super::model::observation::{Snapshot, SocketView};
use super::model::socket::{Attribution, Holder, Owner};
use super::model::state::{Cause, TcpState};
use super::model::time::Timestamp;
use super::settings::exception::Subject;
use super::table::{HalfClosed, Slot, Tracked};
use super::tracker::Tracker;
use super::transition;
use super::verdict::{Grade, Proof, wording};
use super::watch::Watch;

/// What a verdict says of a connection.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) verdict: Verdict,
    pub(super) grade: Grade,
    /// When the proof was complete.
    pub(super) time: Timestamp,
    /// State of the connection then.
    pub(super) state: TcpState,
    pub(super) half: Option<HalfClosed>,
    pub(super) holders: Vec<Holder>,
    pub(super) evidence: Evidence,
}

impl Tracker {
    /// A look proves a verdict.
    pub(super) fn flag(
        &mut self,
        slot: Slot,
        view: &SocketView,
        snapshot: &Snapshot,
        verdict: Verdict,
        proof: Proof,
    ) {
        let pooled = self.pools.of(view).map(|pool| pool.size);
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        let mut evidence = evidence(tracked, view, snapshot, proof.missing);
        evidence.pooled = pooled.filter(|_| verdict == Verdict::StalePooled);
        let charge = Charge {
            verdict,
            grade: proof.grade,
            time: snapshot.taken,
            state: view.state,
            half: tracked.half,
            holders: holders(view),
            evidence,
        };
        self.accuse(slot, charge);
    }

    /// A verdict holds: opens the finding, or updates it if what it says has changed.
    pub(super) fn accuse(&mut self, slot: Slot, charge: Charge) {
        let Charge {
            verdict,
            grade,
            time,
            state,
            half,
            holders,
            mut evidence,
        } = charge;
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let subject = Subject::new(tracked, &holders);
        let set = self.settings.verdict_about(verdict, subject);
        let watch = tracked.watch_mut();
        let open = watch.finding.clone();
        let history = if let Some(open) = &open {
            history(open, verdict, &mut watch.began, time)
        } else {
            watch.began = time;
            Vec::new()
        };
        let owner = named(tracked, &holders, verdict, time);
        evidence.threshold = set.after;
        let mut finding = Finding {
            id: open.as_ref().map_or(self.last_finding + 1, |open| open.id),
            action: open.as_ref().map_or(Action::Opened, |_| Action::Updated),
            verdict,
            severity: graded(set.severity, grade),
            confidence: confidence(&evidence),
            opened: open.as_ref().map_or(time, |open| open.opened),
            half_closed_since: half.and_then(|half| half.fin_at()),
            half_closed: half.map(|half| time.since(half.since)),
            summary: String::new(),
            hint: wording::hint(verdict, owner.as_ref().map_or("", |o| &o.process.comm)),
            evidence,
            holders,
            history,
            resolution: None,
        };
        let opener = tracked.owner.as_ref();
        finding.summary = wording::summary(&finding, owner.as_ref(), opener, tracked.endpoints);
        let silent = open.as_ref().filter(|open| same(open, &finding));
        finding.action = silent.map_or(finding.action, |open| open.action);
        let finding = Arc::new(finding);
        let watch = tracked.watch_mut();
        watch.finding = Some(Arc::clone(&finding));
        watch.named = owner;
        if open.is_none() {
            self.last_finding += 1;
            self.stats.findings += 1;
        }
        if silent.is_none() {
            self.tell_finding(slot, time, state, finding);
        }
    }

    /// Ends the open finding, if there is one.
    pub(super) fn resolve(
        &mut self,
        slot: Slot,
        time: Timestamp,
        state: TcpState,
        why: Resolution,
    ) {
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let since = tracked.half.map(|half| half.since);
        let Some(finding) = tracked.watch.as_mut().and_then(|w| w.finding.take()) else {
            return;
        };
        self.stats.findings -= 1;
        let mut finding = Arc::unwrap_or_clone(finding);
        finding.action = Action::Resolved;
        finding.resolution = Some(why);
        finding.half_closed = since.map(|since| time.since(since)).or(finding.half_closed);
        self.tell_finding(slot, time, state, Arc::new(finding));
    }

    /// The connection leaves its state: nothing is watched any more.
    pub(super) fn conclude(&mut self, slot: Slot, time: Timestamp, state: TcpState, cause: Cause) {
        if state == TcpState::Closed {
            self.may_be_refused(slot, time, cause);
        }
        self.resolve(slot, time, state, transition::resolution(cause));
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let half = tracked.half.take();
        if tracked.watch.is_none() && half.is_none() {
            return;
        }
        if tracked.watch.as_ref().is_some_and(|w| w.refused.is_some()) {
            return;
        }
        // The record of a write that was under way comes after that of the reset.
        let refused = state == TcpState::Closed && cause == Cause::RstReceived;
        let unknown = tracked.write_at().is_none();
        tracked.watch = half.filter(|_| refused && unknown).map(Watch::reset);
        self.deadlines.disarm(slot, tracked);
    }

    /// A process has it now: it no longer waits in an accept queue.
    pub(super) fn accepted(&mut self, slot: Slot, time: Timestamp, now: Timestamp) {
        let first_look = self.settings.first_look_at(now.max(time));
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let Some(half) = tracked.half.as_mut().filter(|half| half.unattached) else {
            return;
        };
        half.unattached = false;
        tracked.watch_mut().accepted_at = Some(time);
        self.deadlines.advance(slot, tracked, first_look);
        self.resolve_never_accepted(slot, time);
    }

    /// An open `never_accepted` is over; what comes next is judged anew.
    pub(super) fn resolve_never_accepted(&mut self, slot: Slot, time: Timestamp) {
        if self.open_verdict(slot) == Some(Verdict::NeverAccepted) {
            self.resolve(slot, time, TcpState::CloseWait, Resolution::Accepted);
        }
    }

    /// It has stopped reading the end-of-stream over and over.
    pub(super) fn resolve_spin(&mut self, slot: Slot, time: Timestamp) {
        if self.open_verdict(slot) == Some(Verdict::EofSpin) {
            self.resolve(slot, time, TcpState::CloseWait, Resolution::Resumed);
        }
    }

    fn open_verdict(&self, slot: Slot) -> Option<Verdict> {
        let watch = self.table.get(slot)?.watch.as_ref()?;
        Some(watch.finding.as_ref()?.verdict)
    }

    fn tell_finding(
        &mut self,
        slot: Slot,
        time: Timestamp,
        state: TcpState,
        finding: Arc<Finding>,
    ) {
        let peer = self.table.other_end(slot);
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        let peer_state = peer.as_ref().map(|peer| peer.state);
        let mut connection = tracked.shown(state, peer);
        connection.peer_state = peer_state;
        connection.owner = tracked.watch.as_ref().and_then(|watch| watch.named.clone());
        self.tell_about(
            slot,
            time,
            Body::Finding {
                connection,
                finding,
            },
        );
    }
}

/// Whether two findings say the same but for numbers that always move.
fn same(open: &Finding, new: &Finding) -> bool {
    open.verdict == new.verdict
        && open.severity == new.severity
        && open.confidence == new.confidence
        && open.holders == new.holders
        && open.evidence.missing == new.evidence.missing
}

fn history(
    open: &Finding,
    verdict: Verdict,
    began: &mut Timestamp,
    taken: Timestamp,
) -> Vec<(Verdict, Timestamp)> {
    let mut history = open.history.clone();
    if open.verdict != verdict {
        history.push((open.verdict, std::mem::replace(began, taken)));
    }
    history
}

fn confidence(evidence: &Evidence) -> Confidence {
    if evidence.missing.is_empty() {
        Confidence::Proven
    } else {
        Confidence::Likely
    }
}

/// Who can end it: the holders, or the listener's if nobody has accepted it. Sorted, each once.
pub(super) fn holders(view: &SocketView) -> Vec<Holder> {
    let mut holders = match &view.queued {
        Some(queued) => queued.listeners.clone(),
        None => view.holders.clone(),
    };
    holders.sort_unstable_by_key(|holder| (holder.process.id, holder.fd));
    holders.dedup_by_key(|holder| (holder.process.id, holder.fd));
    holders
}

/// The process a finding names: one that holds the socket, preferably its opener.
fn named(
    tracked: &Tracked,
    holders: &[Holder],
    verdict: Verdict,
    taken: Timestamp,
) -> Option<Owner> {
    let Some(first) = holders.first() else {
        // A reset tells at once, without a look at the descriptors.
        let writer = tracked
            .owner
            .as_ref()
            .filter(|_| verdict == Verdict::WriteAfterFin);
        return writer.cloned();
    };
    let by = |attribution| Owner {
        process: Arc::clone(&first.process),
        thread: None,
        attribution,
        since: taken,
    };
    if verdict == Verdict::NeverAccepted {
        return Some(by(Attribution::Listener));
    }
    let Some(known) = &tracked.owner else {
        return Some(by(Attribution::Holder));
    };
    if holders
        .iter()
        .any(|holder| holder.process.id == known.process.id)
    {
        return Some(known.clone());
    }
    let seen_opening = matches!(
        known.attribution,
        Attribution::Connect | Attribution::Accept
    );
    Some(by(if seen_opening {
        Attribution::Inherited
    } else {
        Attribution::Holder
    }))
}

fn evidence(
    tracked: &Tracked,
    view: &SocketView,
    snapshot: &Snapshot,
    missing: Vec<&'static str>,
) -> Evidence {
    let counters = view.counters;
    let listener = view.queued.as_ref().and_then(|queued| queued.listener);
    let watch = tracked.watch.as_deref().filter(|_| tracked.half.is_none());
    Evidence {
        state: Some(view.state),
        unread_bytes: counters.map(|c| c.unread),
        unacked_bytes: counters.map(|c| c.unacked),
        sent_since_fin_bytes: counters
            .zip(view.sent_at_fin)
            .map(|(c, at_fin)| c.bytes_sent.saturating_sub(at_fin)),
        segment_refused: view.refused_at,
        still_since: watch.and_then(|watch| watch.still_since),
        error: counters.map(|c| c.error).filter(|&error| error != 0),
        window_bytes: counters.and_then(|c| c.window),
        retransmits: counters.map(|c| c.retransmits).filter(|&n| n > 0),
        backoff: counters.map(|c| c.backoff).filter(|&n| n > 0),
        probes: counters.map(|c| c.probes).filter(|&n| n > 0),
        accepted: Some(view.queued.is_none()),
        accept_queue: listener.and_then(|listener| backlog(snapshot, listener)),
        waiting: view.waiting,
        observed: Some(snapshot.taken),
        missing,
        ..tracked.evidence()
    }
}

impl Tracked {
    /// What is known without a look.
    pub(super) fn evidence(&self) -> Evidence {
        Evidence {
            written: self.write_at(),
            written_bytes: self.write_at().map(|_| u64::from(self.write_bytes)),
            eof_delivered: self.eof_at,
            eof_deliveries: self.eof_at.map(|_| self.eof_count),
            eof_process: self.eof_by.map(NonZeroU32::get),
            ..Evidence::default()
        }
    }
}

pub(super) const fn graded(severity: Severity, grade: Grade) -> Severity {
    match grade {
        Grade::Normal => severity,
        Grade::Worse => severity.worse(),
    }
}

/// How many connections wait in this listener's accept queue.
fn backlog(snapshot: &Snapshot, listener: u64) -> Option<u32> {
    let sockets = &snapshot.sockets;
    let first = sockets.partition_point(|view| view.key.sock < listener);
    let view = sockets
        .get(first)
        .filter(|view| view.key.sock == listener)?;
    view.counters.map(|counters| counters.backlog)
}
