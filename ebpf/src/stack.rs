//! The user's stack when a socket is opened, as registers and bytes: following frame pointers here would lose every
//! program that has none, and that is most of them.

use core::ffi::c_void;

use aya_ebpf::helpers::bpf_get_smp_processor_id;
use aya_ebpf::helpers::generated::bpf_probe_read_user;
use finback_common::hook::Hook;
use finback_common::record::{STACK_PART_BYTES, STACK_PARTS, kind};
use finback_common::socket::Owner;

use crate::globals::global;
use crate::task::Task;
use crate::{registers, ring};

/// Takes the stack of the current task, which has just become the owner of a socket.
#[inline(always)]
pub(crate) fn take(owner: &Owner, sock: u64, hook: Hook, now_ns: u64) {
    if global!(SETTINGS.stack_registers) != 0 {
        taken(owner, sock, hook as u32, now_ns);
    }
}

/// A program of its own: its caller's stack is almost full. Everything is written where it lies in the ring.
#[inline(never)]
fn taken(owner: &Owner, sock: u64, hook: u32, now_ns: u64) -> u32 {
    ring::emit_stack(now_ns, |record| {
        // SAFETY: there is room for a whole record, and any bytes make one.
        let record = unsafe { &mut *record };
        let task = Task::current().pointer();
        if !registers::read(task, &mut record.registers) {
            return false;
        }
        record.length = copy(record.registers.sp, &mut record.data);
        if record.length == 0 {
            return false;
        }
        // SAFETY: the helper has no precondition.
        let cpu = unsafe { bpf_get_smp_processor_id() };
        record.header.kind = kind::STACK;
        record.header.hook = hook as u8;
        record.header.reserved = 0;
        record.header.cpu = cpu;
        record.header.time_ns = now_ns;
        record.header.sock = sock;
        record.pid = owner.pid;
        record.tid = owner.tid;
        record.start_ns = owner.start_ns;
        record.source = owner.source;
        record.reserved = 0;
        task.fill(global!(OFFSETS.task_comm), &mut record.comm);
        task.fill(global!(OFFSETS.task_exec), &mut record.exec_id);
        true
    });
    0
}

/// Copies the stack part by part: the last pages before its end, or pages that are not in memory, end the copy.
#[inline(always)]
fn copy(from: u64, into: &mut [[u8; STACK_PART_BYTES]; STACK_PARTS]) -> u16 {
    let mut length = 0_u16;
    for part in into {
        let at = from.wrapping_add(u64::from(length));
        // SAFETY: the helper writes so many bytes, of which there is room, and checks the source itself.
        let failed = unsafe {
            bpf_probe_read_user(
                part.as_mut_ptr().cast(),
                STACK_PART_BYTES as u32,
                at as *const c_void,
            )
        };
        if failed != 0 {
            break;
        }
        length += STACK_PART_BYTES as u16;
    }
    length
}
