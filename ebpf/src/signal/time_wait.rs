//! TIME_WAIT, which no change of state shows: the kernel replaces the socket by a minisock.

use aya_log_ebpf::debug;
use finback_common::entry::Tuple;
use finback_common::hook::Hook;
use finback_common::record::{TimeWaitRecord, kind, time_wait_action};
use finback_common::tcp;

use super::owner::now;
use crate::maps;
use crate::memory::{Memory, Pointer};
use crate::ring::{self, Urgency};
use crate::sock::Sock;

/// The socket becomes a minisock; `minisock` is null if only the attempt was seen.
#[inline(always)]
pub(crate) fn entered<M: Memory>(sock: Sock<M>, substate: u8, minisock: Pointer<M>, hook: Hook) {
    if !sock.is_tcp() {
        return;
    }
    maps::hit(hook);
    let (tuple, birth_ns) = match maps::entry(sock.address()) {
        Some(entry) => (entry.tuple, entry.birth_ns),
        None => (sock.tuple(), 0),
    };
    let action = if minisock.is_null() {
        time_wait_action::ENTER
    } else {
        time_wait_action::ENTERED
    };
    let named = Named {
        sock: sock.address(),
        birth_ns,
        tuple,
        minisock: minisock.address(),
        cookie: sock.cookie(),
    };
    announce(named, action, substate, hook);
}

/// The minisock leaves the tables: time is up, or something ended it early.
#[inline(always)]
pub(crate) fn left<M: Memory>(minisock: Sock<M>, hook: Hook) {
    maps::hit(hook);
    let named = Named {
        sock: 0,
        birth_ns: 0,
        tuple: minisock.minisock_tuple(),
        minisock: minisock.address(),
        cookie: minisock.cookie(),
    };
    announce(named, time_wait_action::LEAVE, tcp::TIME_WAIT, hook);
}

struct Named {
    sock: u64,
    birth_ns: u64,
    tuple: Tuple,
    minisock: u64,
    cookie: u64,
}

#[inline(always)]
fn announce(named: Named, action: u8, substate: u8, hook: Hook) {
    let now_ns = now();
    debug!((), "minisock: action {}, substate {}", action, substate);
    let Named {
        sock,
        birth_ns,
        tuple,
        minisock,
        cookie,
    } = named;
    ring::emit(now_ns, Urgency::Patient, || TimeWaitRecord {
        header: ring::header(kind::TIME_WAIT, hook, now_ns, sock, birth_ns),
        tuple,
        action,
        substate,
        reserved: 0,
        minisock,
        cookie,
    });
}
