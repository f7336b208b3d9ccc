//! The second copy of a program. The kernel skips a program where an interrupt would run it inside itself; a copy on
//! the same hook runs there all the same. What the first one has done it leaves a note of, so that the copy works only
//! where it was skipped.

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use finback_common::interest::LIFE;

use crate::globals::interest;

/// Changes that one CPU's first program has done and its copy has not looked at yet: nested interrupts are few.
const NOTES: usize = 8;

#[repr(C)]
struct Done {
    next: u64,
    notes: [u64; NOTES],
}

#[map]
static DONE: PerCpuArray<Done> = PerCpuArray::with_max_entries(1, 0);

/// Names one change of one socket.
#[inline(always)]
const fn note(sock: u64, old: u8, new: u8) -> u64 {
    // The uppermost byte is the same in every address of the kernel.
    (sock << 8) ^ ((old as u64) << 4) ^ new as u64
}

/// The first program says that it sees this change, if there may be a copy.
#[inline(always)]
pub(super) fn done(sock: u64, old: u8, new: u8) {
    if interest() & LIFE == 0 {
        return;
    }
    if let Some(done) = DONE.get_ptr_mut(0) {
        // SAFETY: the place is this CPU's own. An interrupt in between costs one note, and then the copy works twice.
        let done = unsafe { &mut *done };
        let at = done.next as usize & (NOTES - 1);
        done.next = done.next.wrapping_add(1);
        if let Some(place) = done.notes.get_mut(at) {
            *place = note(sock, old, new);
        }
    }
}

/// Whether the first program has seen this change; its note is used up.
#[inline(always)]
pub(super) fn was_done(sock: u64, old: u8, new: u8) -> bool {
    let Some(done) = DONE.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: as above.
    let done = unsafe { &mut *done };
    let wanted = note(sock, old, new);
    for place in &mut done.notes {
        if *place == wanted {
            *place = 0;
            return true;
        }
    }
    false
}
