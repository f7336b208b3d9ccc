//! The maps, reached only by the small functions here and in [`place`](crate::place), which count every failure.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, PerCpuArray};
use finback_common::counter::{self, Counter};
use finback_common::hook::{self, Hook};
use finback_common::interest::PROVING;

use crate::globals::interest;

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

/// Counts that a hook did its work, while that is being proven.
#[inline(always)]
pub(crate) fn hit(hook: Hook) {
    if interest() & PROVING != 0 {
        increment(&HITS, hook as u32);
    }
}
