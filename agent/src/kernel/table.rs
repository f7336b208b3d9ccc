//! The tables that the kernel programs keep and this process has in its memory.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aya::Ebpf;
use aya::maps::{Map, MapData};
use finback_common::map;
use finback_common::place::{
    HALF_PLACES, HalfPlace, LIFE_PLACES, LifePlace, MARK_PLACES, OpenerPlace, beside, index,
};
use finback_common::row::{QUEUE_ROWS, QueueRow, QueueWalk};
use zerocopy::{FromBytes, IntoBytes};

use super::clock;
use super::error::KernelError;
use super::sys::{Mapped, duplicate};
use finback_core::model::look::Candidate;
use finback_core::model::time::Timestamp;

/// Words of a [`HalfPlace`]: the socket's address, and when the FIN was accepted.
const SOCK: usize = 0;
const FIN_NS: usize = 1;

/// What a look joins with what it sees. Shared by the thread that looks and the one that reads the ring.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    half: Arc<Mapped<HalfPlace>>,
    openers: Arc<Mapped<OpenerPlace>>,
}

impl Tables {
    /// Maps them. `opener_places` is what the object was loaded with.
    pub(super) fn take(object: &Ebpf, opener_places: u32) -> Result<Self, KernelError> {
        Ok(Self {
            half: Arc::new(mapped(object, map::HALF, HALF_PLACES)?),
            openers: Arc::new(mapped(object, map::OPENERS, opener_places)?),
        })
    }

    /// Every place of the half-closed that is taken.
    pub(super) fn scan(&self, into: &mut Vec<Candidate>) {
        for place in 0..self.half.places() {
            let sock = self.half.word(place, SOCK).load(Ordering::Acquire);
            if sock != 0 {
                let fin_ns = self.half.word(place, FIN_NS).load(Ordering::Acquire);
                into.push(Candidate {
                    sock,
                    fin_at: Timestamp::from_nanos(fin_ns),
                });
            }
        }
    }

    /// Frees places that no kernel program can have written: the table may be older than this process. Tells how many.
    pub(super) fn mend(&self) -> u32 {
        let mut freed = 0;
        for place in 0..self.half.places() {
            let address = self.half.word(place, SOCK);
            let sock = address.load(Ordering::Acquire);
            if sock == 0 {
                continue;
            }
            let first = index(sock, self.half.places());
            let in_place = place == first || place == beside(first);
            let fin_ns = self.half.word(place, FIN_NS).load(Ordering::Acquire);
            // Asked after the place was read: programs write it all the time.
            if !in_place || fin_ns > clock::now().as_nanos() {
                // Lost against a kernel program: then it is right now.
                let done = address.compare_exchange(sock, 0, Ordering::AcqRel, Ordering::Acquire);
                freed += u32::from(done.is_ok());
            }
        }
        freed
    }

    /// What is remembered of a half-closed socket.
    pub(super) fn half(&self, sock: u64) -> Option<HalfPlace> {
        let place = self.place_of_half(sock)?;
        let half = self.half.load(place);
        // It may have been freed, or given to another socket, while it was read.
        let after = self.half.word(place, SOCK).load(Ordering::Acquire);
        (half.sock == sock && after == sock).then_some(half)
    }

    fn place_of_half(&self, sock: u64) -> Option<u32> {
        let first = index(sock, self.half.places());
        let is_it = |place: &u32| self.half.word(*place, SOCK).load(Ordering::Acquire) == sock;
        [first, beside(first)].into_iter().find(is_it)
    }

    /// Frees the place of a socket that is no more, if it is still the one of this FIN.
    pub(super) fn free(&self, sock: u64, fin_at: Timestamp) {
        let Some(place) = self.place_of_half(sock) else {
            return;
        };
        if self.half.word(place, FIN_NS).load(Ordering::Acquire) == fin_at.as_nanos() {
            let address = self.half.word(place, SOCK);
            // Lost against a kernel program that has just written it: then it is another connection's.
            let freed = address.compare_exchange(sock, 0, Ordering::AcqRel, Ordering::Acquire);
            tracing::trace!(sock, freed = freed.is_ok(), "a stale place");
        }
    }

    /// Who opened this socket, or the last one that fell on its place.
    pub(super) fn opener(&self, sock: u64) -> Option<OpenerPlace> {
        let place = self.openers.load(index(sock, self.openers.places()));
        (place.sock == sock && is_sealed(&place)).then_some(place)
    }

