//! Comparing the table with the kernel.

use rustc_hash::{FxHashMap, FxHashSet};

use super::inspect::absorb;
use super::model::event::Body;
use super::model::event::Transition;
use super::model::observation::{Minisock, Snapshot, SocketView};
use super::model::socket::{Endpoints, SocketKey};
use super::model::state::{Cause, TcpState};
use super::model::time::Timestamp;
use super::table::{Lookup, Slot, Tracked};
use super::tracker::Tracker;

impl Tracker {
    /// The answer to [`Output::Resync`](super::model::event::Output::Resync): every socket, and the minisocks if they
    /// could be listed. Repairs the table; what happened after the snapshot was taken stays.
    pub fn handle_resync(&mut self, snapshot: &Snapshot, now: Timestamp) {
        let taken = snapshot.taken;
        let mut corrected = 0;
        let mut present = FxHashSet::default();
        for view in &snapshot.sockets {
            present.insert(view.key);
            corrected += u64::from(self.compare(view, taken));
        }
        corrected += self.remove_absent(&present, snapshot.time_wait.as_deref(), taken);
        self.seeded = true;
        self.repair.done(taken);
        self.ended.snapshot_answered();
        self.tell(
            now,
            Body::Resync {
                sockets: snapshot.sockets.len() as u64,
                corrected,
                took: snapshot.took,
            },
        );
        for view in &snapshot.sockets {
            if let Some(slot) = self.table.find(view.key) {
                self.look(slot, view, snapshot, now);
            }
        }
    }

    /// Compares one socket; whether the table was wrong.
    fn compare(&mut self, view: &SocketView, taken: Timestamp) -> bool {
        match self.table.look_up(view.key) {
            Lookup::Younger => false,
            Lookup::Found(slot) => self.compare_known(slot, view, taken),
            Lookup::Older(slot) => {
                self.replaced(slot, taken);
                self.add_missed(view, taken)
            }
            Lookup::Absent => !self.ended.contains(view.key) && self.add_missed(view, taken),
        }
    }

    fn compare_known(&mut self, slot: Slot, view: &SocketView, taken: Timestamp) -> bool {
        let Some(tracked) = self.table.get_mut(slot) else {
            return false;
        };
        absorb(tracked, view, taken);
        let newer = tracked.changed >= taken;
        if newer || tracked.minisock {
            return false;
        }
        if tracked.state != view.state {
            self.correct(slot, view, taken);
        } else if tracked.announced {
            return false;
        } else {
            // It was met in use; what had made it so was lost.
            tracked.announced = true;
            tracked.entered = view.changed;
            self.tell_found(slot, view, taken);
        }
        self.told_by_comparison(slot, view, taken);
        true
    }

    fn add_missed(&mut self, view: &SocketView, taken: Timestamp) -> bool {
        let Some(slot) = self.add_seen(view, taken) else {
            return false;
        };
        if let Some(tracked) = self.table.get_mut(slot) {
            absorb(tracked, view, taken);
        }
        self.tell_found(slot, view, taken);
        self.told_by_comparison(slot, view, taken);
        true
    }

    /// Tells the state of a connection of which nothing was told.
    fn tell_found(&mut self, slot: Slot, view: &SocketView, taken: Timestamp) {
        let transition = Transition {
            from: TcpState::Closed,
            to: view.state,
            after: None,
            cause: Cause::Resync,
            segment_refused: None,
        };
        if view.state != TcpState::Closed {
            self.tell_transition(slot, view.changed.unwrap_or(taken), transition);
        }
    }

    /// Whether its state is one that is told or not: what led to it is not told any more.
    fn told_by_comparison(&mut self, slot: Slot, view: &SocketView, taken: Timestamp) {
        if let Some(tracked) = self.table.get_mut(slot) {
            tracked.told = tracked.told.max(view.changed.unwrap_or(taken));
        }
    }

    /// Ends what the kernel no longer has, unless anything of it was seen since the snapshot was begun.
    fn remove_absent(
        &mut self,
        present: &FxHashSet<SocketKey>,
        minisocks: Option<&[Minisock]>,
        taken: Timestamp,
    ) -> u64 {
        let minisocks: Option<FxHashMap<Endpoints, TcpState>> =
            minisocks.map(|list| list.iter().map(|m| (m.endpoints, m.substate)).collect());
        let absent: Vec<(Slot, bool)> = self
            .table
            .iter()
            .filter(|(_, t)| t.seen < taken && t.changed < taken && t.key.birth < taken)
            .filter(|(_, t)| t.minisock || !present.contains(&t.key))
            .map(|(slot, t)| (slot, present.contains(&t.key)))
            .collect();
        let mut corrected = 0;
        for (slot, has_full_socket) in absent {
            if !has_full_socket && self.table.get(slot).is_some_and(|t| t.minisock) {
                self.part(slot);
            }
            let listed = minisocks.as_ref().map_or(Listed::Unknown, |list| {
                list.get(&self.endpoints(slot))
                    .map_or(Listed::No, |&substate| Listed::In(substate))
            });
            corrected += u64::from(self.settle_absent(slot, listed, taken));
        }
        corrected
    }

    /// One connection without a full socket.
    fn settle_absent(&mut self, slot: Slot, listed: Listed, taken: Timestamp) -> bool {
        let Some(tracked) = self.table.get(slot) else {
            return false;
        };
        match (tracked.minisock, listed) {
            // The next sweep tells.
            (true, Listed::Unknown) => false,
            (true, Listed::No) => {
                self.time_wait_left(slot, taken);
                true
            }
            (true, Listed::In(substate)) if substate == tracked.state => false,
            (true, Listed::In(_)) => {
                self.fin_reached_minisock(slot, taken);
                true
            }
            (false, Listed::In(substate)) if closing(tracked) => {
                let from = tracked.state;
                self.become_minisock(slot, taken, from, substate, Cause::Resync);
                self.part(slot);
                true
            }
            (false, _) => {
                self.vanished(slot, taken, Cause::Resync);
                true
            }
        }
    }
}

/// Whether a minisock has a connection's addresses.
#[derive(Clone, Copy, Debug)]
enum Listed {
    /// Minisocks were not listed.
    Unknown,
    /// None has.
    No,
    /// One in this substate.
    In(TcpState),
}

/// Whether a minisock may have taken over: it has not ended and is not listening.
const fn closing(tracked: &Tracked) -> bool {
    !matches!(tracked.state, TcpState::Closed | TcpState::Listen)
}
