//! What the application does on a half-closed connection: takes the end-of-stream, writes, shuts down, closes.

use aya_log_ebpf::debug;
use finback_common::entry::flag;
use finback_common::hook::Hook;
use finback_common::record::{ActRecord, kind};
use finback_common::tcp;

use super::owner::{entry_or_late, now};
use crate::maps;
use crate::memory::Memory;
use crate::ring::{self, Urgency};
use crate::rule::{self, SOCK_DONE};
use crate::sock::Sock;
use crate::task::{self, Ids};

/// Whether a read that returns nothing returns it because of the peer's FIN.
#[inline(always)]
pub(crate) fn has_fin<M: Memory>(sock: Sock<M>) -> bool {
    sock.flags() & SOCK_DONE != 0 && sock.is_tcp()
}

/// The current thread is handed the end-of-stream.
#[inline(always)]
pub(crate) fn end_of_stream<M: Memory>(sock: Sock<M>, hook: Hook) {
    maps::hit(hook);
    let now_ns = now();
    let Some(entry) = entry_or_late(sock, sock.state(), now_ns) else {
        return;
    };
    entry.eof_count = entry.eof_count.wrapping_add(1);
    if entry.eof_ns != 0 {
        return;
    }
    entry.eof_ns = now_ns;
    debug!((), "end-of-stream delivered in state {}", entry.state);
    if sock.state() == tcp::CLOSE_WAIT {
        announce(
            sock,
            entry.birth_ns,
            kind::EOF,
            0,
            hook,
            now_ns,
            Urgency::Urgent,
        );
    }
}

/// The current thread begins to splice. If only the FIN is left, it will be told of it.
#[inline(always)]
pub(crate) fn splicing<M: Memory>(sock: Sock<M>, hook: Hook) {
    if !sock.is_null() && has_fin(sock) && sock.unread() <= 1 {
        end_of_stream(sock, hook);
    }
}

/// A receive of the current thread has returned data. If that was the last and the FIN went with it, nothing told
/// the application.
#[inline(always)]
pub(crate) fn received<M: Memory>(sock: Sock<M>) {
    if sock.state() == tcp::CLOSE_WAIT
        && sock.is_tcp()
        && sock.unread() == 0
        && let Some(entry) = maps::entry(sock.address())
    {
        entry.flags |= flag::FIN_WITH_DATA;
    }
}

/// The end-of-stream, seen at the end of a system call that `tcp_cleanup_rbuf` may have reported already: counts only
/// where that hook is blind (kTLS, splice).
#[inline(always)]
pub(crate) fn end_of_stream_unless_seen<M: Memory>(sock: Sock<M>, hook: Hook) {
    match maps::entry(sock.address()) {
        Some(entry) if entry.eof_ns != 0 => maps::hit(hook),
        _ => end_of_stream(sock, hook),
    }
}

/// The current thread begins to write `bytes` after the peer's FIN.
#[inline(always)]
pub(crate) fn writing<M: Memory>(sock: Sock<M>, bytes: u64, hook: Hook) {
    if sock.state() == tcp::CLOSE_WAIT && sock.is_tcp() {
        note_write(sock, bytes, hook);
    }
}

/// The current thread has written `bytes` after the peer's FIN.
#[inline(always)]
pub(crate) fn written<M: Memory>(sock: Sock<M>, bytes: u64, hook: Hook) {
    if rule::went_after_fin(sock.state(), sock.flags()) && sock.is_tcp() {
        note_write(sock, bytes, hook);
    }
}

#[inline(always)]
fn note_write<M: Memory>(sock: Sock<M>, bytes: u64, hook: Hook) {
    maps::hit(hook);
    let now_ns = now();
    let Some(entry) = entry_or_late(sock, tcp::CLOSE_WAIT, now_ns) else {
        return;
    };
    entry.write_count = entry.write_count.wrapping_add(1);
    entry.write_bytes = entry.write_bytes.wrapping_add(bytes);
    if entry.write_ns == 0 {
        entry.write_ns = now_ns;
        announce(
            sock,
            entry.birth_ns,
            kind::WRITE,
            bytes,
            hook,
            now_ns,
            Urgency::Patient,
        );
    }
}

#[inline(always)]
fn announce<M: Memory>(
    sock: Sock<M>,
    birth_ns: u64,
    kind: u8,
    bytes: u64,
    hook: Hook,
    now_ns: u64,
    urgency: Urgency,
) {
    let Ids { pid, tid } = task::ids();
    ring::emit(now_ns, urgency, || ActRecord {
        header: ring::header(kind, hook, now_ns, sock.address(), birth_ns),
        pid,
        tid,
        bytes,
    });
}

/// `shutdown(how)` with 0 read, 1 write, 2 both. Only the entry learns of it: the change of state follows.
#[inline(always)]
pub(crate) fn shut_down<M: Memory>(sock: Sock<M>, how: i32, hook: Hook) {
    if sock.is_null() || !sock.is_tcp() {
        return;
    }
    maps::hit(hook);
    if how != 0
        && let Some(entry) = maps::entry(sock.address())
    {
        entry.flags |= flag::SHUTDOWN;
    }
}

/// `tcp_close`: the last reference to the descriptor is gone.
#[inline(always)]
pub(crate) fn closed<M: Memory>(sock: Sock<M>, hook: Hook) {
    maps::hit(hook);
    if let Some(entry) = maps::entry(sock.address()) {
        entry.flags |= flag::CLOSED;
    }
}
