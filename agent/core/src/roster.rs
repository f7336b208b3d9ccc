//! How connections come into the table and leave it.

use super::model::event::Transition;
use super::model::finding::Resolution;
use super::model::socket::{Endpoints, SocketKey};
use super::model::state::{Cause, TcpState};
use super::model::time::Timestamp;
use super::table::{Lookup, Slot, Tracked};
use super::tracker::Tracker;

impl Tracker {
    /// Finds the connection an observation speaks of or makes it; `None` if it is over, or not to be tracked.
    pub(super) fn meet(
        &mut self,
        time: Timestamp,
        key: SocketKey,
        endpoints: Endpoints,
        state: TcpState,
    ) -> Option<Slot> {
        match self.table.look_up(key) {
            Lookup::Found(slot) => {
                self.settle_at(slot, endpoints, time);
                return Some(slot);
            }
            Lookup::Younger => {
                self.stats.stale += 1;
                return None;
            }
            Lookup::Older(slot) => self.replaced(slot, time),
            Lookup::Absent => {}
        }
        // What a comparison did not find any more had ended by then: its last records say nothing new.
        if self.ended.contains(key) || self.repair.has_overtaken(time) {
            self.stats.stale += 1;
            return None;
        }
        self.admit(time, Tracked::new(key, endpoints, state))
    }

    /// The connection has these addresses, which a client's have been completed to.
    pub(super) fn settle_at(&mut self, slot: Slot, endpoints: Endpoints, time: Timestamp) {
        if endpoints.local.port() == 0 || self.endpoints(slot) == endpoints {
            return;
        }
        self.make_room(endpoints, time);
        self.table.move_to(slot, endpoints);
    }

    /// New traffic between the same addresses: the minisock has made room (RFC 6191).
    fn make_room(&mut self, endpoints: Endpoints, time: Timestamp) {
        if let Some(minisock) = self.table.minisock(endpoints) {
            self.time_wait_reused(minisock, time);
        }
    }

    /// Puts a new connection into the table, if there is room.
    pub(super) fn admit(&mut self, time: Timestamp, tracked: Tracked) -> Option<Slot> {
        // The kernel's map had no room for it: nothing holds its records together.
        if tracked.key.birth == Timestamp::default() {
            return None;
        }
        if self.table.len() >= self.settings.max_connections {
            self.stats.overflow += 1;
            return None;
        }
        self.make_room(tracked.endpoints, time);
        Some(self.table.insert(tracked))
    }

    /// Another connection has this one's socket: its end was missed.
    pub(super) fn replaced(&mut self, slot: Slot, time: Timestamp) {
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        if tracked.minisock {
            self.part(slot);
        } else {
            self.vanished(slot, time, Cause::Unknown);
        }
    }

    /// The connection is over without a word from the kernel, at `time` or whenever it was last heard of: a
    /// comparison takes a while, and what it missed may have happened since it began.
    pub(super) fn vanished(&mut self, slot: Slot, time: Timestamp, cause: Cause) {
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        let time = time.max(tracked.seen).max(tracked.changed);
        if tracked.state == TcpState::Closed {
            // Its last descriptor is closed.
            let why = if cause == Cause::Resync {
                Resolution::Resync
            } else {
                Resolution::ClosedByApp
            };
            self.resolve(slot, time, TcpState::Closed, why);
        } else {
            let transition = Transition {
                from: tracked.state,
                to: TcpState::Closed,
                after: tracked.spent_in(tracked.state, time),
                cause,
                segment_refused: None,
            };
            self.conclude(slot, time, TcpState::Closed, cause);
            self.tell_transition(slot, time, transition);
        }
        self.forget(slot);
    }

    /// The full socket of a minisock is gone. Late records and older snapshots must not bring it back.
    pub(super) fn part(&mut self, slot: Slot) {
        if let Some(tracked) = self.table.get(slot) {
            self.ended.note(tracked.key);
        }
        self.table.detach(slot);
    }

    /// Removes a connection from the table for good.
    pub(super) fn forget(&mut self, slot: Slot) {
        self.settle_refused(slot, Vec::new());
        if let Some(tracked) = self.table.get_mut(slot) {
            self.deadlines.disarm(slot, tracked);
        }
        if let Some(tracked) = self.table.remove(slot) {
            self.ended.note(tracked.key);
            if tracked.minisock {
                self.stats.minisocks -= 1;
            }
        }
    }
}
