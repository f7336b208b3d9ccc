//! `iter/task`: the threads of one process with the registers they entered the kernel with.

use core::ffi::c_void;

use finback_common::record::Registers;
use finback_common::row::{ThreadRow, kind};

use super::sequence::{Meta, write};
use crate::globals::global;
use crate::maps;
use crate::memory::{Pointer, Probe};
use crate::registers;

/// `struct bpf_iter__task` (`kernel/bpf/task_iter.c`).
#[repr(C)]
struct Task {
    meta: *const Meta,
    task: *const u8,
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
extern "C" fn iter_task(ctx: *mut c_void) -> i32 {
    // SAFETY: the kernel passes a `bpf_iter__task`; the task is null at the end of the walk.
    let Task { meta, task } = unsafe { ctx.cast::<Task>().read() };
    if task.is_null() {
        return 0;
    }
    // SAFETY: meta is never null.
    let seq = unsafe { (*meta).seq };
    // SAFETY: probe reads accept any address.
    let task = unsafe { Pointer::<Probe>::new(task) };
    let pid: u32 = task.get(global!(OFFSETS.task_tgid));
    if pid != maps::wanted() {
        return 0;
    }
    let mut found = Registers::default();
    registers::read(task, &mut found);
    let leader = task.follow(global!(OFFSETS.task_leader));
    write(
        seq,
        &ThreadRow {
            kind: kind::THREAD,
            reserved: [0; 3],
            pid,
            tid: task.get(global!(OFFSETS.task_pid)),
            exec_id: task.get(global!(OFFSETS.task_exec)),
            start_ns: leader.get(global!(OFFSETS.task_start)),
            comm: task.get(global!(OFFSETS.task_comm)),
            registers: found,
        },
    );
    0
}
