//! The end-of-stream is handed to the application, after a FIN or after a reset.

use aya_log_ebpf::debug;
use finback_common::hook::Hook;
use finback_common::interest::EOF;
use finback_common::place::HalfPlace;
use finback_common::record::{EofRecord, kind};
use finback_common::tcp;

use super::half;
use super::owner::seen_using;
use crate::maps;
use crate::memory::Memory;
use crate::place::{self, load};
use crate::ring::{self, Urgency};
use crate::rule;
use crate::sock::Sock;
use crate::task::{self, Ids};
use crate::time::now;

/// `tcp_cleanup_rbuf(sk, copied)`: a receive is about to return. Connections that nobody has ended cost two reads.
#[inline(always)]
pub(crate) fn received<M: Memory>(sock: Sock<M>, copied: i32, hook: Hook) {
    if copied > 0 {
        took_data(sock);
    } else if copied == 0 && tells_end(sock) {
        delivered(sock, hook);
    }
}

/// Whether a receive that returns nothing returns it because the peer has ended the connection.
#[inline(always)]
pub(crate) fn tells_end<M: Memory>(sock: Sock<M>) -> bool {
    rule::tells_end(sock.state(), sock.flags(), sock.shutdown()) && sock.is_tcp()
}

/// A receive of the current thread has returned data. If that was the last and the FIN went with it, nothing told
/// the application.
#[inline(always)]
pub(crate) fn took_data<M: Memory>(sock: Sock<M>) {
    if sock.state() == tcp::CLOSE_WAIT
        && sock.is_tcp()
        && let Some(tcp) = sock.tcp()
        && tcp.unread() == 0
        && let Some(place) = place::half(sock.address())
    {
        half::taken_with_data(place);
    }
}

/// The current thread is handed the end-of-stream.
#[inline(always)]
pub(crate) fn delivered<M: Memory>(sock: Sock<M>, hook: Hook) {
    maps::hit(hook);
    if let Some(place) = place::half(sock.address()) {
        count(sock, place, hook);
    }
}

/// The same, seen at the end of a system call that `tcp_cleanup_rbuf` may have reported already: counts only where
/// that hook is blind (kTLS, splice).
#[inline(always)]
pub(crate) fn delivered_unless_seen<M: Memory>(sock: Sock<M>, hook: Hook) {
    maps::hit(hook);
    if let Some(place) = place::half(sock.address())
        && load!(place.eof_ns) == 0
    {
        count(sock, place, hook);
    }
}

/// The current thread begins to splice. If only the FIN is left, it will be told of it.
#[inline(always)]
pub(crate) fn splicing<M: Memory>(sock: Sock<M>, hook: Hook) {
    if !sock.is_null()
        && tells_end(sock)
        && let Some(tcp) = sock.tcp()
        && tcp.unread() <= 1
    {
        delivered(sock, hook);
    }
}

#[inline(always)]
fn count<M: Memory>(sock: Sock<M>, place: *mut HalfPlace, hook: Hook) {
    let now_ns = now();
    let Ids { pid, tid } = task::ids();
    if !half::delivered(place, now_ns, pid) {
        return;
    }
    let state = sock.state();
    seen_using(sock, state, hook);
    debug!((), "end-of-stream delivered in state {}", state);
    if state != tcp::CLOSE_WAIT || !place::is_asked_for(EOF, sock.address()) {
        return;
    }
    let Some(mut slot) = ring::reserve::<EofRecord>() else {
        return;
    };
    let record = ring::record(&mut slot);
    record.header = ring::header(kind::EOF, hook, now_ns, sock.address());
    record.fin_ns = load!(place.fin_ns);
    sock.write_tuple(&mut record.tuple);
    record.pid = pid;
    record.tid = tid;
    record.state = state;
    record.reserved = [0; 3];
    ring::submit(slot, now_ns, Urgency::Urgent);
}
