//! The registers with which a task entered the kernel (`struct pt_regs`): they lie at the upper end of its kernel
//! stack. `bpf_task_pt_regs` gives them from 5.15 on; this works on every kernel and in every type of program.

use finback_common::record::Registers;

use crate::globals::global;
use crate::memory::{Pointer, Probe};

/// Offsets in `struct pt_regs`, fixed because ptrace shows them to programs (`arch/*/include/uapi/asm/ptrace.h`).
#[cfg(not(bpf_target_arch = "aarch64"))]
mod place {
    pub(super) const FP: u32 = 32;
    pub(super) const IP: u32 = 128;
    pub(super) const CS: u32 = 136;
    pub(super) const SP: u32 = 152;
    /// `__USER_CS`: 64-bit code. What runs 32-bit code has another one.
    pub(super) const USER_CS: u16 = 0x33;
    /// A kernel built for FRED leaves so much free above the registers (`TOP_OF_KERNEL_STACK_PADDING`, since 6.9).
    pub(super) const PADDING: u64 = 16;
}

/// Reads them to where they are wanted: a program has little stack. `false`: there are none of a 64-bit program.
#[cfg(not(bpf_target_arch = "aarch64"))]
#[inline(always)]
pub(crate) fn read(task: Pointer<Probe>, into: &mut Registers) -> bool {
    let top = u64::from(global!(SETTINGS.stack_registers));
    let mut found = above(task, top);
    if found.get::<u16>(place::CS) != place::USER_CS {
        found = above(task, top - place::PADDING);
        if found.get::<u16>(place::CS) != place::USER_CS {
            return false;
        }
    }
    found.fill(place::IP, &mut into.ip);
    found.fill(place::SP, &mut into.sp);
    found.fill(place::FP, &mut into.fp);
    into.lr = 0;
    true
}

/// Reads them to where they are wanted: a program has little stack. `false`: there are none of a 64-bit program.
#[cfg(bpf_target_arch = "aarch64")]
#[inline(always)]
pub(crate) fn read(task: Pointer<Probe>, into: &mut Registers) -> bool {
    const REGISTER: u32 = 8;
    /// Of `pstate`: exception level 0 and not the 32-bit state.
    const MODE_MASK: u64 = 0x1f;
    let found = above(task, u64::from(global!(SETTINGS.stack_registers)));
    if found.get::<u64>(33 * REGISTER) & MODE_MASK != 0 {
        return false;
    }
    found.fill(29 * REGISTER, &mut into.fp);
    found.fill(30 * REGISTER, &mut into.lr);
    found.fill(31 * REGISTER, &mut into.sp);
    found.fill(32 * REGISTER, &mut into.ip);
    true
}

/// So many bytes above the start of the task's kernel stack.
#[inline(always)]
fn above(task: Pointer<Probe>, bytes: u64) -> Pointer<Probe> {
    let stack = task.follow(global!(OFFSETS.task_stack));
    let address = stack.address().wrapping_add(bytes);
    // SAFETY: probe reads accept any address.
    unsafe { Pointer::new(address as *const u8) }
}
