//! Two programs on one hook. The kernel skips a program where an interrupt would run it inside itself; its twin on the
//! same hook runs there all the same. The one that comes first leaves a note, by which the other one knows that there is
//! nothing left to do. Which one that is differs between tracepoints and trampolines, and does not matter.

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use finback_common::interest::TWICE;

use crate::globals::interest;
use crate::time::now;

/// Changes of one CPU that one program has done and its twin has not looked at yet: nested interrupts are few.
const NOTES: usize = 8;
/// The twin comes at once. A note that is older was left for one that was skipped, and the socket may be another
/// connection's by now. Where an interrupt has come between the two for longer, both work.
const FRESH_NS: u64 = 30_000;

/// One of the two.
#[derive(Clone, Copy)]
pub(super) enum Twin {
    First = 0,
    Second = 1,
}

impl Twin {
    const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

#[repr(C)]
struct Note {
    what: u64,
    time_ns: u64,
}

#[repr(C)]
struct Done {
    next: u64,
    notes: [Note; NOTES],
}

#[map]
static DONE: PerCpuArray<Done> = PerCpuArray::with_max_entries(1, 0);

/// Names one change of one socket and who has done it.
#[inline(always)]
const fn name(sock: u64, old: u8, new: u8, by: Twin) -> u64 {
    // The uppermost byte is the same in every address of the kernel, and the lowest three bits are zero.
    (sock << 8) ^ ((by as u64) << 8) ^ ((old as u64) << 4) ^ new as u64
}

/// Whether the twin has done this change; if not, it is this program's, which leaves a note.
#[inline(always)]
pub(super) fn is_done(me: Twin, sock: u64, old: u8, new: u8) -> bool {
    if interest() & TWICE == 0 {
        return false;
    }
    let Some(done) = DONE.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: the place is this CPU's own. An interrupt in between costs one note, and then both work.
    let done = unsafe { &mut *done };
    let now_ns = now();
    let wanted = name(sock, old, new, me.other());
    for note in &mut done.notes {
        if note.what == wanted {
            note.what = 0;
            if now_ns.wrapping_sub(note.time_ns) < FRESH_NS {
                return true;
            }
        }
    }
    let at = done.next as usize & (NOTES - 1);
    done.next = done.next.wrapping_add(1);
    if let Some(note) = done.notes.get_mut(at) {
        note.time_ns = now_ns;
        note.what = name(sock, old, new, me);
    }
    false
}
