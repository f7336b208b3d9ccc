//! The connections that have a full socket, found by socket or by addresses.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::identity::Identity;
use super::places::{Named, Places, Slot};
use crate::model::socket::Endpoints;
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;

/// What a subscriber knows of the state in which a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// The change to it was told, or need not be.
    Told,
    /// It was met in this state: the record of the change is late or lost.
    Met,
    /// It was there when the stream began: whoever wants to know looks. If the change was seen, its record is on the
    /// way and will be told.
    Seeded,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: Identity,
    pub(super) state: TcpState,
    pub(super) entry: Entry,
    /// When it entered `state`, if that was seen.
    pub(super) entered: Option<Timestamp>,
    /// Nothing that happened up to this moment can be news of its state, unless it leads further; 0 if nothing is known.
    pub(super) changed: Timestamp,
    /// Newest observation of any kind.
    pub(super) seen: Timestamp,
    /// When the peer's FIN was accepted, if that was seen.
    pub(super) fin_at: Option<Timestamp>,
    /// The delivery of the end-of-stream was told.
    pub(super) eof_told: bool,
    /// A minisock goes on in its place; only the full socket's end is waited for.
    pub(super) parted: bool,
    /// A comparison has not found the full socket any more.
    pub(super) released: bool,
    /// Looks in a row that have shown it otherwise.
    pub(super) doubted: u8,
    /// Why it has closed.
    pub(super) cause: Option<Cause>,
}

impl Connection {
    /// One of which only the name is known.
    pub(super) const fn new(id: Identity, state: TcpState) -> Self {
        Self {
            id,
            state,
            entry: Entry::Met,
            entered: None,
            changed: Timestamp::from_nanos(0),
            seen: Timestamp::from_nanos(0),
            fin_at: None,
            eof_told: false,
            parted: false,
            released: false,
            doubted: 0,
            cause: None,
        }
    }

    /// It is in this state from now on, and that is told.
    pub(super) fn enter(&mut self, state: TcpState, time: Timestamp) {
        self.state = state;
        self.changed = self.changed.max(time);
        self.seen = self.seen.max(time);
        self.entered = Some(time);
        self.entry = Entry::Told;
        if state == TcpState::CloseWait {
            self.fin_at = Some(time);
        }
    }

    /// Nothing is known to have happened to it later.
    pub(super) fn last(&self) -> Timestamp {
        self.changed.max(self.seen)
    }

    /// How long it has been in its state at `time`, if it is in `state` and the entry was seen.
    pub(super) fn spent_in(&self, state: TcpState, time: Timestamp) -> Option<Duration> {
        let entered = self.entered.filter(|_| self.state == state)?;
        Some(time.since(entered))
    }
}

impl Named for Connection {
    fn identity(&self) -> &Identity {
        &self.id
    }

    fn identity_mut(&mut self) -> &mut Identity {
        &mut self.id
    }
}

/// Bytes of one place.
#[cfg(test)]
pub(super) const SIZE: usize = size_of::<Option<super::places::Place<Connection>>>();

/// The connections.
#[derive(Debug, Default)]
pub(super) struct Table {
    places: Places<Connection>,
    by_sock: FxHashMap<u64, Slot>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Connection> {
        self.places.get(slot)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Connection> {
        self.places.get_mut(slot)
    }

    /// All connections in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Connection)> {
        self.places.iter()
    }

    /// All connections, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.places.iter_mut()
    }

    /// The connection that has this socket.
    pub(super) fn find(&self, sock: u64) -> Option<(Slot, &Connection)> {
        let &slot = self.by_sock.get(&sock)?;
        Some((slot, self.get(slot)?))
    }

    /// Adds a connection whose socket no other one has.
    pub(super) fn insert(&mut self, connection: Connection) -> Slot {
        let sock = connection.id.key.sock;
        let slot = self.places.insert(connection);
        self.by_sock.insert(sock, slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<Connection> {
        let connection = self.places.remove(slot)?;
        self.by_sock.remove(&connection.id.key.sock);
        Some(connection)
    }

    /// How many there is memory for.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.places.capacity()
    }

    /// Gives back the memory of those that have gone.
    pub(super) fn shrink_to_fit(&mut self) {
        self.places.shrink_to_fit();
        self.by_sock.shrink_to_fit();
    }

    /// Corrects the addresses of a connection.
    pub(super) fn move_to(&mut self, slot: Slot, endpoints: Endpoints) {
        self.places.move_to(slot, endpoints);
    }

    /// The connections from one end to another, in any namespace, without those that go on as minisocks.
    pub(super) fn between(
        &self,
        endpoints: Endpoints,
    ) -> impl Iterator<Item = (Slot, &Connection)> {
        self.places
            .between(endpoints.local, endpoints.peer)
            .filter(|(_, connection)| !connection.parted)
    }
}
