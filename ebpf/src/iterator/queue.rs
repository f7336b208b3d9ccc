//! Accept queues: a row for each connection that waits there although its peer has left. One that was reset is in state
//! CLOSE and in no other list.

use core::ffi::c_void;

use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::helpers::generated::bpf_loop;
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use finback_common::counter::Counter;
use finback_common::place::index;
use finback_common::row::{QUEUE_LISTENERS, QUEUE_ROWS, QueueRow, QueueWalk};
use finback_common::tcp;

use crate::globals::{global, has};
use crate::maps;
use crate::memory::{Pointer, Quiet};
use crate::sock::Sock;

/// Rows of all queues that one look walks.
#[map]
static QUEUED: Array<QueueRow> = Array::with_max_entries(QUEUE_ROWS, BPF_F_MMAPABLE);

/// How far the look has got; the agent clears it before each.
#[map]
static QUEUE_WALK: Array<QueueWalk> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Connections of one queue that are looked at: more than the kernel's default limit of 4,096 (`SOMAXCONN`).
const LONGEST: u32 = 65_536;
/// The same where the verifier follows every turn of the loop.
const LONGEST_BEFORE_5_17: u32 = 4096;

/// The place in a queue.
#[repr(C)]
struct Place {
    listener: u64,
    request: u64,
}

/// Walks the queue to its end.
#[inline(always)]
pub(super) fn walk_all(listener: Sock<Quiet>) {
    let Some(mut place) = begin(listener) else {
        return;
    };
    // SAFETY: the callback gets the place and no flags are set.
    unsafe {
        bpf_loop(LONGEST, next as *mut c_void, (&raw mut place).cast(), 0);
    }
    end(&place);
}

/// One turn: 1 ends the loop.
#[inline(never)]
extern "C" fn next(_turn: u64, place: *mut Place) -> i64 {
    // SAFETY: it is the one that `walk_all` passes.
    let place = unsafe { &mut *place };
    i64::from(!step(place))
}

/// Walks as far as this kernel's verifier follows: a turn must be short, and have one branch.
#[inline(always)]
pub(super) fn walk_some(listener: Sock<Quiet>) {
    let Some(mut place) = begin(listener) else {
        return;
    };
    for _ in 0..LONGEST_BEFORE_5_17 {
        if place.request == 0 {
            break;
        }
        let request = pointer(place.request);
        let child = request.follow(global!(OFFSETS.req_sk));
        look_at_queued(place.listener, child.address());
        place.request = request.follow(global!(OFFSETS.req_next)).address();
    }
    end(&place);
}

/// A function that the verifier follows once, not at every call: it has a name and takes numbers.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn look_at_queued(listener: u64, child: u64) -> i32 {
    look_at(listener, Sock::at(pointer(child)));
    0
}

/// The head of the queue, unless another descriptor has led to it in this look.
#[inline(always)]
fn begin(listener: Sock<Quiet>) -> Option<Place> {
    if !has!(accept_head) || !has!(req_sk) || !has!(req_next) {
        return None;
    }
    let address = listener.address();
    let walk = QUEUE_WALK.get_ptr_mut(0)?;
    // SAFETY: one look runs at a time.
    let walk = unsafe { &mut *walk };
    let seen = walk.listeners.get_mut(index(address, QUEUE_LISTENERS) as usize)?;
    if *seen == address {
        return None;
    }
    *seen = address;
    let head = pointer(address).follow(global!(OFFSETS.accept_head));
    Some(Place { listener: address, request: head.address() })
}

#[inline(always)]
fn end(place: &Place) {
    if place.request != 0 {
        maps::count(Counter::QueueCut);
    }
}

/// Looks at one connection and goes on to the next; false at the end of the queue, and when there is no more room.
#[inline(always)]
fn step(place: &mut Place) -> bool {
    if place.request == 0 {
        return false;
    }
    let request = pointer(place.request);
    let child = Sock::at(request.follow(global!(OFFSETS.req_sk)));
    if !look_at(place.listener, child) {
        return false;
    }
    place.request = request.follow(global!(OFFSETS.req_next)).address();
    true
}

/// Writes a row for a connection whose peer has left; false if there is no room for one.
#[inline(always)]
fn look_at(listener: u64, child: Sock<Quiet>) -> bool {
    if !matches!(child.state(), tcp::CLOSE_WAIT | tcp::CLOSE) {
        return true;
    }
    let Some(walk) = QUEUE_WALK.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: one look runs at a time.
    let walk = unsafe { &mut *walk };
    let Some(row) = QUEUED.get_ptr_mut(walk.rows as u32) else {
        return false;
    };
    // SAFETY: as above.
    child.write_queued(listener, unsafe { &mut *row });
    walk.rows += 1;
    true
}

#[inline(always)]
fn pointer(address: u64) -> Pointer<Quiet> {
    // SAFETY: probe reads accept any address.
    unsafe { Pointer::new(address as *const u8) }
}
