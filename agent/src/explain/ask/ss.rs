//! Rows of `ss`, with or without the columns Netid and State, and the lines that go on with a row.

use super::number::{hexadecimal, number};
use super::{Clues, Place};

/// Holders of one row that are kept.
const HOLDERS_MAX: usize = 64;

/// Other families that `ss` lists beside TCP.
const OTHERS: [&str; 13] = [
    "nl", "p_raw", "p_dgr", "u_str", "u_dgr", "u_seq", "udp", "raw", "icmp6", "sctp", "tipc",
    "v_str", "xdp",
];

/// `CLOSE-WAIT 1 0 192.0.2.1:80 192.0.2.2:5000 users:(("python3",pid=4711,fd=5)) ino:31337 sk:2a`.
pub(super) fn row(line: &str) -> Option<Clues> {
    let clues = more(line);
    let rest = without_users(line);
    let mut words = rest.split_whitespace();
    if is_other(&[words.clone().next()?]) {
        return None;
    }
    // What comes before are the columns Netid and State, then two queues.
    words
        .by_ref()
        .take(4)
        .position(|word| number::<u64>(word).is_some())?;
    number::<u64>(words.next()?)?;
    let ends = vec![Place::parse(words.next()?)?, Place::parse(words.next()?)?];
    Some(Clues { ends, ..clues })
}

/// Whether it is a row of another family.
pub(super) fn is_other(words: &[&str]) -> bool {
    words.first().is_some_and(|family| OTHERS.contains(family))
}

/// What a line tells beside the addresses.
pub(super) fn more(line: &str) -> Clues {
    let rest = without_users(line);
    let value = |label: &str| {
        rest.split_whitespace()
            .find_map(|word| word.strip_prefix(label))
    };
    Clues {
        inode: value("ino:").and_then(number).filter(|inode| *inode != 0),
        cookie: value("sk:").and_then(hexadecimal),
        holders: users(line),
        ..Clues::default()
    }
}

/// A process may have blanks, brackets and quotes in its name: only the numbers behind it count.
fn users(line: &str) -> Vec<(u32, u32)> {
    let Some((_, list)) = line.split_once("users:((") else {
        return Vec::new();
    };
    let list = &list[..list.rfind("))").unwrap_or(list.len())];
    let holders = list.split("),(").filter_map(holder);
    holders.take(HOLDERS_MAX).collect()
}

/// `"python3",pid=4711,fd=5`, and of versions before 2015 `"python3",4711,5`.
fn holder(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.rsplit(',');
    let fd = parts.next()?;
    let pid = parts.next()?;
    let fd = fd.strip_prefix("fd=").unwrap_or(fd);
    let pid = pid.strip_prefix("pid=").unwrap_or(pid);
    Some((number(pid)?, number(fd)?))
}

fn without_users(line: &str) -> String {
    let Some((before, list)) = line.split_once("users:((") else {
        return line.to_owned();
    };
    let after = list.rfind("))").map_or("", |end| &list[end + 2..]);
    format!("{before} {after}")
}
