//! TIME_WAIT: the full socket closes, a minisock goes on under the same addresses.
//!
//! Where hooks tell of minisocks, entry and exit are exact. Three things they cannot tell are found by sweeping
//! (listing the minisocks of a namespace): everything in the tracepoint flavour, a FIN that reaches an orphan's
//! FIN_WAIT2 minisock, and an exit whose record was lost.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::model::event::{Output, Transition};
use super::model::observation::{Minisock, StateChange};
use super::model::socket::{Endpoints, SocketKey};
use super::model::state::{Cause, TcpState};
use super::model::time::Timestamp;
use super::table::Slot;
use super::tracker::Tracker;
use super::transition;

/// Between two sweeps.
const PERIOD: Duration = Duration::from_secs(5);
/// From the first minisock to the first sweep.
const FIRST: Duration = Duration::from_secs(1);
/// `TCP_TIMEWAIT_LEN` and the kernel's timer slack: nothing should be left after it.
const LENGTH: Duration = Duration::from_millis(60_500);
/// `TCP_TIMEWAIT_LEN` and the default of `tcp_fin_timeout`, less what the moment of entry may be off.
const SHORTEST: Duration = Duration::from_millis(59_500);
/// Where hooks tell of the exit, one that is still missing after this time was lost.
const OVERDUE: Duration = Duration::from_secs(70);

/// When to sweep.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    due: Option<Timestamp>,
    /// When the last one was asked for.
    asked: Timestamp,
}

impl Sweep {
    pub(super) const fn due(&self) -> Option<Timestamp> {
        self.due
    }
}

/// The substate of the minisock that takes over at this change to CLOSED, as far as the full socket tells.
pub(super) fn inferred(change: &StateChange) -> Option<TcpState> {
    if change.error != 0 {
        return None;
    }
    match change.from {
        TcpState::Closing => Some(TcpState::TimeWait),
        TcpState::FinWait2 if change.fin_received => Some(TcpState::TimeWait),
        TcpState::FinWait2 if change.dead => Some(TcpState::FinWait2),
        TcpState::FinWait2
        | TcpState::Closed
        | TcpState::Listen
        | TcpState::SynSent
        | TcpState::SynReceived
        | TcpState::Established
        | TcpState::CloseWait
        | TcpState::LastAck
        | TcpState::FinWait1
        | TcpState::TimeWait => None,
    }
}

/// Why a minisock left after so long. Before its timer an RST, late data, a namespace's end or somebody's request can
/// remove it, and nothing tells which.
fn exit(after: Option<Duration>) -> Cause {
    match after {
        Some(after) if after < SHORTEST => Cause::Unknown,
        Some(_) | None => Cause::Timeout,
    }
}

impl Tracker {
    /// The minisocks of these namespaces, in answer to [`Output::SweepTimeWait`].
    pub fn handle_time_wait(&mut self, namespaces: &[u32], minisocks: &[Minisock], now: Timestamp) {
        let found: FxHashMap<Endpoints, TcpState> = minisocks
            .iter()
            .map(|m| (m.endpoints, m.substate))
            .collect();
        let tracked: Vec<Slot> = self
            .table
            .iter()
            .filter(|(_, t)| t.minisock && namespaces.contains(&t.endpoints.netns))
            // One that is younger than the question need not be in the answer.
            .filter(|(_, t)| t.changed <= self.sweep.asked)
            .map(|(slot, _)| slot)
            .collect();
        for slot in tracked {
            match found.get(&self.endpoints(slot)) {
                None => self.time_wait_left(slot, now),
                Some(TcpState::TimeWait) => self.fin_reached_minisock(slot, now),
                Some(_) => {}
            }
        }
        self.plan_sweep(now);
    }

    /// The kernel is about to make a minisock (or has made it).
    pub(super) fn time_wait_entered(
        &mut self,
        time: Timestamp,
        key: SocketKey,
        endpoints: Endpoints,
        substate: TcpState,
    ) {
        let known = self.table.minisock(endpoints);
        if known.is_some_and(|slot| self.table.get(slot).is_some_and(|t| t.changed > time)) {
            self.stats.stale += 1;
            return;
        }
        let Some(slot) = self.meet(time, key, endpoints, TcpState::FinWait2) else {
            return;
        };
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        if tracked.minisock || tracked.changed > time {
            self.stats.stale += 1;
            return;
        }
        let from = if tracked.state == TcpState::Closing {
            TcpState::Closing
        } else {
            TcpState::FinWait2
        };
        let cause = transition::into_time_wait(from);
        self.become_minisock(slot, time, from, substate, cause);
    }

