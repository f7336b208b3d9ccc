//! One row of a tool: whose it is shows in its words.

use super::{Asked, Clues, Reading, TEXT_MAX, lsof, netstat, procfs, ss};

/// What a row says; `None` if it is no row of a TCP socket.
pub(super) fn of(line: &str) -> Option<Asked> {
    let clues = clues(line)?;
    Some(Asked {
        text: line.trim().to_owned(),
        readings: vec![Reading::Connection(clues)],
    })
}

fn clues(line: &str) -> Option<Clues> {
    if line.len() > TEXT_MAX {
        return None;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.len() < 2 {
        return None;
    }
    procfs::link(&words)
        .or_else(|| procfs::row(&words))
        .or_else(|| lsof::row(&words))
        .or_else(|| netstat::row(&words))
        .or_else(|| ss::row(line))
        .filter(Clues::any)
}

/// Whether a tool that lists more than TCP has written it about something else.
pub(super) fn is_of_something_else(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [.., _, "->", _] => true,
        ["udp" | "udp6" | "raw" | "raw6" | "unix", ..] => true,
        words => lsof::is_row(words) || ss::is_other(words),
    }
}
