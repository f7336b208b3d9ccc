//! Places of the mapped tables. They are written field by field with volatile stores, the address last: whoever finds
//! the address finds the rest. Two sockets that take one free place at the same moment on two CPUs are not told
//! apart here; the look does, which trusts the live socket.

use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use finback_common::counter::Counter;
use finback_common::interest::MARKED;
use finback_common::place::{
    HALF_PLACES, HalfPlace, LIFE_PLACES, LifePlace, MARK_PLACES, OPENER_PLACES, OpenerPlace,
    beside, destination_index, index,
};

use crate::globals::{global, interest};
use crate::maps;

#[map]
static HALF: Array<HalfPlace> = Array::with_max_entries(HALF_PLACES, BPF_F_MMAPABLE);

#[map]
static OPENERS: Array<OpenerPlace> = Array::with_max_entries(OPENER_PLACES, BPF_F_MMAPABLE);

#[map]
static LIFE: Array<LifePlace> = Array::with_max_entries(LIFE_PLACES, BPF_F_MMAPABLE);

#[map]
static MARKS: Array<u64> = Array::with_max_entries(MARK_PLACES, BPF_F_MMAPABLE);

/// Reads one field of a place.
macro_rules! load {
    ($place:ident . $($field:ident).+) => {{
        // SAFETY: a place lives as long as its map, which is as long as the program runs.
        unsafe { core::ptr::addr_of!((*$place).$($field).+).read_volatile() }
    }};
}
pub(crate) use load;

/// Writes one field of a place.
macro_rules! store {
    ($place:ident . $field:ident = $value:expr) => {{
        let value = $value;
        // SAFETY: as for `load`; fields are plain numbers.
        unsafe { core::ptr::addr_of_mut!((*$place).$field).write_volatile(value) }
    }};
}
pub(crate) use store;

/// A place with the address of a socket in it.
pub(crate) trait Place: Copy {
    fn sock(place: *mut Self) -> u64;
}

impl Place for HalfPlace {
    #[inline(always)]
    fn sock(place: *mut Self) -> u64 {
        load!(place.sock)
    }
}

impl Place for LifePlace {
    #[inline(always)]
    fn sock(place: *mut Self) -> u64 {
        load!(place.sock)
    }
}

/// The one of a socket's two places that has `wanted` in it.
#[inline(always)]
fn with<P: Place>(table: &Array<P>, first: u32, wanted: u64) -> Option<*mut P> {
    let place = table.get_ptr_mut(first)?;
    if P::sock(place) == wanted {
        return Some(place);
    }
    let place = table.get_ptr_mut(beside(first))?;
    (P::sock(place) == wanted).then_some(place)
}

/// The place of a half-closed socket.
#[inline(always)]
pub(crate) fn half(sock: u64) -> Option<*mut HalfPlace> {
    with(&HALF, index(sock, HALF_PLACES), sock)
}

/// A free place for a socket that becomes half-closed.
#[inline(always)]
pub(crate) fn room_for_half(sock: u64) -> Option<*mut HalfPlace> {
    let room = with(&HALF, index(sock, HALF_PLACES), 0);
    if room.is_none() {
        maps::count(Counter::HalfFull);
    }
    room
}

/// The place of a connection's life.
#[inline(always)]
pub(crate) fn life(sock: u64) -> Option<*mut LifePlace> {
    with(&LIFE, index(sock, LIFE_PLACES), sock)
}

/// A free place for a connection's life.
#[inline(always)]
pub(crate) fn room_for_life(sock: u64) -> Option<*mut LifePlace> {
    let room = with(&LIFE, index(sock, LIFE_PLACES), 0);
    if room.is_none() {
        maps::count(Counter::LifeFull);
    }
    room
}

/// The place of a socket's opener, whoever is in it.
#[inline(always)]
pub(crate) fn opener(sock: u64) -> Option<*mut OpenerPlace> {
    OPENERS.get_ptr_mut(index(sock, global!(SETTINGS.opener_places)))
}

/// The place of those whom this process connects to there, whoever is in it.
#[inline(always)]
pub(crate) fn destination(pid: u32, port: u16, peer: [u64; 2]) -> Option<*mut OpenerPlace> {
    let places = global!(SETTINGS.opener_places);
    OPENERS.get_ptr_mut(destination_index(pid, port, peer, places))
}

/// The peer's address, in words.
#[inline(always)]
#[expect(
    clippy::cast_ptr_alignment,
    reason = "an assertion beside the struct says that the field is aligned to eight bytes"
)]
pub(crate) fn peer(place: *mut OpenerPlace) -> [u64; 2] {
    // SAFETY: a place lives as long as its map.
    let address = unsafe { core::ptr::addr_of!((*place).peer_addr) };
    // SAFETY: as for `load`.
    unsafe { address.cast::<[u64; 2]>().read_volatile() }
}

/// Whether every change of this socket is to be told.
#[inline(always)]
pub(crate) fn is_marked(sock: u64) -> bool {
    if interest() & MARKED == 0 {
        return false;
    }
    let first = index(sock, MARK_PLACES);
    MARKS.get(first).copied() == Some(sock) || MARKS.get(beside(first)).copied() == Some(sock)
}

/// Whether somebody asks for what these bits of the interest say, or for all of this socket.
#[inline(always)]
pub(crate) fn is_asked_for(bits: u64, sock: u64) -> bool {
    interest() & bits != 0 || is_marked(sock)
}
