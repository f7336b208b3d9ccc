//! The socket's memory is about to be freed: no place may outlive it, the address is reused at once.

use finback_common::hook::Hook;
use finback_common::interest::{END, LIFE};
use finback_common::place::LifePlace;
use finback_common::record::{EndRecord, kind};

use super::half;
use crate::globals::interest;
use crate::maps;
use crate::memory::Memory;
use crate::place::{self, load, store};
use crate::ring::{self, Urgency};
use crate::sock::Sock;
use crate::time::now;

/// `tcp_destroy_sock`, once for every full socket.
#[inline(always)]
pub(crate) fn released<M: Memory>(sock: Sock<M>, hook: Hook) {
    maps::hit(hook);
    let address = sock.address();
    half::forget(address);
    if interest() == 0 {
        return;
    }
    // A socket that was never connected has no end to tell of.
    if place::is_asked_for(END, address) && sock.peer_port() != 0 && sock.is_tcp() {
        announce(sock, address, hook);
    }
    if interest() & LIFE != 0
        && let Some(place) = place::life(address)
    {
        store!(place.sock = 0);
    }
}

#[inline(always)]
fn announce<M: Memory>(sock: Sock<M>, address: u64, hook: Hook) {
    /// Of a connection that was not followed.
    static UNKNOWN: LifePlace = LifePlace {
        sock: 0,
        opened_ns: 0,
        established_ns: 0,
        fin_received_ns: 0,
        fin_sent_ns: 0,
        fin_acked_ns: 0,
        changed_ns: 0,
        from: 0,
        state: 0,
        flags: 0,
        reserved: 0,
        error: 0,
    };
    let Some(tcp) = sock.tcp() else {
        return;
    };
    let Some(mut slot) = ring::reserve::<EndRecord>() else {
        return;
    };
    let now_ns = now();
    let mut place = core::ptr::from_ref(&UNKNOWN).cast_mut();
    if interest() & LIFE != 0
        && let Some(life) = place::life(address)
    {
        place = life;
    }
    let record = ring::record(&mut slot);
    record.header = ring::header(kind::END, hook, now_ns, address);
    record.bytes_acked = tcp.bytes_acked();
    record.bytes_received = tcp.bytes_received();
    record.cookie = sock.cookie();
    record.opened_ns = load!(place.opened_ns);
    record.established_ns = load!(place.established_ns);
    record.fin_received_ns = load!(place.fin_received_ns);
    record.fin_sent_ns = load!(place.fin_sent_ns);
    record.fin_acked_ns = load!(place.fin_acked_ns);
    record.changed_ns = load!(place.changed_ns);
    sock.write_tuple(&mut record.tuple);
    record.error = load!(place.error) as u16;
    record.from = load!(place.from);
    record.flags = load!(place.flags);
    ring::submit(slot, now_ns, Urgency::Patient);
}
