//! `iter/task_file`: every descriptor of every process. Writes a row for each one that refers to a TCP socket,
//! in any network namespace and in any state. Connections that wait in a listener's queue go into a map
//! (`queue.rs`): what one descriptor writes must fit the kernel's buffer of eight pages (`bpf_seq_read`).
//!
//! `bpf_sock_from_file` came with 5.11; a socket's file has it in `private_data` on every kernel.

mod queue;
mod sequence;
mod thread;
mod wait;

use core::ffi::c_void;

use aya_ebpf::bindings::seq_file;
use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use finback_common::row::{HolderRow, StartRow, kind};
use finback_common::tcp;

use self::sequence::{Meta, write};
use crate::globals::global;
use crate::memory::{Copied, Pointer, Probe};
use crate::sock::{self, Sock};
use crate::time::{jiffies, now};

/// `struct bpf_iter__task_file` (`kernel/bpf/task_iter.c`): every member is padded to eight bytes.
#[repr(C)]
struct TaskFile {
    meta: *const Meta,
    task: *const u8,
    fd: u32,
    reserved: u32,
    file: *const u8,
}

/// `S_IFMT` and `S_IFSOCK` of `inode.i_mode`.
const FILE_TYPE: u16 = 0o170_000;
const SOCKET_FILE: u16 = 0o140_000;

/// The row being made: it would not fit the stack. One look runs at a time.
#[map]
static ROW: PerCpuArray<HolderRow> = PerCpuArray::with_max_entries(1, 0);

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
extern "C" fn iter_task_file(ctx: *mut c_void) -> i32 {
    let ctx = ctx.cast::<TaskFile>();
    // SAFETY: the kernel passes a `bpf_iter__task_file`; file and task are null at the end of the walk.
    let TaskFile {
        meta,
        task,
        fd,
        file,
        ..
    } = unsafe { ctx.read() };
    if task.is_null() || file.is_null() {
        return 0;
    }
    // SAFETY: meta is never null.
    let Meta { seq, number, .. } = unsafe { meta.read() };
    if number == 0 {
        write_start(seq);
    }
    // SAFETY: probe reads accept any address.
    let file = unsafe { Pointer::<Probe>::new(file) };
    // SAFETY: as above.
    let task = unsafe { Pointer::<Probe>::new(task) };
    visit(seq, task, fd, file);
    0
}

#[inline(always)]
fn visit(seq: *mut seq_file, task: Pointer<Probe>, fd: u32, file: Pointer<Probe>) {
    let inode = file.follow(global!(OFFSETS.file_inode));
    let mode: u16 = inode.get(global!(OFFSETS.inode_mode));
    if mode & FILE_TYPE != SOCKET_FILE {
        return;
    }
    let socket = file.follow(global!(OFFSETS.file_private));
    // The path of a Unix socket opened with O_PATH has the same file type but no socket.
    if socket.is_null() || socket.follow(global!(OFFSETS.socket_file)).address() != file.address() {
        return;
    }
    let sock = Sock::at(socket.follow(global!(OFFSETS.socket_sk)));
    if sock.is_null() || !is_tcp(sock) {
        return;
    }
    let Some(row) = ROW.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: the place is this CPU's own, and one look runs at a time.
    let row = unsafe { &mut *row };
    write_head(row, task, fd, socket);
    if !write_socket(seq, row, sock.copied()) {
        return;
    }
    if row.socket.state == tcp::LISTEN {
        queue::walk(sock);
    } else if row.socket.shows_waiters() {
        wait::walk(seq, sock);
    }
}

#[inline(never)]
fn write_start(seq: *mut seq_file) -> u32 {
    write(
        seq,
        &StartRow {
            kind: kind::START,
            reserved: [0; 3],
            jiffies: jiffies() as u32,
            now_ns: now(),
        },
    );
    0
}

#[inline(always)]
fn write_head(row: &mut HolderRow, task: Pointer<Probe>, fd: u32, socket: Pointer<Probe>) {
    let leader = task.follow(global!(OFFSETS.task_leader));
    row.kind = kind::HOLDER;
    row.reserved = [0; 3];
    row.pid = task.get(global!(OFFSETS.task_tgid));
    row.tid = task.get(global!(OFFSETS.task_pid));
    row.fd = fd;
    row.start_ns = leader.get(global!(OFFSETS.task_start));
    row.inode = sock::inode(socket);
    leader.fill(global!(OFFSETS.task_comm), &mut row.comm);
}

/// A socket that was never bound or connected is nothing to report: tells whether it is.
#[inline(always)]
fn write_socket(seq: *mut seq_file, row: &mut HolderRow, sock: Sock<Copied>) -> bool {
    sock.write_view(&mut row.socket);
    if row.socket.tuple.local_port == 0 && row.socket.tuple.peer_port == 0 {
        return false;
    }
    write(seq, row);
    true
}

#[inline(always)]
fn is_tcp(sock: Sock<Probe>) -> bool {
    let family = sock.family();
    (family == tcp::AF_INET || family == tcp::AF_INET6) && sock.is_tcp()
}
