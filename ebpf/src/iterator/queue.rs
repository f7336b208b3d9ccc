//! Accept queues: a row for each connection that waits there although its peer has left. One that was reset is in state
//! CLOSE and in no other list.

use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use finback_common::counter::Counter;
use finback_common::place::index;
use finback_common::row::{QUEUE_LISTENERS, QUEUE_ROWS, QueueRow, QueueWalk};
use finback_common::tcp;

use crate::globals::{global, has};
use crate::maps;
use crate::memory::{Pointer, Probe};
use crate::sock::Sock;

/// Rows of all queues that one look walks.
#[map]
static QUEUED: Array<QueueRow> = Array::with_max_entries(QUEUE_ROWS, BPF_F_MMAPABLE);

/// How far the look has got; the agent clears it before each.
#[map]
static QUEUE_WALK: Array<QueueWalk> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Connections that one call of [`look_at_some`] looks at, and calls for one queue: far beyond the kernel's default limit
/// (`SOMAXCONN`, 4,096).
const PART: u32 = 32;
const PARTS: u32 = 512;

/// Walks the queue of a listener.
#[inline(always)]
pub(super) fn walk(listener: Sock<Probe>) {
    let address = listener.address();
    let Some(mut request) = begin(address) else {
        return;
    };
    for _ in 0..PARTS {
        if request == 0 {
            return;
        }
        request = look_at_some(address, request);
    }
    maps::count(Counter::QueueCut);
}

/// Looks at some connections of a queue and returns the next one, 0 at its end. It has a name and takes numbers: such a
/// function the verifier follows once, not at every call.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn look_at_some(listener: u64, request: u64) -> u64 {
    let mut request = pointer(request);
    for _ in 0..PART {
        if request.is_null() {
            return 0;
        }
        look_at(listener, Sock::at(request.follow(global!(OFFSETS.req_sk))));
        request = request.follow(global!(OFFSETS.req_next));
    }
    request.address()
}

/// The head of the queue, unless another descriptor has led to it in this look.
#[inline(always)]
fn begin(listener: u64) -> Option<u64> {
    if !has!(accept_head) || !has!(req_sk) || !has!(req_next) {
        return None;
    }
    let walk = QUEUE_WALK.get_ptr_mut(0)?;
    // SAFETY: one look runs at a time.
    let walk = unsafe { &mut *walk };
    let seen = walk
        .listeners
        .get_mut(index(listener, QUEUE_LISTENERS) as usize)?;
    if *seen == listener {
        return None;
    }
    *seen = listener;
    Some(
        pointer(listener)
            .follow(global!(OFFSETS.accept_head))
            .address(),
    )
}

/// Writes a row for a connection whose peer has left, or counts that there is no room for it.
#[inline(always)]
fn look_at(listener: u64, child: Sock<Probe>) {
    if !matches!(child.state(), tcp::CLOSE_WAIT | tcp::CLOSE) {
        return;
    }
    let Some(walk) = QUEUE_WALK.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: one look runs at a time.
    let walk = unsafe { &mut *walk };
    let Some(row) = QUEUED.get_ptr_mut(walk.rows as u32) else {
        maps::count(Counter::QueueCut);
        return;
    };
    // SAFETY: as above.
    child.write_queued(listener, unsafe { &mut *row });
    walk.rows += 1;
}

#[inline(always)]
fn pointer(address: u64) -> Pointer<Probe> {
    // SAFETY: probe reads accept any address.
    unsafe { Pointer::new(address as *const u8) }
}
