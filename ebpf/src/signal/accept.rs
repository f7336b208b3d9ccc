//! Who accepts.

use finback_common::hook::Hook;
use finback_common::socket::source;
use finback_common::tcp;

use super::owner::opens;
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
    opens(sock, socket.wide(), sock.state(), source::ACCEPT, hook);
}