    /// A minisock takes over. One in FIN_WAIT2 is an orphan that waits for the peer's FIN.
    pub(super) fn become_minisock(
        &mut self,
        slot: Slot,
        time: Timestamp,
        from: TcpState,
        substate: TcpState,
        cause: Cause,
    ) {
        self.conclude(slot, time, substate, cause);
        let age = if self.settings.time_wait_by_sweep {
            LENGTH
        } else {
            OVERDUE
        };
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let after = tracked.spent_in(from, time);
        // An orphan that was in FIN_WAIT2 before stays in it.
        let enters = substate == TcpState::TimeWait || tracked.state != TcpState::FinWait2;
        if enters {
            tracked.entered = Some(time);
        }
        // The record of the change to FIN_WAIT2 was lost.
        let missed = substate == TcpState::FinWait2 && cause != Cause::Resync;
        let from = if missed { tracked.state } else { from };
        let cause = if missed { Cause::FinAcked } else { cause };
        tracked.state = substate;
        tracked.changed = time;
        tracked.announced = true;
        tracked.minisock = true;
        tracked.seen = tracked.seen.max(time);
        self.deadlines.arm(slot, tracked, time + age);
        self.stats.minisocks += 1;
        if enters {
            self.tell_transition(
                slot,
                time,
                Transition {
                    from,
                    to: substate,
                    after,
                    cause,
                    segment_refused: None,
                },
            );
        }
        if self.settings.time_wait_by_sweep || substate == TcpState::FinWait2 {
            let earliest = (time + FIRST).max(self.sweep.asked + PERIOD);
            let due = self.sweep.due.map_or(earliest, |due| due.min(earliest));
            self.sweep.due = Some(due);
        }
    }

    /// The minisock has left the tables, at `time` or, if that comes from a listing begun earlier, when it was last
    /// heard of.
    pub(super) fn time_wait_left(&mut self, slot: Slot, time: Timestamp) {
        self.leave_time_wait(slot, time, None);
    }

    /// New traffic between the same addresses: the minisock has made room.
    pub(super) fn time_wait_reused(&mut self, slot: Slot, time: Timestamp) {
        self.leave_time_wait(slot, time, Some(Cause::Reused));
    }

    fn leave_time_wait(&mut self, slot: Slot, time: Timestamp, known: Option<Cause>) {
        let attached = self.table.is_attached(slot);
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let time = time.max(tracked.seen).max(tracked.changed);
        let after = tracked.spent_in(tracked.state, time);
        let transition = Transition {
            from: tracked.state,
            to: TcpState::Closed,
            after,
            cause: known.unwrap_or_else(|| exit(after)),
            segment_refused: None,
        };
        self.tell_transition(slot, time, transition);
        if !attached {
            return self.forget(slot);
        }
        // A descriptor may still refer to the full socket.
        if let Some(tracked) = self.table.get_mut(slot) {
            super::change::enter(tracked, TcpState::Closed, time);
            tracked.minisock = false;
            self.stats.minisocks -= 1;
            self.deadlines.disarm(slot, tracked);
        }
    }

    /// The peer has sent its FIN to an orphan's minisock, some time before `now`.
    pub(super) fn fin_reached_minisock(&mut self, slot: Slot, now: Timestamp) {
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        if tracked.state == TcpState::TimeWait {
            return;
        }
        let transition = Transition {
            from: tracked.state,
            to: TcpState::TimeWait,
            after: tracked.spent_in(tracked.state, now),
            cause: Cause::FinReceived,
            segment_refused: None,
        };
        super::change::enter(tracked, TcpState::TimeWait, now);
        self.deadlines.arm(slot, tracked, now + OVERDUE);
        self.tell_transition(slot, now, transition);
    }

    pub(super) fn ask_for_sweep(&mut self, now: Timestamp) {
        if self.sweep.due.is_none_or(|due| due > now) {
            return;
        }
        let everything = self.settings.time_wait_by_sweep;
        let namespaces = self
            .table
            .iter()
            .filter(|(_, t)| t.minisock && (everything || t.state == TcpState::FinWait2))
            .map(|(_, t)| t.endpoints.netns)
            .collect();
        self.sweep_namespaces(namespaces, now);
    }

    pub(super) fn sweep_namespaces(&mut self, mut namespaces: Vec<u32>, now: Timestamp) {
        if self.sweep.due.is_some_and(|due| due <= now) {
            self.sweep.due = None;
        }
        if namespaces.is_empty() {
            return;
        }
        namespaces.sort_unstable();
        namespaces.dedup();
        self.sweep.asked = now;
        // In case that no answer comes.
        self.sweep.due = Some(now + PERIOD);
        self.put(Output::SweepTimeWait(namespaces));
    }

    fn plan_sweep(&mut self, now: Timestamp) {
        let everything = self.settings.time_wait_by_sweep && self.stats.minisocks > 0;
        let orphans = || {
            self.table
                .iter()
                .any(|(_, t)| t.minisock && t.state == TcpState::FinWait2)
        };
        self.sweep.due = (everything || orphans()).then(|| now + PERIOD);
    }
}
