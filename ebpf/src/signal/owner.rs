//! Entries, and who owns them.

use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use aya_log_ebpf::debug;
use finback_common::counter::Counter;
use finback_common::entry::{SocketEntry, Tuple, flag, source};
use finback_common::hook::Hook;
use finback_common::record::{OwnerRecord, kind};
use finback_common::tcp;

use crate::maps;
use crate::memory::{Memory, Pointer};
use crate::ring::{self, Urgency};
use crate::sock::{self, Sock};
use crate::stack;
use crate::task::Task;

/// The clock of all records, `CLOCK_BOOTTIME`.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: the helper has no precondition.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// Fills a blank entry.
#[inline(always)]
pub(crate) fn begin<M: Memory>(
    entry: &mut SocketEntry,
    sock: Sock<M>,
    state: u8,
    flags: u8,
    now_ns: u64,
) {
    entry.birth_ns = now_ns;
    entry.changed_ns = now_ns;
    entry.tuple = sock.tuple();
    entry.state = state;
    entry.flags = flags;
}

/// The entry of a socket; one that no hook has seen yet gets one now, marked as first seen in mid-life.
#[inline(always)]
pub(crate) fn entry_or_late<M: Memory>(
    sock: Sock<M>,
    state: u8,
    now_ns: u64,
) -> Option<&'static mut SocketEntry> {
    let address = sock.address();
    if let Some(entry) = maps::entry(address) {
        return Some(entry);
    }
    maps::count(Counter::Unknown);
    debug!((), "first seen late, in state {}", state);
    let entry = maps::create(address)?;
    begin(entry, sock, state, flag::SEEDED, now_ns);
    Some(entry)
}

/// Remembers the current process as the socket's owner and says so.
#[inline(always)]
pub(crate) fn own<M: Memory>(
    sock: Sock<M>,
    socket: Pointer<M>,
    entry: &mut SocketEntry,
    source: u8,
    hook: Hook,
    now_ns: u64,
) {
    let task = Task::current();
    if task.is_kernel_thread() {
        return;
    }
    entry.owner = task.owner(source);
    entry.owned_ns = now_ns;
    debug!((), "owner: process {}, source {}", entry.owner.pid, source);
    let inode = if socket.is_null() {
        0
    } else {
        sock::inode(socket)
    };
    ring::emit(now_ns, Urgency::Patient, || OwnerRecord {
        header: ring::header(kind::OWNER, hook, now_ns, sock.address(), entry.birth_ns),
        tuple: entry.tuple,
        state: entry.state,
        flags: entry.flags,
        reserved: 0,
        owner: entry.owner,
        inode,
    });
    stack::take(entry, sock.address(), hook, now_ns);
}

/// The process uses a descriptor whose opener nobody saw: it owns it as far as we can know.
#[inline(always)]
pub(crate) fn own_by_use<M: Memory>(sock: Sock<M>, hook: Hook) {
    let Some(entry) = maps::entry(sock.address()) else {
        return;
    };
    if entry.owner.source == source::NONE && entry.state != tcp::LISTEN {
        own(sock, sock.socket(), entry, source::USE, hook, now());
    }
}

/// Whether the addresses lack something.
#[inline(always)]
pub(crate) const fn is_incomplete(tuple: &Tuple) -> bool {
    tuple.local_port == 0 || tuple.peer_port == 0
}
