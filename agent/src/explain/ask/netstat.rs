//! Rows of `netstat -t`, with -p and -e or without.

use super::number::number;
use super::{Clues, Host, Place};

/// Addresses are cut to this without -W.
const COLUMN: usize = 23;

/// `tcp6  1  0 ::1:18081  ::1:46090  CLOSE_WAIT  1000  31337  4711/python3`.
pub(super) fn row(words: &[&str]) -> Option<Clues> {
    let [
        "tcp" | "tcp6" | "tcp4",
        received,
        sent,
        local,
        peer,
        rest @ ..,
    ] = words
    else {
        return None;
    };
    let _: (u64, u64) = (number(received)?, number(sent)?);
    // Where -l is given listeners have no other state, and other tools leave that out.
    let rest = match rest {
        [state, rest @ ..] if state.bytes().all(is_state) => rest,
        rest => rest,
    };
    let (inode, rest) = match rest {
        [_user, inode, rest @ ..] if number::<u64>(inode).is_some() => (number(inode), rest),
        rest => (None, rest),
    };
    Some(Clues {
        inode: inode.filter(|inode| *inode != 0),
        pid: rest.first().and_then(|word| program(word)),
        ends: vec![end(local)?, end(peer)?],
        ..Clues::default()
    })
}

const fn is_state(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

/// `4711/python3`; `-` where it may not be known.
fn program(word: &str) -> Option<u32> {
    word.split_once('/').and_then(|(pid, _)| number(pid))
}

/// A cut address of IPv6 may still look like one.
fn end(word: &str) -> Option<Place> {
    let place = Place::parse(word)?;
    let cut = word.len() == COLUMN
        && match &place.host {
            Host::Address(address) => address.is_ipv6(),
            Host::Named(_) => true,
            Host::Any => false,
        };
    Some(if cut { place.without_host() } else { place })
}
