//! Who waits for a socket: the entries of its wait queue.

use aya_ebpf::bindings::seq_file;
use finback_common::row::{WaitRow, kind};

use super::sequence::write;
use crate::globals::{global, has};
use crate::memory::{Pointer, Probe};
use crate::sock::Sock;

/// Entries of one queue that one pass looks at. More than a handful of threads on one connection is no pattern.
const WAITERS: u32 = 8;

/// One row per entry of `sk_wq->wait`. The list is read without its lock: an entry that leaves meanwhile makes a row
/// that is old by microseconds, or ends the walk.
#[inline(never)]
pub(super) fn walk(seq: *mut seq_file, sock: Sock<Probe>) -> u32 {
    if !is_known() {
        return 0;
    }
    let queue = sock.wait_queue();
    if queue.is_null() {
        return 0;
    }
    let head = queue
        .address()
        .wrapping_add(u64::from(global!(OFFSETS.wq_head)));
    let mut node = at(head).follow(0);
    for _ in 0..WAITERS {
        if node.is_null() || node.address() == head {
            return 0;
        }
        write(seq, &row(sock, before(node, global!(OFFSETS.wait_entry))));
        node = node.follow(0);
    }
    0
}

/// Whether this kernel has every member that is read here.
#[inline(always)]
fn is_known() -> bool {
    has!(sk_wq)
        && has!(wq_head)
        && has!(wait_func)
        && has!(wait_private)
        && has!(wait_entry)
        && has!(eppoll_wait)
        && has!(eppoll_base)
        && has!(epitem_ready)
        && has!(epitem_events)
        && has!(epitem_ep)
        && has!(ep_sleepers)
}

/// One entry (`struct wait_queue_entry`), read as if it were of every kind at once: a branch per kind would cost the
/// verifier more than the reads cost the kernel.
#[inline(always)]
fn row(sock: Sock<Probe>, entry: Pointer<Probe>) -> WaitRow {
    let task = entry.follow(global!(OFFSETS.wait_private));
    let item = before(entry, global!(OFFSETS.eppoll_wait)).follow(global!(OFFSETS.eppoll_base));
    let ready = item
        .address()
        .wrapping_add(u64::from(global!(OFFSETS.epitem_ready)));
    let poll = item.follow(global!(OFFSETS.epitem_ep));
    let sleepers = poll
        .address()
        .wrapping_add(u64::from(global!(OFFSETS.ep_sleepers)));
    WaitRow {
        kind: kind::WAIT,
        ready: u8::from(at(ready).follow(0).address() != ready),
        sleeping: u8::from(at(sleepers).follow(0).address() != sleepers),
        reserved: 0,
        events: item.get(global!(OFFSETS.epitem_events)),
        sock: sock.address(),
        function: entry.get(global!(OFFSETS.wait_func)),
        pid: task.get(global!(OFFSETS.task_tgid)),
        tid: task.get(global!(OFFSETS.task_pid)),
    }
}

#[inline(always)]
fn at(address: u64) -> Pointer<Probe> {
    // SAFETY: probe reads accept any address.
    unsafe { Pointer::new(address as *const u8) }
}

/// The struct that has `member` at `offset`.
#[inline(always)]
fn before(member: Pointer<Probe>, offset: u32) -> Pointer<Probe> {
    at(member.address().wrapping_sub(u64::from(offset)))
}
