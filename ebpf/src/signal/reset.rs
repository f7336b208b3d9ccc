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
        ring::emit(now_ns, Urgency::Urgent, || ResetQueuedRecord {
            header: ring::header(kind::RESET_QUEUED, hook, now_ns, sock.address()),
            tuple: sock.tuple(),
            state,
            reserved: [0; 3],
        });
    }
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
    let bytes = half::written_since(place, sock, state);
    if bytes == 0 {
        return;
    }
    ring::emit(now_ns, Urgency::Urgent, || ResetWriteRecord {
        header: ring::header(kind::RESET_WRITE, hook, now_ns, sock.address()),
        fin_ns: load!(place.fin_ns),
        eof_ns: load!(place.eof_ns),
        tuple: sock.tuple(),
        bytes,
        last_sent: sock.last_sent(),
        jiffies: jiffies() as u32,
        eof_pid: load!(place.eof_pid),
        flags: role(sock) | if is_dead { life_flag::DEAD } else { 0 },
        reserved: [0; 3],
    });
}

/// Which end opened the connection, if its opener is still known. A place is not cleared with its socket: the peer must
/// be the same.
#[inline(always)]
fn role<M: Memory>(sock: Sock<M>) -> u8 {
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
