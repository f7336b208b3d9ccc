//! The ring buffer: room is reserved, every byte is written, and wake-ups are batched, because they cost ten
//! times as much as the record.

use core::cell::UnsafeCell;

use aya_ebpf::bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::helpers::bpf_get_smp_processor_id;
use aya_ebpf::macros::map;
use aya_ebpf::maps::RingBuf;
use aya_ebpf::maps::ring_buf::RingBufEntry;
use finback_common::counter::Counter;
use finback_common::hook::Hook;
use finback_common::record::{RecordHeader, StackRecord};

use crate::globals::global;
use crate::maps;
use crate::rule::{self, Wake};

/// Bytes unless the agent asks for another size.
const RING_BYTES: u32 = 8 << 20;

#[map]
static RECORDS: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// When the agent was last woken. Written by all CPUs without order: a lost write costs one wake-up more.
struct LastWake(UnsafeCell<u64>);

// SAFETY: the value is a plain number that is read and written whole.
unsafe impl Sync for LastWake {}

#[unsafe(no_mangle)]
static LAST_WAKE: LastWake = LastWake(UnsafeCell::new(0));

/// How soon the agent must see a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It opens or resolves a finding.
    Urgent,
    /// Nobody waits for it.
    Patient,
}

/// Makes a header.
#[inline(always)]
pub(crate) fn header(kind: u8, hook: Hook, time_ns: u64, sock: u64) -> RecordHeader {
    // SAFETY: the helper has no precondition.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    RecordHeader {
        kind,
        hook: hook as u8,
        reserved: 0,
        cpu,
        time_ns,
        sock,
    }
}

/// Room for a record, to be written in its place, because the stack has 512 bytes; counts that there was none.
#[inline(always)]
pub(crate) fn reserve<T: 'static>() -> Option<RingBufEntry<T>> {
    let slot = RECORDS.reserve::<T>(0);
    if slot.is_none() {
        maps::count(Counter::RingFull);
    }
    slot
}

/// The record in its place. Every byte must be written before it is submitted.
#[inline(always)]
pub(crate) fn record<T: 'static>(slot: &mut RingBufEntry<T>) -> &mut T {
    // SAFETY: there is room for a whole record, and any bytes make one: it has numbers only.
    unsafe { &mut *slot.as_mut_ptr() }
}

/// Hands a record to the agent.
#[inline(always)]
pub(crate) fn submit<T: 'static>(slot: RingBufEntry<T>, time_ns: u64, urgency: Urgency) {
    slot.submit(wake_flags(time_ns, urgency));
}

/// Takes the user's stack at this moment, unless the ring has no room to spare for it.
#[inline(always)]
pub(crate) fn emit_stack(time_ns: u64, fill: impl FnOnce(*mut StackRecord) -> bool) {
    if RECORDS.query(u64::from(BPF_RB_AVAIL_DATA)) >= u64::from(global!(SETTINGS.stack_room)) {
        maps::count(Counter::StackLeftOut);
        return;
    }
    let Some(mut slot) = RECORDS.reserve::<StackRecord>(0) else {
        maps::count(Counter::StackLeftOut);
        return;
    };
    if fill(slot.as_mut_ptr()) {
        slot.submit(wake_flags(time_ns, Urgency::Patient));
    } else {
        maps::count(Counter::StackUnreadable);
        slot.discard(u64::from(BPF_RB_NO_WAKEUP));
    }
}

#[inline(always)]
fn wake_flags(now_ns: u64, urgency: Urgency) -> u64 {
    let limit_ns = match urgency {
        Urgency::Urgent => global!(SETTINGS.wake_urgent_ns),
        Urgency::Patient => global!(SETTINGS.wake_idle_ns),
    };
    // SAFETY: see LastWake.
    let last_ns = unsafe { LAST_WAKE.0.get().read_volatile() };
    let wake = match rule::wake(now_ns.saturating_sub(last_ns), u64::from(limit_ns)) {
        Wake::Yes => true,
        Wake::No => false,
        Wake::IfFull => {
            RECORDS.query(u64::from(BPF_RB_AVAIL_DATA)) >= u64::from(global!(SETTINGS.wake_bytes))
        }
    };
    if wake {
        // SAFETY: see LastWake.
        unsafe { LAST_WAKE.0.get().write_volatile(now_ns) };
        u64::from(BPF_RB_FORCE_WAKEUP)
    } else {
        u64::from(BPF_RB_NO_WAKEUP)
    }
}
