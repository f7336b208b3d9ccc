//! Two programs on one hook. The kernel skips a program where an interrupt would run it inside itself; its twin on the
//! same hook runs there all the same. The one that comes first leaves a note, by which the other one knows that there is
//! nothing left to do. Which one that is differs between tracepoints and trampolines, and does not matter.

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use finback_common::interest::TWICE;

use crate::globals::interest;

/// Changes of one CPU that one program has done and its twin has not looked at yet: nested interrupts are few.
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

/// Whether the twin has done this change; if not, it is this program's, which leaves a note.
///
/// A note that nobody picked up, because the twin was skipped, is picked up at the next change of the same kind by the
/// first of the two, and then the second one works.
#[inline(always)]
pub(super) fn is_done(sock: u64, old: u8, new: u8) -> bool {
    if interest() & TWICE == 0 {
        return false;
    }
    let Some(done) = DONE.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: the place is this CPU's own. An interrupt in between costs one note, and then both work.
    let done = unsafe { &mut *done };
    let wanted = note(sock, old, new);
    for place in &mut done.notes {
        if *place == wanted {
            *place = 0;
            return true;
        }
    }
    let at = done.next as usize & (NOTES - 1);
    done.next = done.next.wrapping_add(1);
    if let Some(place) = done.notes.get_mut(at) {
        *place = wanted;
    }
    false
}
