//! Every change of state.

use aya_log_ebpf::debug;
use finback_common::counter::Counter;
use finback_common::entry::{SocketEntry, flag, source};
use finback_common::hook::Hook;
use finback_common::record::{StateRecord, kind, state_flag};
use finback_common::tcp;

use super::owner::{begin, entry_or_late, now, own};
use crate::globals::global;
use crate::maps;
use crate::memory::Memory;
use crate::ring::{self, Urgency};
use crate::rule::{self, SOCK_DEAD, SOCK_DONE};
use crate::sock::Sock;
use crate::task::{self, Ids, Task};

/// The socket is about to go (or has just gone) from `old` to `new`.
#[inline(always)]
pub(crate) fn changed<M: Memory>(sock: Sock<M>, old: u8, new: u8, hook: Hook) {
    if old == new || !sock.is_tcp() {
        return;
    }
    maps::hit(hook);
    let now_ns = now();
    let error = sock.error();
    let by_application = rule::by_application(old, new, error);
    let Some(entry) = entry_for(sock, old, new, now_ns) else {
        return;
    };
    update(sock, entry, old, new, error, now_ns);
    // A child that its listener drops when that closes was nobody's: it has no `struct socket` yet.
    if by_application && entry.owner.source == source::NONE && !sock.socket().is_null() {
        adopt(sock, entry, new, hook, now_ns);
    }
    debug!((), "state {} -> {}, error {}", old, new, error);
    if global!(SETTINGS.state_mask) & (1 << (new & 31)) != 0 {
        announce(sock, entry, old, new, error, by_application, hook, now_ns);
    }
}

/// The entry: a fresh one where a connection begins, else the one there is.
#[inline(always)]
fn entry_for<M: Memory>(
    sock: Sock<M>,
    old: u8,
    new: u8,
    now_ns: u64,
) -> Option<&'static mut SocketEntry> {
    let address = sock.address();
    if rule::begins(old, new) {
        let flags = match new {
            tcp::SYN_SENT => flag::CLIENT,
            tcp::SYN_RECV => flag::SERVER,
            _ => 0,
        };
        return replace(sock, new, flags, now_ns);
    }
    if old == tcp::SYN_RECV {
        // Without a hook that sees the child's first moments (tcp_set_state does not) an entry that is not
        // in SYN_RECV belongs to an earlier connection at the same address.
        return match maps::entry(address) {
            Some(entry) if entry.state == tcp::SYN_RECV => Some(entry),
            _ => replace(sock, old, flag::SERVER, now_ns),
        };
    }
    entry_or_late(sock, old, now_ns)
}

/// Puts a fresh entry under the socket's address.
#[inline(always)]
fn replace<M: Memory>(
    sock: Sock<M>,
    state: u8,
    flags: u8,
    now_ns: u64,
) -> Option<&'static mut SocketEntry> {
    let address = sock.address();
    if let Some(older) = maps::entry(address)
        && older.state != tcp::CLOSE
    {
        maps::count(Counter::Reused);
    }
    let entry = maps::replace(address)?;
    begin(entry, sock, state, flags, now_ns);
    Some(entry)
}

#[inline(always)]
fn update<M: Memory>(
    sock: Sock<M>,
    entry: &mut SocketEntry,
    old: u8,
    new: u8,
    error: u32,
    now_ns: u64,
) {
    entry.state = new;
    entry.changed_ns = now_ns;
    entry.error = error as u16;
    // A connect that failed has had a local port all the same.
    if rule::completes_addresses(old) && (new != tcp::CLOSE || entry.tuple.local_port == 0) {
        entry.tuple = sock.tuple();
    }
    if new == tcp::CLOSE_WAIT {
        entry.fin_ns = now_ns;
        entry.flags |= flag::FIN_SEEN;
        entry.sent_at_fin = sock.bytes_sent();
    }
    if new == tcp::CLOSE && sock.flags() & SOCK_DEAD != 0 {
        entry.flags |= flag::ORPHAN;
    }
}

/// A system call of the socket's own process changed the state, and nobody knows the process yet.
#[inline(always)]
fn adopt<M: Memory>(sock: Sock<M>, entry: &mut SocketEntry, new: u8, hook: Hook, now_ns: u64) {
    // Also where tcp_connect has a hook of its own: a program that a preempted task is inside of does not run again
    // on that CPU, and a connection whose process nobody knows is worth less than the record.
    let source = match new {
        tcp::SYN_SENT => source::CONNECT,
        _ => source::USE,
    };
    own(sock, sock.socket(), entry, source, hook, now_ns);
}

#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one record; a struct for them would be the record"
)]
fn announce<M: Memory>(
    sock: Sock<M>,
    entry: &SocketEntry,
    old: u8,
    new: u8,
    error: u32,
    by_application: bool,
    hook: Hook,
    now_ns: u64,
) {
    let mut flags = relayed(sock.flags(), entry.flags);
    let mut actor = Ids { pid: 0, tid: 0 };
    if by_application {
        let task = Task::current();
        if !task.is_kernel_thread() {
            actor = task::ids();
        }
        if task.is_exiting() {
            flags |= state_flag::EXITING;
        }
    }
    let mut unread = 0;
    if new == tcp::CLOSE_WAIT {
        unread = sock.unread();
        if sock.socket().is_null() {
            flags |= state_flag::UNATTACHED;
        }
    }
    let urgency = if rule::is_urgent(old, new) {
        Urgency::Urgent
    } else {
        Urgency::Patient
    };
    ring::emit(now_ns, urgency, || StateRecord {
        header: ring::header(kind::STATE, hook, now_ns, sock.address(), entry.birth_ns),
        tuple: entry.tuple,
        old,
        new,
        flags,
        reserved: 0,
        error,
        unread,
        actor_pid: actor.pid,
        actor_tid: actor.tid,
        cookie: sock.cookie(),
    });
}

/// The kernel's flags and ours as a record carries them.
#[inline(always)]
const fn relayed(sock_flags: u64, entry_flags: u8) -> u8 {
    let mut flags = 0;
    if sock_flags & SOCK_DEAD != 0 {
        flags |= state_flag::DEAD;
    }
    if sock_flags & SOCK_DONE != 0 {
        flags |= state_flag::DONE;
    }
    if entry_flags & flag::SHUTDOWN != 0 {
        flags |= state_flag::SHUTDOWN;
    }
    if entry_flags & flag::CLOSED != 0 {
        flags |= state_flag::CLOSED;
    }
    if entry_flags & flag::CLIENT != 0 {
        flags |= state_flag::CLIENT;
    }
    if entry_flags & flag::SERVER != 0 {
        flags |= state_flag::SERVER;
    }
    flags
}
