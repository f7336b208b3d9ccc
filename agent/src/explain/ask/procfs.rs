//! Rows of `/proc/net/tcp` and links of `/proc/PID/fd`.

use super::endpoint::hexadecimal;
use super::number::number;
use super::{Clues, Place};

/// `5 -> socket:[31337]` with whatever `ls -l` puts before it, or a whole path.
pub(super) fn link(words: &[&str]) -> Option<Clues> {
    let [.., name, "->", target] = words else {
        return None;
    };
    let target = target.trim_matches(['\'', '"']);
    let inode = target.strip_prefix("socket:[")?.strip_suffix(']')?;
    Some(Clues {
        inode: number(inode),
        holders: descriptor(name).into_iter().collect(),
        ..Clues::default()
    })
}

/// The descriptor that a whole path names.
fn descriptor(path: &str) -> Option<(u32, u32)> {
    let path = path.trim_matches(['\'', '"']).strip_prefix("/proc/")?;
    let (pid, fd) = path.split_once("/fd/")?;
    Some((number(pid)?, number(fd)?))
}

/// `  3: 0100007F:46A0 0100007F:BB08 08 00000000:00000001 00:00000000 00000000  1000  0 31337 1 …`; the number of the
/// row may have been cut off.
pub(super) fn row(words: &[&str]) -> Option<Clues> {
    let words = match words {
        [first, rest @ ..]
            if first
                .strip_suffix(':')
                .is_some_and(|n| number::<u64>(n).is_some()) =>
        {
            rest
        }
        words => words,
    };
    let [local, peer, state, _, _, _, _, _, inode, ..] = words else {
        return None;
    };
    if state.len() != 2 {
        return None;
    }
    Some(Clues {
        // In TIME_WAIT there is none.
        inode: number(inode).filter(|inode| *inode != 0),
        ends: vec![hexadecimal(local)?, hexadecimal(peer)?],
        ..Clues::default()
    })
    .filter(|clues| clues.ends.iter().any(Place::any))
}
