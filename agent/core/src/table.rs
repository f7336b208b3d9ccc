//! The connections, found by socket or by addresses.
//!
//! Connections live in slots of one vector (its unused tail costs no memory); the two indexes hold numbers of
//! slots, not keys, so that a connection costs less than 400 bytes in all.

use std::hash::{BuildHasher as _, BuildHasherDefault};
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHasher};

use super::model::event::Connection;
use super::model::socket::{Attribution, Endpoints, Owner, Role, SocketKey};
use super::model::state::TcpState;
use super::model::time::Timestamp;
use super::opposite::OtherEnd;
use super::watch::Watch;

/// Number of a connection's place in the table, valid until the connection is removed.
pub(super) type Slot = u32;

const NONE: Slot = Slot::MAX;

/// One connection.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) key: SocketKey,
    pub(super) endpoints: Endpoints,
    pub(super) role: Role,
    pub(super) state: TcpState,
    /// When it entered `state`, if that was seen.
    pub(super) entered: Option<Timestamp>,
    /// Last change of state that was applied; 0 if none.
    pub(super) changed: Timestamp,
    /// Newest observation of any kind.
    pub(super) seen: Timestamp,
    /// Its opener or, as long as none is known, the first holder found.
    pub(super) owner: Option<Owner>,
    pub(super) inode: Option<u64>,
    cookie: Option<NonZeroU64>,
    pub(super) half: Option<HalfClosed>,
    /// The end-of-stream was first handed to the application.
    pub(super) eof_at: Option<Timestamp>,
    pub(super) eof_count: u32,
    /// The process that took it first, if its record came.
    pub(super) eof_by: Option<NonZeroU32>,
    /// The delivery was told: a look may know of it before its record comes.
    pub(super) eof_told: bool,
    /// First write after the peer's FIN; 0 if none.
    written: Timestamp,
    /// Bytes written since, as far as known, 4 GiB at most.
    pub(super) write_bytes: u32,
    /// Whether the change to `state` was told (or needs no telling).
    pub(super) announced: bool,
    /// What was last told of it is of this moment; 0 if nothing was.
    pub(super) told: Timestamp,
    /// A minisock has taken over: it has left `by_sock` or only waits for its full socket's end.
    pub(super) minisock: bool,
    pub(super) deadline: Option<Timestamp>,
    pub(super) watch: Option<Box<Watch>>,
    pub(super) rare: Option<Box<Rare>>,
    next: Slot,
}

/// What few connections have.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// The other end was on this host and is no more.
    pub(super) other: Option<OtherEnd>,
    /// Last FIN or RST that was not accepted at once and that no event has shown yet.
    refused: Option<Timestamp>,
}

/// What is known of the peer's FIN while the connection is in CLOSE_WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HalfClosed {
    /// When the FIN was accepted, or when the socket was first seen in CLOSE_WAIT.
    pub(super) since: Timestamp,
    /// `since` is the FIN's moment.
    pub(super) exact: bool,
    /// Bytes and FIN that waited to be read at that moment.
    pub(super) unread: Option<u32>,
    /// Nobody had accepted it then, and nobody has since as far as is known.
    pub(super) unattached: bool,
}

impl HalfClosed {
    /// When the FIN was accepted, if that was seen.
    pub(super) fn fin_at(&self) -> Option<Timestamp> {
        self.exact.then_some(self.since)
    }
}

impl Tracked {
    /// A connection of which only the name is known.
    pub(super) const fn new(key: SocketKey, endpoints: Endpoints, state: TcpState) -> Self {
        Self {
            key,
            endpoints,
            role: Role::Unknown,
            state,
            entered: None,
            changed: Timestamp::from_nanos(0),
            seen: Timestamp::from_nanos(0),
            owner: None,
            inode: None,
            cookie: None,
            half: None,
            eof_at: None,
            eof_count: 0,
            eof_by: None,
            eof_told: false,
            written: Timestamp::from_nanos(0),
            write_bytes: 0,
            announced: false,
            told: Timestamp::from_nanos(0),
            minisock: false,
            deadline: None,
            watch: None,
            rare: None,
            next: NONE,
        }
    }

