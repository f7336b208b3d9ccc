//! The maps, reached only by the small functions here, which count every failure.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, PerCpuArray};
use finback_common::counter::{self, Counter};
use finback_common::entry::SocketEntry;
use finback_common::hook::{self, Hook};

/// Sockets tracked unless the agent asks for another size.
const MAX_SOCKETS: u32 = 131_072;

/// The truth per socket. Preallocated, so that no program allocates; no LRU, because the oldest entries are
/// the forgotten sockets we are looking for.
#[map]
static SOCKETS: HashMap<u64, SocketEntry> = HashMap::with_max_entries(MAX_SOCKETS, 0);

#[map]
static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(counter::COUNT as u32, 0);

#[map]
static HITS: PerCpuArray<u64> = PerCpuArray::with_max_entries(hook::COUNT as u32, 0);

#[map]
static WANTED: Array<u32> = Array::with_max_entries(1, 0);

/// The process whose threads are asked for.
#[inline(always)]
pub(crate) fn wanted() -> u32 {
    WANTED.get(0).copied().unwrap_or(0)
}

/// `E2BIG`: the map is full (`kernel/bpf/hashtab.c`).
const E2BIG: i32 = -7;

#[inline(always)]
fn increment(values: &PerCpuArray<u64>, index: u32) {
    if let Some(value) = values.get_ptr_mut(index) {
        // SAFETY: the slot is this CPU's own. An interrupt between load and store can lose one step, no more.
        let value = unsafe { &mut *value };
        *value = value.wrapping_add(1);
    }
}

/// Counts a failure.
#[inline(always)]
pub(crate) fn count(counter: Counter) {
    increment(&COUNTERS, counter as u32);
}

/// Counts that a hook did its work: the proof that it fires.
#[inline(always)]
pub(crate) fn hit(hook: Hook) {
    increment(&HITS, hook as u32);
}

/// The entry of the socket at this address.
#[inline(always)]
pub(crate) fn entry(sock: u64) -> Option<&'static mut SocketEntry> {
    let entry = SOCKETS.get_ptr_mut(sock)?;
    // SAFETY: map values live as long as the program runs. Two CPUs can hold one entry; its fields are plain
    // numbers, and the kernel's socket lock orders what matters.
    Some(unsafe { &mut *entry })
}

/// An entry of zeros, to be filled in its place in the map: it would not fit the stack.
static BLANK: SocketEntry = SocketEntry::BLANK;

/// A blank entry in place of whatever was there.
#[inline(always)]
pub(crate) fn replace(sock: u64) -> Option<&'static mut SocketEntry> {
    let blank: &SocketEntry = &BLANK;
    if settle(SOCKETS.insert(sock, blank, u64::from(BPF_ANY))) {
        entry(sock)
    } else {
        None
    }
}

/// A blank entry where none is.
#[inline(always)]
pub(crate) fn create(sock: u64) -> Option<&'static mut SocketEntry> {
    let blank: &SocketEntry = &BLANK;
    if settle(SOCKETS.insert(sock, blank, u64::from(BPF_NOEXIST))) {
        entry(sock)
    } else {
        None
    }
}

#[inline(always)]
fn settle(result: Result<(), i32>) -> bool {
    match result {
        Ok(()) => true,
        Err(E2BIG) => {
            count(Counter::MapFull);
            false
        }
        Err(_) => {
            count(Counter::MapError);
            false
        }
    }
}

/// Forgets a socket.
#[inline(always)]
pub(crate) fn remove(sock: u64) {
    if SOCKETS.remove(sock).is_err() {
        count(Counter::MapError);
    }
}
