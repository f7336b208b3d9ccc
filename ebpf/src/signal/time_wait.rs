//! TIME_WAIT, which no change of state shows: the kernel replaces the socket by a minisock.

use aya_ebpf::maps::ring_buf::RingBufEntry;
use aya_log_ebpf::debug;
use finback_common::hook::Hook;
use finback_common::interest::TIME_WAIT;
use finback_common::record::{TimeWaitRecord, kind, time_wait_action};
use finback_common::tcp;

use crate::globals::interest;
use crate::maps;
use crate::memory::Memory;
use crate::place;
use crate::ring::{self, Urgency};
use crate::sock::Sock;
use crate::time::now;

/// The socket becomes a minisock, or is about to (`action`).
#[inline(always)]
pub(crate) fn entered<M: Memory>(sock: Sock<M>, substate: u8, action: u8, hook: Hook) {
    let address = sock.address();
    if sock.is_tcp()
        && place::is_asked_for(TIME_WAIT, address)
        && let Some(mut slot) = ring::reserve::<TimeWaitRecord>()
    {
        sock.write_tuple(&mut ring::record(&mut slot).tuple);
        announce(slot, address, action, substate, hook);
    }
}

/// The minisock leaves the tables: time is up, or something ended it early.
#[inline(always)]
pub(crate) fn left<M: Memory>(minisock: Sock<M>, hook: Hook) {
    maps::hit(hook);
    if interest() & TIME_WAIT != 0
        && let Some(mut slot) = ring::reserve::<TimeWaitRecord>()
    {
        minisock.write_minisock_tuple(&mut ring::record(&mut slot).tuple);
        announce(slot, 0, time_wait_action::LEAVE, tcp::TIME_WAIT, hook);
    }
}

/// Completes a record that has its addresses.
#[inline(always)]
fn announce(
    mut slot: RingBufEntry<TimeWaitRecord>,
    sock: u64,
    action: u8,
    substate: u8,
    hook: Hook,
) {
    let now_ns = now();
    debug!((), "minisock: action {}, substate {}", action, substate);
    let record = ring::record(&mut slot);
    record.header = ring::header(kind::TIME_WAIT, hook, now_ns, sock);
    record.action = action;
    record.substate = substate;
    record.reserved = 0;
    ring::submit(slot, now_ns, Urgency::Patient);
}
