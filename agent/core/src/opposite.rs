//! The other end of a connection, where both are on this host.

use super::model::socket::{Endpoints, Owner, Role};
use super::model::state::TcpState;
use super::table::{Slot, Table, Tracked};

/// The other end of a connection, as far as it is on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OtherEnd {
    pub(super) owner: Option<Owner>,
    pub(super) state: TcpState,
}

impl Table {
    /// The other end, if that is or was on this host.
    pub(super) fn other_end(&self, slot: Slot) -> Option<OtherEnd> {
        let tracked = self.get(slot)?;
        if let Some(gone) = tracked.rare.as_ref().and_then(|rare| rare.other.clone()) {
            return Some(gone);
        }
        let (_, end) = self.opposite(tracked.endpoints)?;
        (!tracked.is_older_than(end)).then(|| OtherEnd {
            owner: end.owner.clone(),
            state: end.state,
        })
    }

    /// The other end of a connection that is not in the table.
    pub(super) fn other_end_of(&self, endpoints: Endpoints) -> Option<Owner> {
        self.opposite(endpoints)?.1.owner.clone()
    }

    /// In the same namespace, or in another one if only one has such addresses (loopback addresses never leave their
    /// namespace).
    fn opposite(&self, endpoints: Endpoints) -> Option<(Slot, &Tracked)> {
        let mut elsewhere = None;
        let mut others = 0_u32;
        for (slot, end) in self.between(endpoints.peer, endpoints.local) {
            if end.endpoints.netns == endpoints.netns {
                return Some((slot, end));
            }
            others += 1;
            elsewhere = Some((slot, end));
        }
        elsewhere.filter(|_| others == 1 && !endpoints.peer.ip().is_loopback())
    }

    /// A connection has been removed: its other end remembers whose it was.
    pub(super) fn part_from(&mut self, removed: &Tracked) {
        let Some((slot, end)) = self.opposite(removed.endpoints) else {
            return;
        };
        // If one is younger, it belongs to the next connection between the same addresses.
        if end.key.birth > removed.changed || end.is_older_than(removed) {
            return;
        }
        let gone = OtherEnd {
            owner: removed.owner.clone(),
            state: TcpState::Closed,
        };
        if let Some(end) = self.get_mut(slot) {
            let rare = end.rare.get_or_insert_default();
            rare.other.get_or_insert(gone);
        }
    }
}

impl Tracked {
    /// Whether this connection had ended at its far end before the other one began: the addresses were used again.
    fn is_older_than(&self, end: &Self) -> bool {
        let known = end.role != Role::Unknown;
        known
            && self
                .half
                .is_some_and(|half| half.exact && end.key.birth > half.since)
    }
}
