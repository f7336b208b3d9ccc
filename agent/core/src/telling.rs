//! What is told of a connection is told in the order of time.
//!
//! A record can come after what a comparison with the kernel, or a record of another CPU, has told already. A change
//! that has been overtaken so is not told: a subscriber would take the last line for the latest state. Everything
//! else is dated no earlier than the line before it.

use std::num::NonZeroU32;

use super::model::event::{Body, Connection, Event, Output, Transition};
use super::model::socket::{Owner, SocketKey};
use super::model::state::TcpState;
use super::model::time::Timestamp;
use super::table::Slot;
use super::tracker::Tracker;

impl Tracker {
    /// Tells something that is not about one connection.
    pub(super) fn tell(&mut self, time: Timestamp, body: Body) {
        self.put(Output::Event(Event { time, body }));
    }

    /// Tells something of a connection in the table.
    pub(super) fn tell_about(&mut self, slot: Slot, time: Timestamp, body: Body) {
        if let Some(tracked) = self.table.get_mut(slot) {
            tracked.told = tracked.told.max(time);
            let time = tracked.told;
            self.tell(time, body);
        }
    }

    /// Tells a change of state if that is asked for.
    pub(super) fn tell_transition(&mut self, slot: Slot, time: Timestamp, transition: Transition) {
        if self.reported & bit(transition.to) == 0 {
            return;
        }
        let peer = self.table.other_end(slot);
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let time = time.max(tracked.told);
        let transition = Transition {
            segment_refused: tracked.take_refused(),
            ..transition
        };
        let mut connection = tracked.shown(transition.to, peer);
        // Whoever holds it now may have got it later: it had no part in what happened before it started.
        let lived = |owner: &Owner| owner.process.id.start <= time;
        connection.owner = connection.owner.filter(lived);
        connection.peer_owner = connection.peer_owner.filter(lived);
        self.tell_about(
            slot,
            time,
            Body::Transition {
                connection,
                transition,
            },
        );
    }

    /// Tells a change of state of a connection that is not in the table.
    pub(super) fn tell_untracked(
        &mut self,
        time: Timestamp,
        mut connection: Connection,
        transition: Transition,
    ) {
        if self.reported & bit(transition.to) != 0 {
            connection.peer_owner = self.table.other_end_of(connection.endpoints);
            self.tell(
                time,
                Body::Transition {
                    connection,
                    transition,
                },
            );
        }
    }

    /// The application was handed the end-of-stream.
    pub(super) fn eof_delivered(&mut self, time: Timestamp, key: SocketKey, pid: u32, thread: u32) {
        let Some(slot) = self.table.find(key) else {
            return;
        };
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        tracked.seen = tracked.seen.max(time);
        let told = std::mem::replace(&mut tracked.eof_told, true);
        tracked.offer_eof(time, tracked.eof_count.saturating_add(1));
        tracked.eof_by = tracked.eof_by.or(NonZeroU32::new(pid));
        if told {
            return;
        }
        if time < tracked.told {
            self.stats.stale += 1;
            return;
        }
        let after = match tracked.half {
            Some(half) => half.fin_at().map(|fin| time.since(fin)),
            None => tracked.spent_in(TcpState::TimeWait, time),
        };
        let peer = self.table.other_end(slot);
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        let connection = tracked.shown(tracked.state, peer);
        self.tell_about(
            slot,
            time,
            Body::Eof {
                connection,
                after,
                thread,
            },
        );
    }
}

/// The state in [`Tracker::reported`].
pub(super) const fn bit(state: TcpState) -> u16 {
    1 << state.to_kernel()
}
