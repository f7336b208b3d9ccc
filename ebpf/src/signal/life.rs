//! The moments of a connection's life, kept while the stream runs.

use finback_common::place::{LifePlace, life_flag};
use finback_common::tcp;

use crate::memory::Memory;
use crate::place::{self, load, store};
use crate::rule;
use crate::sock::Sock;

/// A change of state.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    pub(crate) old: u8,
    pub(crate) new: u8,
    pub(crate) error: u32,
    /// Of the task that made it in a system call, else 0.
    pub(crate) task_flags: u32,
    pub(crate) now_ns: u64,
}

/// What a record of the change takes from the life, as it was before.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    /// When the old state had been entered; 0 if that was not seen.
    pub(crate) entered_ns: u64,
    /// Bits of [`life_flag`], those of the change itself included.
    pub(crate) flags: u8,
}

/// Writes the change into the life of its connection. Without a place there is only what the socket itself tells.
#[inline(always)]
pub(crate) fn follow<M: Memory>(sock: Sock<M>, change: Change) -> Before {
    let flags = momentary(sock, change);
    let address = sock.address();
    let mut found = place::life(address);
    if let Some(place) = found
        && rule::is_first(change.old, change.new, load!(place.state))
    {
        // The address was another connection's before.
        store!(place.sock = 0);
        found = None;
    }
    let Some(place) = found.or_else(|| begin(address, change)) else {
        return Before {
            entered_ns: 0,
            flags,
        };
    };
    let known = lasting(load!(place.flags)) | role(change);
    let flags = flags | known | opened_by(sock, known);
    let entered_ns = if load!(place.state) == change.old {
        load!(place.changed_ns)
    } else {
        0
    };
    write(place, change, flags);
    Before { entered_ns, flags }
}

#[inline(always)]
fn begin(address: u64, change: Change) -> Option<*mut LifePlace> {
    let place = place::room_for_life(address)?;
    store!(place.opened_ns = 0);
    store!(place.established_ns = 0);
    store!(place.fin_received_ns = 0);
    store!(place.fin_sent_ns = 0);
    store!(place.fin_acked_ns = 0);
    store!(place.changed_ns = 0);
    store!(place.from = 0);
    store!(place.state = change.old);
    store!(place.flags = 0);
    store!(place.error = 0);
    store!(place.sock = address);
    Some(place)
}

#[inline(always)]
fn write(place: *mut LifePlace, change: Change, flags: u8) {
    let Change {
        old,
        new,
        error,
        now_ns,
        ..
    } = change;
    match new {
        tcp::SYN_SENT | tcp::SYN_RECV => store!(place.opened_ns = now_ns),
        tcp::ESTABLISHED => store!(place.established_ns = now_ns),
        tcp::CLOSE_WAIT | tcp::CLOSING => store!(place.fin_received_ns = now_ns),
        tcp::FIN_WAIT1 | tcp::LAST_ACK => store!(place.fin_sent_ns = now_ns),
        tcp::FIN_WAIT2 => store!(place.fin_acked_ns = now_ns),
        tcp::CLOSE if old == tcp::FIN_WAIT2 && flags & life_flag::DONE != 0 => {
            store!(place.fin_received_ns = now_ns);
        }
        _ => {}
    }
    store!(place.changed_ns = now_ns);
    store!(place.from = old);
    store!(place.state = new);
    store!(place.error = error);
    store!(place.flags = flags);
}

/// Which end opened the connection, as far as this change tells.
#[inline(always)]
const fn role(change: Change) -> u8 {
    match (change.old, change.new) {
        (_, tcp::SYN_SENT) => life_flag::CLIENT,
        (tcp::SYN_RECV, _) | (_, tcp::SYN_RECV) => life_flag::SERVER,
        _ => 0,
    }
}

/// The same of a connection whose beginning was not seen.
#[inline(always)]
fn opened_by<M: Memory>(sock: Sock<M>, known: u8) -> u8 {
    if known & (life_flag::CLIENT | life_flag::SERVER) == 0 && sock.has_connected() {
        life_flag::CLIENT
    } else {
        0
    }
}

/// Flags that stay.
#[inline(always)]
const fn lasting(flags: u8) -> u8 {
    flags & (life_flag::CLIENT | life_flag::SERVER | life_flag::SHUTDOWN | life_flag::CLOSED)
}

/// Flags of this moment.
#[inline(always)]
fn momentary<M: Memory>(sock: Sock<M>, change: Change) -> u8 {
    let flags = rule::momentary(sock.flags(), change.task_flags);
    if sock.socket().is_null() {
        flags | life_flag::UNATTACHED
    } else {
        flags
    }
}

/// What a record takes from the socket where no life is kept.
#[inline(always)]
pub(crate) fn without<M: Memory>(sock: Sock<M>, change: Change) -> Before {
    let known = role(change);
    Before {
        entered_ns: 0,
        flags: momentary(sock, change) | known | opened_by(sock, known),
    }
}

/// Adds a flag to the life of a connection, if it has one.
#[inline(always)]
pub(crate) fn note(address: u64, flag: u8) {
    if let Some(place) = place::life(address) {
        let flags = load!(place.flags);
        store!(place.flags = flags | flag);
    }
}
