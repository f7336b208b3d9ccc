//! Every change of state.

use aya_log_ebpf::debug;
use finback_common::hook::Hook;
use finback_common::interest::{HALF_BY_STATE, LIFE, MARKED, OPEN_BY_STATE, STATES};
use finback_common::record::{StateRecord, kind};
use finback_common::socket::source;
use finback_common::tcp;

use super::half;
use super::life::{self, Before, Change};
use super::owner::{opens, seen_using};
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

/// Tells who connects, where no hook of its own does.
#[inline(always)]
pub(crate) fn connecting<M: Memory>(sock: Sock<M>, new: u8, hook: Hook) {
    if new == tcp::SYN_SENT && interest() & OPEN_BY_STATE != 0 && sock.is_tcp() {
        opens(sock, sock.socket(), tcp::SYN_SENT, source::CONNECT, hook);
    }
}

/// Tells who ends a connection, where no hook tells who has accepted it.
#[inline(always)]
pub(crate) fn ending<M: Memory>(sock: Sock<M>, old: u8, new: u8, hook: Hook) {
    if old != new && matches!(new, tcp::FIN_WAIT1 | tcp::LAST_ACK) && sock.is_tcp() {
        seen_using(sock, old, hook);
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

/// A program of its own: its paths end here, and do not multiply those of its caller.
#[inline(never)]
fn tell<M: Memory>(sock: Sock<M>, old: u8, new: u8, interest: u64, hook: Hook) -> u32 {
    let error = sock.error();
    let mut actor = Ids { pid: 0, tid: 0 };
    let mut task_flags = 0;
    if rule::by_application(old, new, error) {
        let task = Task::current();
        if task.is_somebody() {
            actor = task::ids();
        }
        task_flags = task.flags();
    }
    let change = Change {
        old,
        new,
        error,
        task_flags,
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
    0
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
    let Some(mut slot) = ring::reserve::<StateRecord>() else {
        return;
    };
    let record = ring::record(&mut slot);
    record.header = ring::header(kind::STATE, hook, now_ns, address);
    record.entered_ns = before.entered_ns;
    record.cookie = sock.cookie();
    sock.write_tuple(&mut record.tuple);
    record.error = error;
    record.unread = match sock.tcp() {
        Some(numbers) if new == tcp::CLOSE_WAIT => numbers.unread(),
        _ => 0,
    };
    record.actor_pid = actor.pid;
    record.actor_tid = actor.tid;
    record.old = old;
    record.new = new;
    record.flags = before.flags;
    record.reserved = 0;
    ring::submit(slot, now_ns, urgency);
}