    /// Every opener that is remembered, each connection once.
    pub(super) fn openers(&self) -> impl Iterator<Item = OpenerPlace> {
        let places = self.openers.places();
        let loaded = (0..places).map(|at| (at, self.openers.load(at)));
        let valid = loaded.filter(|(_, place)| place.sock != 0 && is_sealed(place));
        valid.filter_map(move |(at, place)| {
            let is_copy = at != index(place.sock, places)
                && self
                    .opener(place.sock)
                    .is_some_and(|own| own.time_ns == place.time_ns);
            (!is_copy).then_some(place)
        })
    }
}

/// Whether one writer alone has written it.
const fn is_sealed(place: &OpenerPlace) -> bool {
    place.seal == OpenerPlace::seal_of(place.sock, place.time_ns, &place.owner)
}

/// The sockets whose every change makes a record.
#[derive(Debug)]
pub(super) struct Marks {
    table: Mapped<u64>,
    /// Sockets that found both places taken.
    refused: u64,
    count: usize,
}

impl Marks {
    pub(super) fn take(object: &Ebpf) -> Result<Self, KernelError> {
        Ok(Self {
            table: mapped(object, map::MARKS, MARK_PLACES)?,
            refused: 0,
            count: 0,
        })
    }

    /// Whether some socket is marked.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Marks refused because both places were taken.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    /// Marks a socket, unless both its places are other sockets'.
    pub(super) fn add(&mut self, sock: u64) {
        if sock == 0 || self.find(sock, sock).is_some() {
            return;
        }
        match self.find(sock, 0) {
            Some(place) => {
                self.table.word(place, 0).store(sock, Ordering::Release);
                self.count += 1;
            }
            None => self.refused += 1,
        }
    }

    /// Takes the mark away, if there is one.
    pub(super) fn remove(&mut self, sock: u64) {
        if sock != 0
            && let Some(place) = self.find(sock, sock)
        {
            self.table.word(place, 0).store(0, Ordering::Release);
            self.count -= 1;
        }
    }

    /// No socket is marked any more.
    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.count = 0;
    }

    fn find(&self, sock: u64, content: u64) -> Option<u32> {
        let first = index(sock, self.table.places());
        let is_it = |place: &u32| self.table.word(*place, 0).load(Ordering::Acquire) == content;
        [first, beside(first)].into_iter().find(is_it)
    }
}

/// Where the iterator writes what waits in accept queues.
#[derive(Debug)]
pub(super) struct Queues {
    rows: Mapped<QueueRow>,
    walk: Mapped<QueueWalk>,
}

/// Word of a [`QueueWalk`]: the number of rows.
const ROWS: usize = 0;

impl Queues {
    pub(super) fn take(object: &Ebpf) -> Result<Self, KernelError> {
        Ok(Self {
            rows: mapped(object, map::QUEUED, QUEUE_ROWS)?,
            walk: mapped(object, map::QUEUE_WALK, 1)?,
        })
    }

    /// A look begins.
    pub(super) fn clear(&self) {
        self.walk.clear();
    }

    /// What it has found.
    pub(super) fn rows(&self) -> impl Iterator<Item = QueueRow> {
        let count = self.walk.word(0, ROWS).load(Ordering::Acquire);
        let count = u32::try_from(count)
            .unwrap_or(u32::MAX)
            .min(self.rows.places());
        (0..count).map(|place| self.rows.load(place))
    }
}

/// The lives that the kernel programs follow while the stream runs.
#[derive(Debug)]
pub(super) struct Lives(OwnedFd);

impl Lives {
    pub(super) fn take(object: &Ebpf) -> Result<Self, KernelError> {
        let fd = duplicate(array(object, map::LIFE)?.fd());
        fd.map(Self).map_err(unmappable)
    }

    /// Forgets all: what an earlier stream has left says nothing of the sockets that are there now. Mapped only for
    /// that: mapped memory counts as resident.
    pub(super) fn forget(&self) -> Result<(), KernelError> {
        let places = Mapped::<LifePlace>::new(self.0.as_fd(), LIFE_PLACES).map_err(unmappable)?;
        places.clear();
        Ok(())
    }
}

/// A table, which stays with the object: a program that is loaded anew needs it again.
fn array<'a>(object: &'a Ebpf, name: &'static str) -> Result<&'a MapData, KernelError> {
    match object.map(name) {
        Some(Map::Array(data)) => Ok(data),
        _ => Err(KernelError::Object(name)),
    }
}

/// Maps an array.
fn mapped<T: FromBytes + IntoBytes>(
    object: &Ebpf,
    name: &'static str,
    places: u32,
) -> Result<Mapped<T>, KernelError> {
    let data = array(object, name)?;
    Mapped::new(data.fd().as_fd(), places).map_err(unmappable)
}

const fn unmappable(source: io::Error) -> KernelError {
    KernelError::Io {
        what: "map a table of the kernel programs into memory",
        source,
    }
}
