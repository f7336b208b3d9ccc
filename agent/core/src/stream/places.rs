//! Things in slots of one vector (its unused tail costs no memory), found by their addresses.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::Hasher as _;
use std::net::{IpAddr, SocketAddr};

use rustc_hash::{FxHashMap, FxHasher};

use super::identity::Identity;
use crate::model::socket::Endpoints;

/// Number of a place, valid until what is there is removed.
pub(super) type Slot = u32;

const NONE: Slot = Slot::MAX;

/// What has a name and addresses.
pub(super) trait Named {
    fn identity(&self) -> &Identity;
    fn identity_mut(&mut self) -> &mut Identity;
}

#[derive(Debug)]
pub(super) struct Place<T> {
    value: T,
    /// The next one whose addresses have the same hash.
    next: Slot,
}

/// Places.
#[derive(Debug)]
pub(super) struct Places<T> {
    slots: Vec<Option<Place<T>>>,
    /// The lowest is taken first: after a surge what comes later leaves the end, which can be given back.
    free: BinaryHeap<Reverse<Slot>>,
    /// First slot of a chain of those whose addresses have the same hash. The namespace is not part of it, so that the
    /// other end is found in another namespace too.
    by_addresses: FxHashMap<u64, Slot>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: BinaryHeap::new(),
            by_addresses: FxHashMap::default(),
        }
    }
}

impl<T: Named> Places<T> {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&T> {
        Some(&self.place(slot)?.value)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        Some(&mut self.place_mut(slot)?.value)
    }

    /// All of them in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &T)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(slot, place)| Some((slot, &place.as_ref()?.value)))
    }

    /// All of them, to be changed; their addresses stay.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots
            .iter_mut()
            .flatten()
            .map(|place| &mut place.value)
    }

    pub(super) fn insert(&mut self, value: T) -> Slot {
        let endpoints = value.identity().endpoints;
        let place = Some(Place { value, next: NONE });
        let slot = if let Some(Reverse(slot)) = self.free.pop() {
            self.slots[slot as usize] = place;
            slot
        } else {
            self.slots.push(place);
            Slot::try_from(self.slots.len() - 1).unwrap_or(NONE)
        };
        self.link(slot, endpoints);
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<T> {
        self.unlink(slot);
        let place = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(Reverse(slot));
        Some(place.value)
    }

    /// How many there is memory for.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// Gives back the memory of what it does not have any more. Slots keep their numbers.
    pub(super) fn shrink_to_fit(&mut self) {
        let used = self.slots.iter().rposition(Option::is_some);
        let used = used.map_or(0, |last| last + 1);
        self.slots.truncate(used);
        self.slots.shrink_to_fit();
        self.free.retain(|Reverse(slot)| (*slot as usize) < used);
        self.free.shrink_to_fit();
        self.by_addresses.shrink_to_fit();
    }

    /// Corrects the addresses.
    pub(super) fn move_to(&mut self, slot: Slot, endpoints: Endpoints) {
        self.unlink(slot);
        if let Some(value) = self.get_mut(slot) {
            value.identity_mut().endpoints = endpoints;
        }
        self.link(slot, endpoints);
    }

    /// Those with these addresses, in any namespace.
    pub(super) fn between(
        &self,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> impl Iterator<Item = (Slot, &T)> {
        let any = !self.by_addresses.is_empty();
        let first = any.then(|| hash(local, peer));
        let first = first.and_then(|hash| self.by_addresses.get(&hash).copied());
        std::iter::successors(first, |&slot| Some(self.place(slot)?.next))
            .map_while(|slot| Some((slot, self.get(slot)?)))
            .filter(move |(_, value)| {
                let endpoints = value.identity().endpoints;
                endpoints.local == local && endpoints.peer == peer
            })
    }

    fn place(&self, slot: Slot) -> Option<&Place<T>> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn place_mut(&mut self, slot: Slot) -> Option<&mut Place<T>> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Without a local port there is nothing to be found by.
    fn link(&mut self, slot: Slot, endpoints: Endpoints) {
        if endpoints.local.port() == 0 {
            return;
        }
        let next = self
            .by_addresses
            .insert(hash(endpoints.local, endpoints.peer), slot);
        if let Some(place) = self.place_mut(slot) {
            place.next = next.unwrap_or(NONE);
        }
    }

    fn unlink(&mut self, slot: Slot) {
        let Some(place) = self.place_mut(slot) else {
            return;
        };
        let next = std::mem::replace(&mut place.next, NONE);
        let endpoints = place.value.identity().endpoints;
        if endpoints.local.port() == 0 {
            return;
        }
        let hash = hash(endpoints.local, endpoints.peer);
        let Some(&first) = self.by_addresses.get(&hash) else {
            return;
        };
        if first != slot {
            let mut chain = std::iter::successors(Some(first), |&at| Some(self.place(at)?.next));
            let before = chain.find(|&at| self.place(at).is_none_or(|p| p.next == slot));
            if let Some(before) = before.and_then(|at| self.place_mut(at)) {
                before.next = next;
            }
        } else if next == NONE {
            self.by_addresses.remove(&hash);
        } else {
            self.by_addresses.insert(hash, next);
        }
    }
}

/// Words, not the bytes that the derived hash goes through: this is done several times for every record.
fn hash(local: SocketAddr, peer: SocketAddr) -> u64 {
    let mut hasher = FxHasher::default();
    for address in [local, peer] {
        match address.ip() {
            IpAddr::V4(ip) => hasher.write_u32(u32::from(ip)),
            IpAddr::V6(ip) => hasher.write_u128(u128::from(ip)),
        }
        hasher.write_u16(address.port());
    }
    hasher.finish()
}
