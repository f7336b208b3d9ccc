//! Looking at half-closed connections: one pass over the kernel for all that are due.

use std::sync::Arc;
use std::time::Duration;

use super::change::enter;
use super::life::holders;
use super::model::event::{Output, Transition};
use super::model::finding::Resolution;
use super::model::observation::{Snapshot, SocketView};
use super::model::socket::{Attribution, Owner, Role, SocketKey};
use super::model::state::{Cause, TcpState};
use super::model::time::Timestamp;
use super::table::{HalfClosed, Slot, Tracked};
use super::tracker::Tracker;
use super::verdict::{self, Case, Judgement};

/// A record that has not come out of the ring after this time never will.
const RING_DELAY: Duration = Duration::from_secs(1);
/// A pass may take one part in so many of the time.
const DUTY: u32 = 50;
/// Time that was not taken is kept for so long: a single slow pass does not put off the next one.
const SAVED: Duration = Duration::from_secs(10);
/// But it is never put off longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The pause between two looks that tell nothing grows to `inspection_interval << LONGEST_BACKOFF`.
const LONGEST_BACKOFF: u8 = 5;

/// What was asked for.
#[derive(Debug, Default)]
pub(super) struct Inspection {
    asked: Vec<SocketKey>,
    pub(super) not_before: Timestamp,
    /// All passes together have had their part of the time up to this moment.
    paid: Timestamp,
    /// The latest look, or question for one.
    pub(super) latest: Timestamp,
}

impl Inspection {
    /// A pass took so long: the next one waits until its part of the time has come, unless enough was saved before.
    fn pay(&mut self, took: Duration, now: Timestamp) {
        let paid = self.paid.max(now - SAVED) + took * DUTY;
        self.paid = paid.min(now + LONGEST_PAUSE);
        self.not_before = self.paid.max(now);
    }
}

impl Tracker {
    /// The answer to [`Output::Inspect`], and at the start the sockets that are there already.
    pub fn handle_snapshot(&mut self, snapshot: &Snapshot, now: Timestamp) {
        self.inspection.pay(snapshot.took, now);
        self.inspection.latest = self.inspection.latest.max(snapshot.taken);
        if !self.seeded {
            self.seeded = true;
            for view in &snapshot.sockets {
                self.seed(view, snapshot.taken);
            }
            if !self.repair.is_under_way() {
                self.ended.snapshot_answered();
            }
        }
        self.pools.count(snapshot, &self.settings);
        self.count_half_closed(snapshot);
        for view in &snapshot.sockets {
            if let Some(slot) = self.table.find(view.key) {
                self.look(slot, view, snapshot, now);
            }
        }
        let asked = std::mem::take(&mut self.inspection.asked);
        for key in asked {
            let found = snapshot.sockets.binary_search_by_key(&key, |view| view.key);
            if let (Err(_), Some(slot)) = (found, self.table.find(key)) {
                self.settle_refused(slot, Vec::new());
                self.look_again_later(slot, now);
            }
        }
    }

    /// When the next looks are due, all those together that fall into the slack.
    pub(super) fn looks_due(&self) -> Option<Timestamp> {
        let first = self.deadlines.first()?;
        Some((first + self.settings.slack()).max(self.inspection.not_before))
    }

    pub(super) fn ask_for_looks(&mut self, now: Timestamp) {
        if self.looks_due().is_none_or(|due| due > now) {
            return;
        }
        let retry = now + self.settings.inspection_interval;
        let mut keys = Vec::new();
        let mut namespaces = Vec::new();
        while let Some(slot) = self.deadlines.due(now) {
            let Some(tracked) = self.table.get_mut(slot) else {
                return;
            };
            if tracked.minisock {
                namespaces.push(tracked.endpoints.netns);
                self.deadlines.arm(slot, tracked, retry);
            } else if tracked.half.is_some() || tracked.watch.is_some() {
                keys.push(tracked.key);
                // In case that no answer comes.
                self.deadlines.arm(slot, tracked, retry);
            } else {
                self.deadlines.disarm(slot, tracked);
            }
        }
        self.sweep_namespaces(namespaces, now);
        if !keys.is_empty() {
            self.inspection.latest = now;
            keys.sort_unstable();
            self.inspection.asked.extend_from_slice(&keys);
            self.inspection.asked.sort_unstable();
            self.inspection.asked.dedup();
            self.put(Output::Inspect(keys));
        }
    }

