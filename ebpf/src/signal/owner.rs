//! Who opens a connection, in the system call that does it.

use aya_log_ebpf::debug;
use finback_common::hook::Hook;
use finback_common::interest::{OPEN, OPEN_BY_STATE};
use finback_common::place::OpenerPlace;
use finback_common::record::{OpenRecord, kind};
use finback_common::socket::{Owner, source};

use crate::globals::interest;
use crate::memory::{Memory, Pointer};
use crate::place::{self, load, store};
use crate::ring::{self, Urgency};
use crate::sock::{self, Sock};
use crate::stack;
use crate::task::Task;
use crate::time::now;

/// Remembers the current process as the one that has opened the connection, and says so if that is asked for. A program
/// of its own: its paths end here, and do not multiply those of its caller.
#[inline(never)]
pub(crate) fn opens<M: Memory, S: Memory>(
    sock: Sock<M>,
    socket: Pointer<S>,
    state: u8,
    source: u8,
    hook: Hook,
) -> u32 {
    let task = Task::current();
    if !task.is_somebody() {
        return 0;
    }
    let now_ns = now();
    let address = sock.address();
    let owner = task.owner(source);
    debug!((), "process {} opens, source {}", owner.pid, source);
    if let Some(place) = place::opener(address) {
        remember(place, sock, address, &owner, now_ns);
        if source == source::CONNECT {
            remember_destination(place);
        }
    }
    if place::is_asked_for(OPEN, address)
        && let Some(mut slot) = ring::reserve::<OpenRecord>()
    {
        let record = ring::record(&mut slot);
        record.header = ring::header(kind::OPEN, hook, now_ns, address);
        record.inode = sock::inode(socket);
        record.owner = owner;
        sock.write_tuple(&mut record.tuple);
        record.state = state;
        record.reserved = [0; 3];
        ring::submit(slot, now_ns, Urgency::Patient);
    }
    stack::take(&owner, address, hook, now_ns);
    0
}

/// The current process does something with a connection. Where no hook tells who accepts, that says whose it is.
#[inline(always)]
pub(crate) fn seen_using<M: Memory>(sock: Sock<M>, state: u8, hook: Hook) {
    if interest() & (OPEN | OPEN_BY_STATE) == OPEN | OPEN_BY_STATE {
        uses(sock, state, hook);
    }
}

/// Says that the current process uses a connection that nobody was seen opening. A subscriber wants to know whose it
/// is, a finding looks at the descriptors. A program of its own, as [`opens`].
#[inline(never)]
fn uses<M: Memory>(sock: Sock<M>, state: u8, hook: Hook) -> u32 {
    let address = sock.address();
    // What an older socket at this address has left had another peer.
    let is_known = place::opener(address).is_some_and(|place| {
        load!(place.sock) == address && load!(place.peer_port) == sock.peer_port()
    });
    let task = Task::current();
    if is_known || !place::is_asked_for(OPEN, address) || !task.is_somebody() {
        return 0;
    }
    let now_ns = now();
    if let Some(mut slot) = ring::reserve::<OpenRecord>() {
        let record = ring::record(&mut slot);
        record.header = ring::header(kind::OPEN, hook, now_ns, address);
        record.inode = sock::inode(sock.socket());
        record.owner = task.owner(source::USE);
        sock.write_tuple(&mut record.tuple);
        record.state = state;
        record.reserved = [0; 3];
        ring::submit(slot, now_ns, Urgency::Patient);
    }
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
    // SAFETY: a place lives as long as its map.
    sock.write_peer_addr(unsafe { &mut (*place).peer_addr });
    store!(place.netns = sock.netns());
    store!(place.peer_port = sock.peer_port());
    store!(place.family = sock.family());
    store!(place.seal = OpenerPlace::seal_of(address, now_ns, owner));
    store!(place.sock = address);
}

/// Keeps one connection of each process to each peer in a place of its own: short connections use the memory of a few
/// sockets again and again, and who has connected would be forgotten with the next one there.
#[inline(always)]
fn remember_destination(of: *mut OpenerPlace) {
    let (pid, port, peer) = (load!(of.owner.pid), load!(of.peer_port), place::peer(of));
    let Some(place) = place::destination(pid, port, peer) else {
        return;
    };
    let is_known = load!(place.sock) != 0
        && load!(place.owner.pid) == pid
        && load!(place.owner.start_ns) == load!(of.owner.start_ns)
        && load!(place.peer_port) == port
        && load!(place.netns) == load!(of.netns)
        && place::peer(place) == peer;
    if is_known || place == of {
        return;
    }
    store!(place.sock = 0);
    store!(place.time_ns = load!(of.time_ns));
    store!(place.owner = load!(of.owner));
    store!(place.peer_addr = load!(of.peer_addr));
    store!(place.netns = load!(of.netns));
    store!(place.peer_port = port);
    store!(place.family = load!(of.family));
    store!(place.seal = load!(of.seal));
    store!(place.sock = load!(of.sock));
}
