//! Rows of `lsof`, whole or with -i.

use super::number::number;
use super::{Clues, Place};

/// `python3 4711 shop 5u IPv4 31337 0t0 TCP 192.0.2.1:80->192.0.2.2:5000 (CLOSE_WAIT)`, and of a socket that is in no
/// table any more `python3 4711 shop 5u sock 0,9 0t0 31337 protocol: TCP` (older: `can't identify protocol`).
pub(super) fn row(words: &[&str]) -> Option<Clues> {
    let pid = number(words.get(1)?)?;
    // -K puts the thread and its name between the process and the user.
    let kind = (4..=6).find(|at| matches!(words.get(*at), Some(&("IPv4" | "IPv6" | "sock"))))?;
    let fd = descriptor(words.get(kind - 1)?)?;
    let rest = words.get(kind + 1..)?;
    let (inode, ends) = match words[kind] {
        "sock" => (detached(rest)?, Vec::new()),
        _ => internet(rest)?,
    };
    Some(Clues {
        inode: Some(inode),
        holders: vec![(pid, fd)],
        ends,
        ..Clues::default()
    })
}

/// Whether it is a row about any file.
pub(super) fn is_row(words: &[&str]) -> bool {
    const SPECIAL: [&str; 8] = ["cwd", "rtd", "txt", "mem", "DEL", "err", "NOFD", "ltx"];
    let fd = |word: &&str| SPECIAL.contains(word) || descriptor(word).is_some();
    let pid = words.get(1).and_then(|word| number::<u32>(word));
    pid.is_some() && words.len() >= 7 && words[3..6].iter().any(fd)
}

/// Number and how it is open: `5u`, `12r`, `3uW`.
fn descriptor(word: &str) -> Option<u32> {
    let end = word
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(word.len());
    number(&word[..end])
}

/// Device, size, inode.
fn detached(rest: &[&str]) -> Option<u64> {
    let [_device, _size, inode, ..] = rest else {
        return None;
    };
    number(inode)
}

/// Inode, size, protocol, name.
fn internet(rest: &[&str]) -> Option<(u64, Vec<Place>)> {
    let [inode, _size, "TCP", name, ..] = rest else {
        return None;
    };
    let ends = match name.split_once("->") {
        Some((local, peer)) => vec![Place::parse(local)?, Place::parse(peer)?],
        None => vec![Place::parse(name)?, Place::parse("*:*")?],
    };
    Some((number(inode)?, ends))
}
