//! Every change of state.

use aya_log_ebpf::debug;
use finback_common::hook::Hook;
use finback_common::interest::{HALF_BY_STATE, LIFE, MARKED, OPEN, OPEN_BY_STATE, STATES};
use finback_common::record::{StateRecord, kind};
use finback_common::socket::source;
use finback_common::tcp;

use super::half;
use super::life::{self, Before, Change};
use super::owner::{opens, uses};
use crate::globals::interest;
use crate::maps;
use crate::memory::Memory;
use crate::place::{self, load};
use crate::ring::{self, Urgency};
use crate::rule;
use crate::sock::Sock;
use crate::task::{self, Ids, Task};
use crate::time::now;

/// The socket is about to go from `old` to `new`.
#[inline(always)]
pub(crate) fn changed<M: Memory>(sock: Sock<M>, old: u8, new: u8, hook: Hook) {
    if old == new {
        return;
    }
    maps::hit(hook);
    let interest = interest();
    if interest & HALF_BY_STATE != 0 {
        stand_in(sock, old, new);
    }
    if interest & (LIFE | STATES | MARKED) != 0 && sock.is_tcp() {
        tell(sock, old, new, interest, hook);
    }
}

/// Tells who connects, where no hook of its own does. Its own function, because one with everything in it would need
/// more stack than a kprobe has.
#[inline(always)]
pub(crate) fn connecting<M: Memory>(sock: Sock<M>, new: u8, hook: Hook) {
    if new == tcp::SYN_SENT && interest() & OPEN_BY_STATE != 0 && sock.is_tcp() {
        opens(sock, sock.socket(), tcp::SYN_SENT, source::CONNECT, hook);
    }
}

/// Tells who ends a connection, where no hook tells who has accepted it.
#[inline(always)]
pub(crate) fn ending<M: Memory>(sock: Sock<M>, old: u8, new: u8) {
    let by_state = interest() & (OPEN | OPEN_BY_STATE) == OPEN | OPEN_BY_STATE;
    if by_state && old != new && matches!(new, tcp::FIN_WAIT1 | tcp::LAST_ACK) && sock.is_tcp() {
        uses(sock, old);
    }
}

/// The hook of the FIN, where there is none. Most changes of a healthy connection return at once.
#[inline(always)]
fn stand_in<M: Memory>(sock: Sock<M>, old: u8, new: u8) {
    if new == tcp::CLOSE_WAIT {
        if sock.is_tcp() {
            half::remember(sock, now(), 0);
        }
    } else if old == tcp::CLOSE_WAIT {
        half::left_close_wait(sock, new);
    }
}

#[inline(always)]
fn tell<M: Memory>(sock: Sock<M>, old: u8, new: u8, interest: u64, hook: Hook) {
    let error = sock.error();
    let mut actor = Ids { pid: 0, tid: 0 };
    let mut is_exiting = false;
    if rule::by_application(old, new, error) {
        let task = Task::current();
        if task.is_somebody() {
            actor = task::ids();
        }
        is_exiting = task.is_exiting();
    }
    let change = Change {
        old,
        new,
        error,
        is_exiting,
        now_ns: moment(sock, new),
    };
    let before = if interest & LIFE != 0 {
        life::follow(sock, change)
    } else {
        life::without(sock, change)
    };
    debug!((), "state {} -> {}, error {}", old, new, error);
    let address = sock.address();
    if interest & (1 << (new & 15)) != 0 || place::is_marked(address) {
        announce(sock, address, change, before, actor, hook);
    }
}

/// One FIN has one moment, in its place and in the record of the change.
#[inline(always)]
fn moment<M: Memory>(sock: Sock<M>, new: u8) -> u64 {
    if new == tcp::CLOSE_WAIT
        && let Some(place) = place::half(sock.address())
    {
        return load!(place.fin_ns);
    }
    now()
}

#[inline(always)]
fn announce<M: Memory>(
    sock: Sock<M>,
    address: u64,
    change: Change,
    before: Before,
    actor: Ids,
    hook: Hook,
) {
    let Change {
        old,
        new,
        error,
        now_ns,
        ..
    } = change;
    let urgency = if rule::is_urgent(old, new) {
        Urgency::Urgent
    } else {
        Urgency::Patient
    };
    ring::emit(now_ns, urgency, || StateRecord {
        header: ring::header(kind::STATE, hook, now_ns, address),
        entered_ns: before.entered_ns,
        cookie: sock.cookie(),
        tuple: sock.tuple(),
        error,
        unread: if new == tcp::CLOSE_WAIT {
            sock.unread()
        } else {
            0
        },
        actor_pid: actor.pid,
        actor_tid: actor.tid,
        old,
        new,
        flags: before.flags,
        reserved: 0,
    });
}
