//! `/proc/PID/stat`: where a process comes from, and which program it executes (`man 5 proc_pid_stat`).

use std::io;

use finback_core::model::time::Timestamp;

use super::start::started;
use crate::lossy;

/// One line of numbers behind the process's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// What it calls itself.
    pub(super) name: Box<str>,
    /// One letter.
    pub(super) state: char,
    pub(super) parent: u32,
    /// When it started, to a tick.
    pub(super) start: Timestamp,
    /// Where its program's code and its first stack begin; 0 where that may not be known.
    pub(super) code: u64,
    pub(super) stack: u64,
    /// Where its arguments lie.
    pub(super) arguments: Option<u64>,
}

impl Stat {
    pub(super) fn read(pid: u32) -> io::Result<Self> {
        let text = lossy::read(format!("/proc/{pid}/stat"))?;
        Self::parse(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The name stands in parentheses and may itself contain any character: the last one closes it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (before, rest) = text.rsplit_once(')')?;
        let (_, name) = before.split_once('(')?;
        // The state is field 3 of the line.
        let mut words = rest.split_ascii_whitespace();
        let state = words.next()?.chars().next()?;
        let parent = words.next()?.parse().unwrap_or(0);
        let start = words.nth(17)?.parse().ok()?;
        let code = words.nth(3)?.parse().ok()?;
        let stack = words.nth(1)?.parse().ok()?;
        Some(Self {
            name: name.into(),
            state,
            parent,
            start: started(start),
            code,
            stack,
            arguments: words.nth(19).and_then(|word| word.parse().ok()),
        })
    }

    /// It has ended and waits for its parent.
    pub(super) const fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of the line are its fields' own.
    fn line(name: &str, state: char) -> String {
        let fields: Vec<_> = (4..=52).map(|field| field.to_string()).collect();
        format!("7 ({name}) {state} {}\n", fields.join(" "))
    }

    #[test]
    fn fields_are_found_whatever_the_process_calls_itself() {
        for name in ["a", "a) R 1 (b", "\u{fffd})", "", "x\u{1b}[2J"] {
            let stat = Stat::parse(&line(name, 'S')).unwrap();
            assert_eq!(&*stat.name, name);
            assert_eq!((stat.state, stat.parent, stat.has_ended()), ('S', 4, false));
            assert_eq!(stat.start, started(22));
            assert_eq!((stat.code, stat.stack, stat.arguments), (26, 28, Some(48)));
        }
        assert!(Stat::parse(&line("a", 'Z')).unwrap().has_ended());
    }

    #[test]
    fn a_line_that_is_cut_says_nothing() {
        let whole = line("a", 'S');
        let behind_the_stack = whole.find(" 28").unwrap();
        for end in 0..behind_the_stack {
            assert_eq!(Stat::parse(&whole[..end]), None);
        }
    }

    #[test]
    fn this_process_is_what_the_kernel_says() {
        let stat = Stat::read(std::process::id()).unwrap();
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero();
        assert_eq!(stat.parent, parent.get().cast_unsigned());
        assert_eq!(stat.start, super::super::start::own_start());
        assert!(!stat.has_ended() && stat.stack != 0);
    }
}
