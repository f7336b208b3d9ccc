//! The user's stack when a socket is opened, as registers and bytes: following frame pointers here would lose every
//! program that has none, and that is most of them.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use finback_common::counter::Counter;
use finback_common::entry::SocketEntry;
use finback_common::hook::Hook;
use finback_common::record::{STACK_PART_BYTES, STACK_PARTS, StackRecord, kind};

use crate::globals::global;
use crate::maps;
use crate::registers::Registers;
use crate::ring;
use crate::task::Task;

/// Takes the stack of the current task, which has just become the owner of a socket.
#[inline(always)]
pub(crate) fn take(task: Task, entry: &SocketEntry, sock: u64, hook: Hook, now_ns: u64) {
    if global!(SETTINGS.stack_registers) == 0 {
        return;
    }
    let Some(registers) = task.registers() else {
        maps::count(Counter::StackUnreadable);
        return;
    };
    ring::emit_stack(now_ns, |record| {
        // SAFETY: there is room for a whole record.
        unsafe { fill(record, task, registers, entry, sock, hook, now_ns) };
        // SAFETY: there is room for a whole record.
        let record = unsafe { &mut *record };
        record.length = copy(registers.sp, &mut record.data);
        record.length > 0
    });
}

/// # Safety
/// There must be room for a record.
#[inline(always)]
unsafe fn fill(
    record: *mut StackRecord,
    task: Task,
    registers: Registers,
    entry: &SocketEntry,
    sock: u64,
    hook: Hook,
    now_ns: u64,
) {
    macro_rules! set {
        ($($field:ident = $value:expr;)+) => {$(
            let value = $value;
            // SAFETY: the caller promised room for the whole record.
            unsafe { (&raw mut (*record).$field).write(value) };
        )+};
    }
    set! {
        header = ring::header(kind::STACK, hook, now_ns, sock, entry.birth_ns);
        pid = entry.owner.pid;
        tid = entry.owner.tid;
        start_ns = entry.owner.start_ns;
        comm = task.name();
        ip = registers.ip;
        sp = registers.sp;
        fp = registers.fp;
        lr = registers.lr;
        exec_id = task.exec_id();
        source = entry.owner.source;
        reserved = 0;
    }
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
