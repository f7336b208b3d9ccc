//! Rows as they were pasted: with headers, with lines that go on with the row before, with what the shell said.

use super::{Asked, Reading, row, ss, word};

/// Lines that are read at most.
pub const LINES_MAX: usize = 10_000;

/// What pasted text asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pasted {
    /// One for each row.
    pub asked: Vec<Asked>,
    /// Lines that say nothing.
    pub unreadable: Vec<Unreadable>,
    /// Rows of files and of other sockets.
    pub others: usize,
    /// There were more lines than are read.
    pub cut: bool,
}

/// A line that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its number, from 1.
    pub line: usize,
    /// Its beginning.
    pub text: String,
}

/// How much of an unreadable line is told, bytes.
const SHOWN: usize = 60;

/// Reads pasted text.
pub fn read(text: &str) -> Pasted {
    let mut pasted = Pasted::default();
    for (at, line) in text.lines().enumerate() {
        if at >= LINES_MAX {
            pasted.cut = true;
            break;
        }
        if !is_noise(line) && !goes_on(line, &mut pasted) {
            take(at, line, &mut pasted);
        }
    }
    pasted
}

fn take(at: usize, line: &str, pasted: &mut Pasted) {
    let words = line.split_whitespace().count();
    let asked = row::of(line);
    // Ids and addresses may be pasted as well, one or two in a line.
    let few = || {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        word::arguments(&words).ok()
    };
    match asked {
        Some(asked) => pasted.asked.push(asked),
        None => match Some(words).filter(|words| *words <= 2).and_then(|_| few()) {
            Some(all) => pasted.asked.extend(all),
            None if row::is_of_something_else(line) => pasted.others += 1,
            None => pasted.unreadable.push(Unreadable {
                line: at + 1,
                text: line.trim()[..line.trim().floor_char_boundary(SHOWN)].to_owned(),
            }),
        },
    }
}

/// An indented line that is no row goes on with the one before: `skmem:(…)`, or columns for which the terminal was too
/// narrow.
fn goes_on(line: &str, pasted: &mut Pasted) -> bool {
    let detail = line.trim_start();
    let indented = detail.len() < line.len();
    let is_detail = [
        "skmem:(", "users:((", "ino:", "timer:(", "cubic", "bbr", "ts ",
    ];
    let known = is_detail.iter().any(|word| detail.starts_with(word));
    if !(indented || known) || row::of(line).is_some() {
        return false;
    }
    let Some(last) = pasted.asked.last_mut() else {
        return false;
    };
    let [Reading::Connection(clues)] = last.readings.as_mut_slice() else {
        return false;
    };
    let more = ss::more(line);
    clues.inode = clues.inode.or(more.inode);
    clues.cookie = clues.cookie.or(more.cookie);
    if clues.holders.is_empty() {
        clues.holders = more.holders;
    }
    true
}

/// Headers, prompts, and what the tools say beside their rows.
fn is_noise(line: &str) -> bool {
    const STARTS: [&str; 17] = [
        "State ",
        "Netid ",
        "Recv-Q",
        "Proto ",
        "Active Internet",
        "Active UNIX",
        "COMMAND ",
        "sl ",
        "total ",
        "(Not all processes",
        "will not be shown",
        "you would have to be root",
        "lsof: WARNING",
        "Output information may",
        "RTNETLINK answers",
        "$ ",
        "# ",
    ];
    let line = line.trim();
    line.is_empty() || STARTS.iter().any(|start| line.starts_with(start))
}
