//! Who connects.

use finback_common::hook::Hook;
use finback_common::socket::source;
use finback_common::tcp;

use super::owner::opens;
use crate::maps;
use crate::memory::Memory;
use crate::sock::Sock;

/// `tcp_connect`: the local port is chosen, the SYN is not sent yet.
#[inline(always)]
pub(crate) fn connecting<M: Memory>(sock: Sock<M>, hook: Hook) {
    if !sock.is_tcp() {
        return;
    }
    maps::hit(hook);
    opens(sock, sock.socket(), tcp::SYN_SENT, source::CONNECT, hook);
}