    /// Takes over a better known owner.
    pub(super) fn offer_owner(&mut self, owner: &Owner) {
        let known = self.owner.as_ref().map_or(u8::MAX, |o| rank(o.attribution));
        if rank(owner.attribution) < known {
            self.owner = Some(owner.clone());
        }
    }

    /// Takes over the end-of-stream's first delivery and how often it was delivered.
    pub(super) fn offer_eof(&mut self, at: Timestamp, count: u32) {
        self.eof_at = Some(self.eof_at.map_or(at, |known| known.min(at)));
        self.eof_count = self.eof_count.max(count);
    }

    /// Takes over the cookie, once somebody has asked the kernel for it.
    pub(super) fn offer_cookie(&mut self, cookie: Option<u64>) {
        self.cookie = cookie.and_then(NonZeroU64::new).or(self.cookie);
    }

    /// First write after the peer's FIN.
    pub(super) const fn write_at(&self) -> Option<Timestamp> {
        Timestamp::from_abi(self.written.as_nanos())
    }

    /// Takes over when and how much was written after the FIN.
    pub(super) fn offer_written(&mut self, at: Timestamp, bytes: u64) {
        self.written = self.write_at().map_or(at, |known| known.min(at));
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.write_bytes = self.write_bytes.max(bytes);
    }

    /// How long it has been in its state at `time`, if it is in `state` and the entry was seen.
    pub(super) fn spent_in(&self, state: TcpState, time: Timestamp) -> Option<Duration> {
        let entered = self.entered.filter(|_| self.state == state)?;
        Some(time.since(entered))
    }

    /// What is watched of it while it is half-closed.
    pub(super) fn watch_mut(&mut self) -> &mut Watch {
        self.watch.get_or_insert_default()
    }

    /// A FIN or RST was not accepted at once.
    pub(super) fn refuse_segment(&mut self, time: Timestamp) {
        let rare = self.rare.get_or_insert_default();
        rare.refused = rare.refused.max(Some(time));
    }

    /// That moment, for the one event that shows it.
    pub(super) fn take_refused(&mut self) -> Option<Timestamp> {
        self.rare.as_mut()?.refused.take()
    }

    /// As an event shows it.
    pub(super) fn shown(&self, state: TcpState, peer: Option<OtherEnd>) -> Connection {
        Connection {
            key: self.key,
            endpoints: self.endpoints,
            role: self.role,
            state,
            owner: self.owner.clone(),
            peer_owner: peer.and_then(|peer| peer.owner),
            peer_state: None,
            inode: self.inode,
            cookie: self.cookie.map(NonZeroU64::get),
        }
    }
}

/// Owners seen in the act come before those found by looking.
const fn rank(attribution: Attribution) -> u8 {
    match attribution {
        Attribution::Connect | Attribution::Accept => 0,
        Attribution::Holder => 1,
        Attribution::Inherited => 2,
        Attribution::Listener => 3,
        Attribution::Unknown => 4,
    }
}

/// What the table knows under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// This connection.
    Found(Slot),
    /// An older connection has its socket's address.
    Older(Slot),
    /// A younger connection has its socket's address: the key is history.
    Younger,
    /// Nothing.
    Absent,
}

