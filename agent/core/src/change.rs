//! Changes of state: which come too late, what they mean, what follows.

use std::cmp::Ordering;

use super::model::event::{Connection, Transition};
use super::model::observation::StateChange;
use super::model::socket::{Endpoints, Role, SocketKey};
use super::model::state::{Cause, TcpState};
use super::model::time::Timestamp;
use super::table::{HalfClosed, Slot, Tracked};
use super::time_wait;
use super::tracker::Tracker;
use super::transition;

/// A change, compared with what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// It comes next.
    Next,
    /// Known from a snapshot, but not told yet.
    Announced,
    /// Known.
    Repeated,
    /// Something that happened later is known already.
    Late,
}

fn order(tracked: &Tracked, time: Timestamp, change: &StateChange) -> Order {
    match time.cmp(&tracked.changed) {
        Ordering::Greater => Order::Next,
        Ordering::Less | Ordering::Equal if change.to == tracked.state && !tracked.announced => {
            Order::Announced
        }
        Ordering::Less => Order::Late,
        Ordering::Equal if change.to == tracked.state => Order::Repeated,
        // The end comes last, also of what happened in one moment.
        Ordering::Equal if change.from == tracked.state || change.to == TcpState::Closed => {
            Order::Next
        }
        Ordering::Equal => Order::Late,
    }
}

impl Tracker {
    pub(super) fn state_changed(&mut self, time: Timestamp, key: SocketKey, change: &StateChange) {
        // close() after shutdown() sets the same state again.
        if change.from == change.to {
            return;
        }
        if key.birth == Timestamp::default() {
            return self.tell_untracked(time, stranger(key, change), plain(change));
        }
        let stale = self.stats.stale;
        let Some(slot) = self.meet(time, key, change.endpoints, change.from) else {
            if self.stats.stale == stale {
                self.tell_untracked(time, stranger(key, change), plain(change));
            }
            return;
        };
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        tracked.seen = tracked.seen.max(time);
        learn(tracked, change);
        match order(tracked, time, change) {
            Order::Next => self.advance(slot, time, change),
            Order::Announced => {
                tracked.announced = true;
                tracked.entered = Some(time);
                if change.to == TcpState::CloseWait {
                    self.half_closed(slot, time, change);
                }
                self.tell_transition(slot, time, plain(change));
            }
            Order::Repeated => self.stats.stale += 1,
            Order::Late => {
                self.stats.stale += 1;
                // The record of the end may be lost: nobody must go on believing in what was before it.
                let over = tracked.minisock || tracked.state == TcpState::Closed;
                if !over && time > tracked.told {
                    self.tell_transition(slot, time, plain(change));
                }
            }
        }
    }

    fn advance(&mut self, slot: Slot, time: Timestamp, change: &StateChange) {
        if change.to == TcpState::Closed {
            return self.closed(slot, time, change);
        }
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        if tracked.minisock {
            return;
        }
        let transition = Transition {
            after: tracked.spent_in(change.from, time),
            ..plain(change)
        };
        enter(tracked, change.to, time);
        if change.to == TcpState::CloseWait {
            self.half_closed(slot, time, change);
        } else {
            self.conclude(slot, time, change.to, transition.cause);
        }
        self.tell_transition(slot, time, transition);
    }

    fn half_closed(&mut self, slot: Slot, time: Timestamp, change: &StateChange) {
        let first_look = self.settings.first_look_at(time);
        self.conclude(slot, time, TcpState::CloseWait, Cause::FinReceived);
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        tracked.half = Some(HalfClosed {
            since: time,
            exact: true,
            unread: Some(change.unread),
            unattached: change.unattached,
        });
        self.deadlines.advance(slot, tracked, first_look);
    }

    fn closed(&mut self, slot: Slot, time: Timestamp, change: &StateChange) {
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        if tracked.minisock {
            // The full socket ends; the connection goes on.
            tracked.changed = time;
            if change.dead {
                self.part(slot);
            }
            return;
        }
        if self.settings.time_wait_by_sweep
            && let Some(substate) = time_wait::inferred(change)
        {
            let cause = transition::into_time_wait(change.from);
            self.become_minisock(slot, time, change.from, substate, cause);
            if change.dead {
                self.part(slot);
            }
            return;
        }
        let transition = Transition {
            after: tracked.spent_in(change.from, time),
            ..plain(change)
        };
        // The application had ended its side, and the record of that is late or lost: nothing was refused.
        let ended = tracked.half.is_some() && change.from != TcpState::CloseWait;
        enter(tracked, TcpState::Closed, time);
        if ended {
            self.conclude(slot, time, change.from, Cause::FinSent);
        }
        self.conclude(slot, time, TcpState::Closed, transition.cause);
        self.tell_transition(slot, time, transition);
        // A descriptor may still refer to it: then it stays until its memory is freed.
        if change.dead {
            self.forget(slot);
        } else if change.error != 0 && !self.settings.scan_interval.is_zero() {
            self.broken(slot, time);
        }
    }

    /// The socket's memory is freed.
    pub(super) fn gone(&mut self, time: Timestamp, key: SocketKey) {
        let Some(slot) = self.table.find(key) else {
            return;
        };
        if self.table.get(slot).is_some_and(|tracked| tracked.minisock) {
            self.part(slot);
        } else {
            self.vanished(slot, time, Cause::Unknown);
        }
    }

    pub(super) fn endpoints(&self, slot: Slot) -> Endpoints {
        const NOWHERE: std::net::SocketAddr =
            std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
        self.table.get(slot).map_or(
            Endpoints {
                local: NOWHERE,
                peer: NOWHERE,
                netns: 0,
            },
            |tracked| tracked.endpoints,
        )
    }
}

/// The connection is in this state from now on.
pub(super) fn enter(tracked: &mut Tracked, state: TcpState, time: Timestamp) {
    tracked.state = state;
    tracked.changed = time;
    tracked.entered = Some(time);
    tracked.announced = true;
}

/// What every change tells besides the state.
fn learn(tracked: &mut Tracked, change: &StateChange) {
    if change.role != Role::Unknown {
        tracked.role = change.role;
    }
    tracked.offer_cookie(change.cookie);
}

fn plain(change: &StateChange) -> Transition {
    Transition {
        from: change.from,
        to: change.to,
        after: None,
        cause: transition::cause(change),
        segment_refused: None,
    }
}

fn stranger(key: SocketKey, change: &StateChange) -> Connection {
    Connection {
        key,
        endpoints: change.endpoints,
        role: change.role,
        state: change.to,
        owner: None,
        peer_owner: None,
        peer_state: None,
        inode: None,
        cookie: change.cookie,
    }
}
