//! The socket's memory is about to be freed: its entry must not outlive it, the address is reused at once.

use finback_common::entry::flag;
use finback_common::hook::Hook;
use finback_common::record::{GoneRecord, kind};

use super::owner::now;
use crate::maps;
use crate::memory::Memory;
use crate::ring::{self, Urgency};
use crate::sock::Sock;

/// `tcp_destroy_sock`, once for every full socket.
#[inline(always)]
pub(crate) fn destroyed<M: Memory>(sock: Sock<M>, hook: Hook) {
    let address = sock.address();
    let Some(entry) = maps::entry(address) else {
        return;
    };
    maps::hit(hook);
    let (birth_ns, state, flags) = (entry.birth_ns, entry.state, entry.flags);
    maps::remove(address);
    // An orphan's change to CLOSE was its end already.
    if flags & flag::ORPHAN != 0 {
        return;
    }
    let now_ns = now();
    ring::emit(now_ns, Urgency::Patient, || GoneRecord {
        header: ring::header(kind::GONE, hook, now_ns, address, birth_ns),
        state: u32::from(state),
        reserved: 0,
    });
}
