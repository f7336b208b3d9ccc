//! What is half-closed now: the place that the peer's FIN writes and the application's own FIN clears.

use finback_common::hook::Hook;
use finback_common::place::{HalfPlace, half_flag};
use finback_common::tcp;

use crate::maps;
use crate::memory::Memory;
use crate::place::{self, load, store};
use crate::rule::{self, SOCK_DEAD};
use crate::sock::{Sock, Tcp};
use crate::time::now;

/// `tcp_fin` is entered: RCV.NXT is past the FIN already, the state has not changed yet. A FIN that comes after our
/// own leaves nothing half-closed.
#[inline(always)]
pub(crate) fn fin<M: Memory>(sock: Sock<M>, hook: Hook) {
    maps::hit(hook);
    if matches!(sock.state(), tcp::ESTABLISHED | tcp::SYN_RECV) {
        remember(sock, now(), 0);
    }
}

/// The peer has ended the connection at this moment: takes a place for it. What an older socket at this address has
/// left behind is overwritten.
#[inline(always)]
pub(crate) fn remember<M: Memory>(sock: Sock<M>, now_ns: u64, flags: u8) {
    let address = sock.address();
    let Some(tcp) = sock.tcp() else {
        return;
    };
    let Some(place) = place::half(address).or_else(|| place::room_for_half(address)) else {
        return;
    };
    let connected = if sock.has_connected() {
        half_flag::CONNECTED
    } else {
        0
    };
    write(place, tcp, now_ns, flags | connected);
    store!(place.sock = address);
}

/// Whether this FIN has its place: two programs may tell of one change, and it has one moment.
#[inline(always)]
pub(crate) fn is_remembered<M: Memory>(sock: Sock<M>, now_ns: u64) -> bool {
    /// Two programs are hardly ever further apart.
    const TWICE_NS: u64 = 10_000_000;
    let place = place::half(sock.address());
    place.is_some_and(|place| now_ns.saturating_sub(load!(place.fin_ns)) < TWICE_NS)
}

#[inline(always)]
fn write<M: Memory>(place: *mut HalfPlace, tcp: Tcp<M>, now_ns: u64, flags: u8) {
    store!(place.fin_ns = now_ns);
    store!(place.eof_ns = 0);
    store!(place.snd_una = tcp.snd_una());
    store!(place.write_seq = tcp.write_seq());
    store!(place.unread = tcp.unread());
    store!(place.last_sent = tcp.last_sent());
    store!(place.last_received = tcp.last_received());
    store!(place.eof_count = 0);
    store!(place.eof_pid = 0);
    store!(place.flags = flags);
}

/// Bytes that the application has written since the FIN.
#[inline(always)]
pub(crate) fn written_since<M: Memory>(place: *mut HalfPlace, tcp: Tcp<M>, state: u8) -> u32 {
    rule::written_since(load!(place.write_seq), tcp.write_seq(), state)
}

/// The socket leaves CLOSE_WAIT. By a FIN of its own: its place is free, unless a reset may still tell that what was
/// written since the peer's FIN is lost. By a reset: the place stays for as long as a descriptor does.
#[inline(always)]
pub(crate) fn left_close_wait<M: Memory>(sock: Sock<M>, new: u8) {
    let Some(place) = place::half(sock.address()) else {
        return;
    };
    let is_over = match (new, sock.tcp()) {
        (tcp::LAST_ACK, Some(numbers)) => written_since(place, numbers, tcp::CLOSE_WAIT) == 0,
        _ => sock.flags() & SOCK_DEAD != 0,
    };
    if is_over {
        store!(place.sock = 0);
    }
}

/// The socket is released.
#[inline(always)]
pub(crate) fn forget(address: u64) {
    if let Some(place) = place::half(address) {
        store!(place.sock = 0);
    }
}

/// The end-of-stream was handed to the application. Tells whether that was the first time.
#[inline(always)]
pub(crate) fn delivered(place: *mut HalfPlace, now_ns: u64, pid: u32) -> bool {
    let count = load!(place.eof_count);
    store!(place.eof_count = count.wrapping_add(1));
    if count != 0 {
        return false;
    }
    store!(place.eof_pid = pid);
    store!(place.eof_ns = now_ns);
    true
}

/// A receive that returned data took the FIN with it.
#[inline(always)]
pub(crate) fn taken_with_data(place: *mut HalfPlace) {
    let flags = load!(place.flags);
    store!(place.flags = flags | half_flag::FIN_WITH_DATA);
}
