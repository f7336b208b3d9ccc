//! What goes on without a full socket: TIME_WAIT, and an orphan that waits for the peer's FIN in FIN_WAIT2.

use std::collections::VecDeque;
use std::time::Duration;

use super::identity::Identity;
use super::places::{Named, Places, Slot};
use crate::model::socket::{Endpoints, SocketKey};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// A minisock that should have left is looked for, and after so long without an answer it is taken for gone.
const GRACE: Duration = Duration::from_secs(20);

/// One minisock.
#[derive(Debug)]
pub(super) struct Minisock {
    pub(super) id: Identity,
    /// `TimeWait`, or `FinWait2`.
    pub(super) substate: TcpState,
    /// When it entered `substate`, if that was seen.
    pub(super) entered: Option<Timestamp>,
    /// When it became a minisock, or its substate changed.
    pub(super) changed: Timestamp,
    /// It cannot be there any more after this moment.
    pub(super) gone_by: Timestamp,
}

impl Named for Minisock {
    fn identity(&self) -> &Identity {
        &self.id
    }

    fn identity_mut(&mut self) -> &mut Identity {
        &mut self.id
    }
}

/// A reminder of a minisock; it may have left meanwhile.
#[derive(Clone, Copy, Debug)]
struct Reminder {
    due: Timestamp,
    slot: Slot,
    key: SocketKey,
}

/// The minisocks.
#[derive(Debug, Default)]
pub(super) struct Minisocks {
    places: Places<Minisock>,
    orphans: usize,
    /// When each should have left, the next first: they all live equally long.
    overdue: VecDeque<Reminder>,
    /// Those that were looked for, the next to be given up first.
    missing: VecDeque<Reminder>,
}

impl Minisocks {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many are in FIN_WAIT2: no hook tells when the peer's FIN reaches them.
    pub(super) const fn orphans(&self) -> usize {
        self.orphans
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Minisock> {
        self.places.get(slot)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Minisock> {
        self.places.get_mut(slot)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Minisock)> {
        self.places.iter()
    }

    /// The one with these addresses.
    pub(super) fn at(&self, endpoints: Endpoints) -> Option<(Slot, &Minisock)> {
        self.between(endpoints)
            .find(|(_, minisock)| minisock.id.endpoints.netns == endpoints.netns)
    }

    /// Those from one end to another, in any namespace.
    pub(super) fn between(&self, endpoints: Endpoints) -> impl Iterator<Item = (Slot, &Minisock)> {
        self.places.between(endpoints.local, endpoints.peer)
    }

    /// Adds one that should have left after `length`.
    pub(super) fn insert(&mut self, minisock: Minisock, length: Duration) -> Slot {
        let (key, due) = (minisock.id.key, minisock.changed + length);
        self.orphans += usize::from(minisock.substate == TcpState::FinWait2);
        let slot = self.places.insert(minisock);
        self.overdue.push_back(Reminder { due, slot, key });
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<Minisock> {
        let minisock = self.places.remove(slot)?;
        self.orphans -= usize::from(minisock.substate == TcpState::FinWait2);
        while self
            .overdue
            .front()
            .is_some_and(|first| !self.is_alive(*first))
        {
            self.overdue.pop_front();
        }
        Some(minisock)
    }

    /// Gives back the memory of those that have gone.
    pub(super) fn shrink_to_fit(&mut self) {
        self.places.shrink_to_fit();
        self.overdue.shrink_to_fit();
        self.missing.shrink_to_fit();
    }

    /// The peer's FIN has reached an orphan.
    pub(super) fn enter_time_wait(&mut self, slot: Slot, time: Timestamp, length: Duration) {
        let Some(minisock) = self.places.get_mut(slot) else {
            return;
        };
        self.orphans -= usize::from(minisock.substate == TcpState::FinWait2);
        minisock.substate = TcpState::TimeWait;
        minisock.entered = Some(time);
        minisock.changed = time;
        minisock.gone_by = time + length;
    }

    /// When [`Minisocks::overdue`] or [`Minisocks::given_up`] has something next.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let first = [self.overdue.front(), self.missing.front()];
        first.into_iter().flatten().map(|first| first.due).min()
    }

    /// One that should have left by now: it is looked for.
    pub(super) fn overdue(&mut self, now: Timestamp) -> Option<Endpoints> {
        while let Some(first) = self.overdue.pop_front_if(|first| first.due <= now) {
            if self.is_alive(first) {
                let due = now + GRACE;
                self.missing.push_back(Reminder { due, ..first });
                return Some(self.get(first.slot)?.id.endpoints);
            }
        }
        None
    }

    /// One that was looked for without an answer, and cannot be there any more.
    pub(super) fn given_up(&mut self, now: Timestamp) -> Option<Slot> {
        while let Some(first) = self.missing.pop_front_if(|first| first.due <= now) {
            if !self.is_alive(first) {
                continue;
            }
            if self.get(first.slot).is_some_and(|m| m.gone_by <= now) {
                return Some(first.slot);
            }
            let due = now + GRACE;
            self.missing.push_back(Reminder { due, ..first });
        }
        None
    }

    fn is_alive(&self, reminder: Reminder) -> bool {
        self.get(reminder.slot)
            .is_some_and(|minisock| minisock.id.key == reminder.key)
    }
}
