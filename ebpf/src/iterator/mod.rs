//! `iter/task_file`: every descriptor of every process. Writes a row for each one that refers to a TCP socket,
//! in any network namespace and in any state, and for each connection that waits in a listener's queue.
//!
//! `bpf_sock_from_file` came with 5.11; a socket's file has it in `private_data` on every kernel.

mod thread;
mod wait;

use core::ffi::c_void;

use aya_ebpf::bindings::seq_file;
use aya_ebpf::helpers::generated::bpf_seq_write;
use finback_common::counter::Counter;
use finback_common::row::{SocketView, StartRow, kind};
use finback_common::tcp;

use crate::globals::{global, has};
use crate::maps;
use crate::memory::{Pointer, Quiet};
use crate::sock::{self, Sock};
use crate::time::jiffies;

/// `struct bpf_iter__task_file` (`kernel/bpf/task_iter.c`): every member is padded to eight bytes.
#[repr(C)]
struct TaskFile {
    meta: *const Meta,
    task: *const u8,
    fd: u32,
    reserved: u32,
    file: *const u8,
}

/// `struct bpf_iter_meta`.
#[repr(C)]
struct Meta {
    seq: *mut seq_file,
    session: u64,
    number: u64,
}

/// The head of a [`HolderRow`](finback_common::row::HolderRow); its socket follows in a write of its own, to
/// spare the stack.
#[repr(C)]
struct HolderHead {
    kind: u8,
    reserved: [u8; 3],
    pid: u32,
    tid: u32,
    fd: u32,
    start_ns: u64,
    inode: u64,
    comm: [u8; 16],
}

const _: () = assert!(
    size_of::<HolderHead>() + size_of::<SocketView>()
        == size_of::<finback_common::row::HolderRow>()
);

/// `S_IFMT` and `S_IFSOCK` of `inode.i_mode`.
const FILE_TYPE: u16 = 0o170_000;
const SOCKET_FILE: u16 = 0o140_000;

/// Connections of one accept queue that one pass looks at. What one file writes must fit the kernel's buffer
/// of eight pages (`bpf_seq_read`), so only those the peer has left get a row.
const QUEUE_WALK: u32 = 200;

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
    let file = unsafe { Pointer::<Quiet>::new(file) };
    // SAFETY: as above.
    let task = unsafe { Pointer::<Quiet>::new(task) };
    visit(seq, task, fd, file);
    0
}

#[inline(always)]
fn visit(seq: *mut seq_file, task: Pointer<Quiet>, fd: u32, file: Pointer<Quiet>) {
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
    // A socket that was never bound or connected is nothing to report.
    let tuple = sock.tuple();
    if tuple.local_port == 0 && tuple.peer_port == 0 {
        return;
    }
    write_head(seq, task, fd, socket);
    let shows_waiters = write_view(seq, sock) != 0;
    if sock.state() == tcp::LISTEN {
        walk_queue(seq, sock);
    } else if shows_waiters {
        wait::walk(seq, sock);
    }
}

#[inline(never)]
fn write_start(seq: *mut seq_file) -> u32 {
    write(
        seq,
        &StartRow {
            kind: kind::START,
            reserved: [0; 7],
            jiffies: jiffies(),
        },
    );
    0
}

#[inline(never)]
fn write_head(seq: *mut seq_file, task: Pointer<Quiet>, fd: u32, socket: Pointer<Quiet>) -> u32 {
    let leader = task.follow(global!(OFFSETS.task_leader));
    write(
        seq,
        &HolderHead {
            kind: kind::HOLDER,
            reserved: [0; 3],
            pid: task.get(global!(OFFSETS.task_tgid)),
            tid: task.get(global!(OFFSETS.task_pid)),
            fd,
            start_ns: leader.get(global!(OFFSETS.task_start)),
            inode: sock::inode(socket),
            comm: leader.get(global!(OFFSETS.task_comm)),
        },
    );
    0
}

/// Returns 1 if the waiters are to follow.
#[inline(never)]
fn write_view(seq: *mut seq_file, sock: Sock<Quiet>) -> u32 {
    let view = sock.view();
    write(seq, &view);
    u32::from(view.shows_waiters())
}

#[inline(always)]
fn is_tcp(sock: Sock<Quiet>) -> bool {
    let family = sock.family();
    (family == tcp::AF_INET || family == tcp::AF_INET6) && sock.is_tcp()
}

/// Rows for the connections that wait in a listener's queue although their peer has left. A child that was
/// reset there is in state CLOSE and in no other list.
#[inline(never)]
fn walk_queue(seq: *mut seq_file, listener: Sock<Quiet>) -> u32 {
    if !has!(accept_head) || !has!(req_sk) || !has!(req_next) {
        return 0;
    }
    // SAFETY: probe reads accept any address.
    let whole = unsafe { Pointer::<Quiet>::new(listener.address() as *const u8) };
    let mut request = whole.follow(global!(OFFSETS.accept_head));
    for _ in 0..QUEUE_WALK {
        if request.is_null() {
            return 0;
        }
        let child = Sock::at(request.follow(global!(OFFSETS.req_sk)));
        if !child.is_null() {
            write_child(seq, listener.address(), child);
        }
        request = request.follow(global!(OFFSETS.req_next));
    }
    if !request.is_null() {
        maps::count(Counter::QueueCut);
    }
    0
}

#[inline(always)]
fn write_child(seq: *mut seq_file, listener: u64, child: Sock<Quiet>) {
    if !matches!(child.state(), tcp::CLOSE_WAIT | tcp::CLOSE) {
        return;
    }
    write(seq, &child.queue_row(listener));
}

#[inline(always)]
fn write<T>(seq: *mut seq_file, value: &T) {
    // SAFETY: the value is initialised and as long as said. When the buffer is full the kernel makes room and
    // visits the file again, so that is no loss.
    unsafe {
        bpf_seq_write(
            seq,
            core::ptr::from_ref(value).cast(),
            size_of::<T>() as u32,
        );
    }
}