    /// A socket that was there before the agent.
    fn seed(&mut self, view: &SocketView, taken: Timestamp) {
        if self.table.find(view.key).is_some() || self.ended.contains(view.key) {
            return;
        }
        if let Some(slot) = self.add_seen(view, taken) {
            // If the hooks saw the change, its record is on the way and will be told.
            let on_the_way = view
                .changed
                .is_some_and(|at| at > self.settings.watching_since);
            if let Some(tracked) = self.table.get_mut(slot) {
                tracked.announced = !on_the_way;
            }
        }
    }

    /// Puts a socket that was found by looking into the table.
    pub(super) fn add_seen(&mut self, view: &SocketView, taken: Timestamp) -> Option<Slot> {
        let mut tracked = Tracked::new(view.key, view.endpoints, view.state);
        tracked.changed = view.changed.unwrap_or_default();
        tracked.entered = view.changed;
        tracked.announced = true;
        tracked.role = view.role;
        let slot = self.admit(taken, tracked)?;
        if view.state == TcpState::CloseWait {
            self.found_half_closed(slot, view, taken);
        }
        Some(slot)
    }

    /// Begins to watch a connection that was found in CLOSE_WAIT.
    pub(super) fn found_half_closed(&mut self, slot: Slot, view: &SocketView, taken: Timestamp) {
        self.watch_from(slot, taken, view.fin_at, None);
        if let Some(half) = self.table.get_mut(slot).and_then(|t| t.half.as_mut()) {
            half.unattached = view.queued.is_some();
        }
    }

    /// Begins to watch a half-closed connection: since its FIN if that was seen, since `now` otherwise.
    pub(super) fn watch_from(
        &mut self,
        slot: Slot,
        now: Timestamp,
        fin_at: Option<Timestamp>,
        unread: Option<u32>,
    ) {
        let since = fin_at.unwrap_or(now);
        let first_look = self.settings.first_look_at(since).max(now);
        if let Some(tracked) = self.table.get_mut(slot) {
            tracked.half = Some(HalfClosed {
                since,
                exact: fin_at.is_some(),
                unread,
                unattached: false,
            });
            self.deadlines.advance(slot, tracked, first_look);
        }
    }

    /// One look at one connection.
    pub(super) fn look(
        &mut self,
        slot: Slot,
        view: &SocketView,
        snapshot: &Snapshot,
        now: Timestamp,
    ) {
        let taken = snapshot.taken;
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        absorb(tracked, view, taken);
        self.settle_at(slot, view.endpoints, taken);
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        if tracked.changed >= taken || tracked.minisock {
            return;
        }
        if tracked.seen > taken {
            return self.look_soon(slot, now);
        }
        if tracked.watch.as_ref().is_some_and(|w| w.refused.is_some()) {
            self.settle_refused(slot, holders(view));
        }
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        if tracked.state != view.state {
            self.disagree(slot, view, taken, now);
        } else if view.state == TcpState::CloseWait {
            if tracked.half.is_none() {
                self.found_half_closed(slot, view, taken);
            }
            self.judge(slot, view, snapshot, now);
        } else {
            self.judge_open(slot, view, snapshot, now);
        }
    }

    /// The kernel's state is another one. Its record may be on the way; if it has had the time, it was not
    /// asked for or is lost. Where the program itself did not run (a kprobe within another one, which the kernel does
    /// not count before 6.7), the map knows nothing of the change either.
    fn disagree(&mut self, slot: Slot, view: &SocketView, taken: Timestamp, now: Timestamp) {
        let changed = view.changed.unwrap_or_default();
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        if taken > changed.max(tracked.changed) + RING_DELAY {
            self.correct(slot, view, taken);
        } else if tracked.half.is_some() {
            self.deadlines.arm(slot, tracked, now + RING_DELAY);
        }
    }

    /// Takes over the kernel's state.
    pub(super) fn correct(&mut self, slot: Slot, view: &SocketView, taken: Timestamp) {
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let changed = view.changed.filter(|&at| at > tracked.changed);
        let time = changed.unwrap_or(taken).max(tracked.changed);
        let transition = Transition {
            from: tracked.state,
            to: view.state,
            after: tracked.spent_in(tracked.state, time),
            cause: Cause::Resync,
            segment_refused: None,
        };
        enter(tracked, view.state, time);
        tracked.entered = changed;
        if view.state == TcpState::CloseWait {
            self.found_half_closed(slot, view, taken);
        } else {
            self.conclude(slot, time, view.state, Cause::Resync);
        }
        self.tell_transition(slot, time, transition);
    }

