//! Who connected.

use finback_common::entry::{flag, source};
use finback_common::hook::Hook;
use finback_common::tcp;

use super::owner::{entry_or_late, now, own};
use crate::maps;
use crate::memory::Memory;
use crate::sock::Sock;

/// `tcp_connect`: the local port is chosen, the SYN is not sent yet. The change to SYN_SENT has told the process
/// already, unless it was missed.
#[inline(always)]
pub(crate) fn connecting<M: Memory>(sock: Sock<M>, hook: Hook) {
    if !sock.is_tcp() {
        return;
    }
    maps::hit(hook);
    let now_ns = now();
    let Some(entry) = entry_or_late(sock, tcp::SYN_SENT, now_ns) else {
        return;
    };
    entry.tuple = sock.tuple();
    entry.flags |= flag::CLIENT;
    if entry.owner.source == source::NONE {
        own(sock, sock.socket(), entry, source::CONNECT, hook, now_ns);
    }
}
