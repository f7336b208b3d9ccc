//! Who opens a connection, in the system call that does it.

use aya_log_ebpf::debug;
use finback_common::hook::Hook;
use finback_common::interest::OPEN;
use finback_common::place::OpenerPlace;
use finback_common::record::{OpenRecord, kind};
use finback_common::socket::{Owner, source};

use crate::memory::{Memory, Pointer};
use crate::place::{self, load, store};
use crate::ring::{self, Urgency};
use crate::sock::{self, Sock};
use crate::stack;
use crate::task::Task;
use crate::time::now;

/// Remembers the current process as the one that has opened the connection, and says so if that is asked for.
#[inline(always)]
pub(crate) fn opens<M: Memory>(
    sock: Sock<M>,
    socket: Pointer<M>,
    state: u8,
    source: u8,
    hook: Hook,
) {
    let task = Task::current();
    if !task.is_somebody() {
        return;
    }
    let now_ns = now();
    let address = sock.address();
    let owner = task.owner(source);
    debug!((), "process {} opens, source {}", owner.pid, source);
    if let Some(place) = place::opener(address) {
        remember(place, sock, address, &owner, now_ns);
    }
    if place::is_asked_for(OPEN, address) {
        ring::emit(now_ns, Urgency::Patient, || OpenRecord {
            header: ring::header(kind::OPEN, hook, now_ns, address),
            inode: sock::inode(socket),
            owner,
            tuple: sock.tuple(),
            state,
            reserved: [0; 3],
        });
    }
    stack::take(&owner, address, hook, now_ns);
}

/// Says that the current process uses a connection that nobody was seen opening. A subscriber wants to know whose it
/// is, a finding looks at the descriptors.
///
/// A function of its own: its caller's stack is almost full.
#[inline(never)]
pub(crate) fn uses<M: Memory>(sock: Sock<M>, state: u8) -> u32 {
    let address = sock.address();
    let is_known = place::opener(address).is_some_and(|place| load!(place.sock) == address);
    let task = Task::current();
    if is_known || !place::is_asked_for(OPEN, address) || !task.is_somebody() {
        return 0;
    }
    let now_ns = now();
    let owner = task.owner(source::USE);
    ring::emit(now_ns, Urgency::Patient, || OpenRecord {
        header: ring::header(kind::OPEN, Hook::TpSetState, now_ns, address),
        inode: sock::inode(sock.socket()),
        owner,
        tuple: sock.tuple(),
        state,
        reserved: [0; 3],
    });
    0
}

/// Takes the place, whoever is in it. While it is written it is nobody's.
#[inline(always)]
fn remember<M: Memory>(
    place: *mut OpenerPlace,
    sock: Sock<M>,
    address: u64,
    owner: &Owner,
    now_ns: u64,
) {
    store!(place.sock = 0);
    store!(place.time_ns = now_ns);
    store!(place.owner = *owner);
    store!(place.peer_addr = sock.peer_addr());
    store!(place.netns = sock.netns());
    store!(place.peer_port = sock.peer_port());
    store!(place.family = sock.family());
    store!(place.seal = OpenerPlace::seal_of(address, now_ns, owner));
    store!(place.sock = address);
}
