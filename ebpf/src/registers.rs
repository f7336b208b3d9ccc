//! The registers with which a task entered the kernel (`struct pt_regs`): they lie at the upper end of its kernel
//! stack. `bpf_task_pt_regs` gives them from 5.15 on; this works on every kernel and in every type of program.

use crate::globals::global;
use crate::memory::{Memory, Pointer};

/// What unwinding starts from.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    pub(crate) ip: u64,
    pub(crate) sp: u64,
    pub(crate) fp: u64,
    pub(crate) lr: u64,
}

/// Offsets in `struct pt_regs` of x86-64, fixed because ptrace shows them to programs (`arch/*/include/uapi/asm/ptrace.h`).
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

#[cfg(not(bpf_target_arch = "aarch64"))]
#[inline(always)]
pub(crate) fn of<M: Memory>(task: Pointer<M>) -> Option<Registers> {
    let stack = task.follow(global!(OFFSETS.task_stack)).probed();
    let top = global!(SETTINGS.stack_registers);
    let mut found = shifted(stack, u64::from(top));
    if found.get::<u16>(place::CS) != place::USER_CS {
        found = shifted(stack, u64::from(top) - place::PADDING);
        if found.get::<u16>(place::CS) != place::USER_CS {
            return None;
        }
    }
    Some(Registers {
        ip: found.get(place::IP),
        sp: found.get(place::SP),
        fp: found.get(place::FP),
        lr: 0,
    })
}

#[cfg(bpf_target_arch = "aarch64")]
#[inline(always)]
pub(crate) fn of<M: Memory>(task: Pointer<M>) -> Option<Registers> {
    const REGISTERS: u32 = 8;
    /// `pstate`: the exception level is 0 and the state is not the 32-bit one.
    const MODE_MASK: u64 = 0x1f;
    let stack = task.follow(global!(OFFSETS.task_stack)).probed();
    let found = shifted(stack, u64::from(global!(SETTINGS.stack_registers)));
    if found.get::<u64>(33 * REGISTERS) & MODE_MASK != 0 {
        return None;
    }
    Some(Registers {
        fp: found.get(29 * REGISTERS),
        lr: found.get(30 * REGISTERS),
        sp: found.get(31 * REGISTERS),
        ip: found.get(32 * REGISTERS),
    })
}

#[inline(always)]
fn shifted(pointer: Pointer<crate::memory::Probe>, by: u64) -> Pointer<crate::memory::Probe> {
    let address = pointer.address().wrapping_add(by);
    // SAFETY: probe reads accept any address.
    unsafe { Pointer::new(address as *const u8) }
}
