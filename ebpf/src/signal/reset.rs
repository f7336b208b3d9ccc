//! A reset is accepted. It is rare, and where it does harm that is told whoever listens.

use finback_common::hook::Hook;
use finback_common::place::{HalfPlace, half_flag, life_flag};
use finback_common::record::{ResetQueuedRecord, ResetWriteRecord, kind};
use finback_common::socket::source;
use finback_common::tcp;

use super::half;
use crate::maps;
use crate::memory::Memory;
use crate::place::{self, load};
use crate::ring::{self, Urgency};
use crate::rule::SOCK_DEAD;
use crate::sock::Sock;
use crate::time::{jiffies, now};

/// `tcp_receive_reset`: the state has not changed yet.
#[inline(always)]
pub(crate) fn accepted<M: Memory>(sock: Sock<M>, hook: Hook) {
    maps::hit(hook);
    let state = sock.state();
    let now_ns = now();
    let is_dead = sock.flags() & SOCK_DEAD != 0;
    match state {
        tcp::CLOSE_WAIT | tcp::LAST_ACK => {
            if let Some(place) = place::half(sock.address()) {
                after_fin(sock, place, state, is_dead, now_ns, hook);
            }
        }
        // Whoever holds it will read an end-of-stream, and again, as after a FIN.
        tcp::ESTABLISHED | tcp::FIN_WAIT1 | tcp::FIN_WAIT2 if !is_dead && sock.is_tcp() => {
            half::remember(sock, now_ns, half_flag::RESET);
        }
        _ => return,
    }
    if !is_dead && sock.socket().is_null() {
        queued(sock, state, now_ns, hook);
    }
}

#[inline(always)]
fn queued<M: Memory>(sock: Sock<M>, state: u8, now_ns: u64, hook: Hook) {
    let Some(mut slot) = ring::reserve::<ResetQueuedRecord>() else {
        return;
    };
    let record = ring::record(&mut slot);
    record.header = ring::header(kind::RESET_QUEUED, hook, now_ns, sock.address());
    sock.write_tuple(&mut record.tuple);
    record.state = state;
    record.reserved = [0; 3];
    ring::submit(slot, now_ns, Urgency::Urgent);
}

/// Tells of it if anything was written since the FIN: that is lost.
#[inline(always)]
fn after_fin<M: Memory>(
    sock: Sock<M>,
    place: *mut HalfPlace,
    state: u8,
    is_dead: bool,
    now_ns: u64,
    hook: Hook,
) {
    let Some(tcp) = sock.tcp() else {
        return;
    };
    let bytes = half::written_since(place, tcp, state);
    if bytes == 0 {
        return;
    }
    let Some(mut slot) = ring::reserve::<ResetWriteRecord>() else {
        return;
    };
    let record = ring::record(&mut slot);
    record.header = ring::header(kind::RESET_WRITE, hook, now_ns, sock.address());
    record.fin_ns = load!(place.fin_ns);
    record.eof_ns = load!(place.eof_ns);
    sock.write_tuple(&mut record.tuple);
    record.bytes = bytes;
    record.last_sent = tcp.last_sent();
    record.jiffies = jiffies() as u32;
    record.eof_pid = load!(place.eof_pid);
    record.flags = role(sock) | if is_dead { life_flag::DEAD } else { 0 };
    record.reserved = [0; 3];
    ring::submit(slot, now_ns, Urgency::Urgent);
}

/// Which end opened the connection, if its opener is still known. A place is not cleared with its socket: the peer must
/// be the same.
#[inline(always)]
fn role<M: Memory>(sock: Sock<M>) -> u8 {
    if sock.has_connected() {
        return life_flag::CLIENT;
    }
    let address = sock.address();
    let Some(place) = place::opener(address) else {
        return 0;
    };
    let is_it = load!(place.sock) == address
        && load!(place.peer_port) == sock.peer_port()
        && load!(place.netns) == sock.netns();
    if !is_it {
        return 0;
    }
    match load!(place.owner.source) {
        source::CONNECT => life_flag::CLIENT,
        source::ACCEPT => life_flag::SERVER,
        _ => 0,
    }
}