    fn judge(&mut self, slot: Slot, view: &SocketView, snapshot: &Snapshot, now: Timestamp) {
        let taken = snapshot.taken;
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let Some(mut half) = tracked.half else {
            return;
        };
        let holders = view.holders.iter().map(|holder| holder.process.id);
        let left = verdict::inherited::has_left(tracked.owner.as_ref(), holders);
        let watch = tracked.watch_mut();
        watch.left_at = left.then(|| watch.left_at.unwrap_or(taken));
        let seen = watch.look(&mut half, view, taken);
        tracked.half = Some(half);
        if seen.accepted {
            self.resolve_never_accepted(slot, taken);
        }
        if seen.sending {
            self.resolve(slot, taken, TcpState::CloseWait, Resolution::Resumed);
        }
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        let Some(watch) = tracked.watch.as_deref() else {
            return;
        };
        let judgement = verdict::judge(&Case {
            settings: &self.settings,
            taken,
            half,
            tracked,
            watch,
            view,
            pool: self.pools.of(view),
        });
        self.act_on(slot, view, snapshot, now, judgement);
    }

    fn act_on(
        &mut self,
        slot: Slot,
        view: &SocketView,
        snapshot: &Snapshot,
        now: Timestamp,
        judgement: Judgement,
    ) {
        let regular = now + self.settings.inspection_interval;
        match judgement {
            Judgement::Silence => {
                self.resolve_spin(slot, snapshot.taken);
                self.look_again_later(slot, now);
            }
            Judgement::Wait(until) => {
                self.resolve_spin(slot, snapshot.taken);
                let flagged = self.is_flagged(slot);
                let next = if flagged { until.min(regular) } else { until };
                self.look_at(slot, next.max(now));
            }
            Judgement::Wrong(verdict, proof) => {
                self.flag(slot, view, snapshot, verdict, proof);
                self.look_at(slot, regular);
            }
        }
    }

    fn is_flagged(&self, slot: Slot) -> bool {
        self.table
            .get(slot)
            .and_then(|tracked| tracked.watch.as_ref())
            .is_some_and(|watch| watch.finding.is_some())
    }

    pub(super) fn look_at(&mut self, slot: Slot, at: Timestamp) {
        if let Some(tracked) = self.table.get_mut(slot) {
            tracked.watch_mut().in_vain = 0;
            self.deadlines.arm(slot, tracked, at);
        }
    }

    /// The look is outdated: something was done meanwhile.
    fn look_soon(&mut self, slot: Slot, now: Timestamp) {
        let soon = now + self.settings.slack();
        if let Some(tracked) = self.table.get_mut(slot)
            && (tracked.half.is_some() || tracked.watch.is_some())
        {
            self.deadlines.advance(slot, tracked, soon);
        }
    }

    /// Nothing was learnt: the next look comes later each time.
    fn look_again_later(&mut self, slot: Slot, now: Timestamp) {
        let interval = self.settings.inspection_interval;
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        if tracked.half.is_none() && tracked.watch.is_none() {
            return;
        }
        let watch = tracked.watch_mut();
        let pause = interval * (1 << watch.in_vain.min(LONGEST_BACKOFF));
        watch.in_vain = watch.in_vain.saturating_add(1);
        self.deadlines.arm(slot, tracked, now + pause);
    }
}

/// Takes over what a look knows better. The kernel's map is complete even where records were lost.
pub(super) fn absorb(tracked: &mut Tracked, view: &SocketView, taken: Timestamp) {
    if let Some(owner) = &view.owner {
        tracked.offer_owner(owner);
    }
    if tracked.owner.is_none()
        && view.queued.is_none()
        && let Some(holder) = view.holders.iter().min_by_key(|h| (h.process.id, h.fd))
    {
        tracked.owner = Some(Owner {
            process: Arc::clone(&holder.process),
            thread: None,
            attribution: Attribution::Holder,
            since: taken,
        });
    }
    tracked.inode = view.inode.or(tracked.inode);
    tracked.offer_cookie(view.cookie);
    if view.role != Role::Unknown {
        tracked.role = view.role;
    }
    if let Some(at) = view.eof_at {
        tracked.offer_eof(at, view.eof_count);
    }
    if let Some(at) = view.write_at {
        tracked.offer_written(at, view.write_bytes);
    }
    if let (Some(half), Some(fin)) = (&mut tracked.half, view.fin_at)
        && !half.exact
    {
        half.since = fin;
        half.exact = true;
    }
}
