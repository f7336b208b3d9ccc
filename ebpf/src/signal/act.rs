//! The application shuts down or closes: noted in the connection's life, the change of state follows.

use finback_common::hook::Hook;
use finback_common::interest::LIFE;
use finback_common::place::life_flag;

use super::life;
use crate::globals::interest;
use crate::maps;
use crate::memory::Memory;
use crate::sock::Sock;

/// `shutdown(how)` with 0 read, 1 write, 2 both.
#[inline(always)]
pub(crate) fn shut_down<M: Memory>(sock: Sock<M>, how: i32, hook: Hook) {
    if sock.is_null() || !sock.is_tcp() {
        return;
    }
    maps::hit(hook);
    if how != 0 && interest() & LIFE != 0 {
        life::note(sock.address(), life_flag::SHUTDOWN);
    }
}

/// `tcp_close`: the last reference to the descriptor is gone.
#[inline(always)]
pub(crate) fn closed<M: Memory>(sock: Sock<M>, hook: Hook) {
    maps::hit(hook);
    if interest() & LIFE != 0 {
        life::note(sock.address(), life_flag::CLOSED);
    }
}
