//! Who accepted, and from which listener.

use finback_common::counter::Counter;
use finback_common::entry::{flag, source};
use finback_common::hook::Hook;
use finback_common::tcp;

use super::owner::{begin, entry_or_late, is_incomplete, now, own};
use crate::maps;
use crate::memory::{Memory, Pointer};
use crate::sock::Sock;

/// `security_sock_graft`: accept gives the connection its `struct socket`, in the acceptor's system call.
#[inline(always)]
pub(crate) fn grafted<M: Memory>(sock: Sock<M>, socket: Pointer<M>, hook: Hook) {
    let family = sock.family();
    if (family != tcp::AF_INET && family != tcp::AF_INET6) || !sock.is_tcp() {
        return;
    }
    maps::hit(hook);
    let now_ns = now();
    let Some(entry) = entry_or_late(sock, sock.state(), now_ns) else {
        return;
    };
    if is_incomplete(&entry.tuple) {
        entry.tuple = sock.tuple();
    }
    entry.flags |= flag::SERVER;
    own(sock, socket, entry, source::ACCEPT, hook, now_ns);
}

/// A child goes into its listener's accept queue. The only moment that links the two: nothing in the child
/// points to its listener later.
#[inline(always)]
pub(crate) fn queued<M: Memory>(listener: Sock<M>, child: Sock<M>, hook: Hook) {
    if child.is_null() || !child.is_tcp() {
        return;
    }
    maps::hit(hook);
    let address = child.address();
    match maps::entry(address) {
        Some(entry) if entry.state == tcp::SYN_RECV => entry.listener = listener.address(),
        older => {
            if let Some(older) = older
                && older.state != tcp::CLOSE
            {
                maps::count(Counter::Reused);
            }
            if let Some(entry) = maps::replace(address) {
                begin(entry, child, tcp::SYN_RECV, flag::SERVER, now());
                entry.listener = listener.address();
            }
        }
    }
}