/// The connections.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Option<Tracked>>,
    free: Vec<Slot>,
    by_sock: FxHashMap<u64, Slot>,
    /// First slot of a chain (`Tracked::next`) of connections whose addresses have the same hash. The
    /// namespace is not part of it, so that the other end is found in another namespace too.
    by_addresses: FxHashMap<u64, Slot>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Tracked> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Tracked> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// All connections in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Tracked)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(slot, tracked)| Some((slot, tracked.as_ref()?)))
    }

    pub(super) fn look_up(&self, key: SocketKey) -> Lookup {
        let Some(&slot) = self.by_sock.get(&key.sock) else {
            return Lookup::Absent;
        };
        let Some(tracked) = self.get(slot) else {
            return Lookup::Absent;
        };
        match tracked.key.birth.cmp(&key.birth) {
            std::cmp::Ordering::Equal => Lookup::Found(slot),
            std::cmp::Ordering::Less => Lookup::Older(slot),
            std::cmp::Ordering::Greater => Lookup::Younger,
        }
    }

    /// The connection of this key.
    pub(super) fn find(&self, key: SocketKey) -> Option<Slot> {
        match self.look_up(key) {
            Lookup::Found(slot) => Some(slot),
            Lookup::Older(_) | Lookup::Younger | Lookup::Absent => None,
        }
    }

    /// Adds a connection. Whoever had the socket's address before is found by addresses only from now on.
    pub(super) fn insert(&mut self, tracked: Tracked) -> Slot {
        let (key, endpoints) = (tracked.key, tracked.endpoints);
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(tracked);
            slot
        } else {
            self.slots.push(Some(tracked));
            Slot::try_from(self.slots.len() - 1).unwrap_or(NONE)
        };
        self.by_sock.insert(key.sock, slot);
        self.link(slot, endpoints);
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<Tracked> {
        self.detach(slot);
        self.unlink(slot);
        let tracked = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.part_from(&tracked);
        Some(tracked)
    }

    /// The connection's full socket is no more: it is found by addresses only.
    pub(super) fn detach(&mut self, slot: Slot) {
        if let Some(sock) = self.get(slot).map(|t| t.key.sock)
            && self.by_sock.get(&sock) == Some(&slot)
        {
            self.by_sock.remove(&sock);
        }
    }

    /// Whether the connection's full socket may still exist.
    pub(super) fn is_attached(&self, slot: Slot) -> bool {
        self.get(slot)
            .is_some_and(|t| self.by_sock.get(&t.key.sock) == Some(&slot))
    }

    /// Corrects the addresses of a connection.
    pub(super) fn move_to(&mut self, slot: Slot, endpoints: Endpoints) {
        if self.get(slot).is_none_or(|t| t.endpoints == endpoints) {
            return;
        }
        self.unlink(slot);
        if let Some(tracked) = self.get_mut(slot) {
            tracked.endpoints = endpoints;
        }
        self.link(slot, endpoints);
    }

    /// The connections between these addresses, in any namespace.
    pub(super) fn between(
        &self,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> impl Iterator<Item = (Slot, &Tracked)> {
        let first = self.by_addresses.get(&hash(local, peer)).copied();
        std::iter::successors(first, |&slot| self.get(slot).map(|t| t.next))
            .map_while(|slot| Some((slot, self.get(slot)?)))
            .filter(move |(_, t)| t.endpoints.local == local && t.endpoints.peer == peer)
    }

    /// The minisock with these addresses.
    pub(super) fn minisock(&self, endpoints: Endpoints) -> Option<Slot> {
        self.between(endpoints.local, endpoints.peer)
            .find(|(_, t)| t.minisock && t.endpoints.netns == endpoints.netns)
            .map(|(slot, _)| slot)
    }

    /// Without a local port there is nothing to be found by.
    fn link(&mut self, slot: Slot, endpoints: Endpoints) {
        if endpoints.local.port() == 0 {
            return;
        }
        let next = self
            .by_addresses
            .insert(hash(endpoints.local, endpoints.peer), slot);
        if let Some(tracked) = self.get_mut(slot) {
            tracked.next = next.unwrap_or(NONE);
        }
    }

    fn unlink(&mut self, slot: Slot) {
        let Some(tracked) = self.get(slot) else {
            return;
        };
        if tracked.endpoints.local.port() == 0 {
            return;
        }
        let hash = hash(tracked.endpoints.local, tracked.endpoints.peer);
        let next = tracked.next;
        let Some(&first) = self.by_addresses.get(&hash) else {
            return;
        };
        if first != slot {
            let before = std::iter::successors(Some(first), |&at| self.get(at).map(|t| t.next))
                .find(|&at| self.get(at).is_none_or(|t| t.next == slot));
            if let Some(before) = before.and_then(|at| self.get_mut(at)) {
                before.next = next;
            }
        } else if next == NONE {
            self.by_addresses.remove(&hash);
        } else {
            self.by_addresses.insert(hash, next);
        }
    }
}

fn hash(local: SocketAddr, peer: SocketAddr) -> u64 {
    BuildHasherDefault::<FxHasher>::default().hash_one((local, peer))
}
