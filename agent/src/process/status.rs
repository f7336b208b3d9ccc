//! `/proc/PID/status`: a process's users and its names in other pid namespaces (`man 5 proc_pid_status`).

use std::io;

use serde::{Deserialize, Serialize};

use crate::lossy;

/// Users of a process, in finback's user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// Whose rights it has.
    pub effective: u32,
    /// Who started it.
    pub real: u32,
}

/// The file. Its first line is the process's name, in which any byte can stand.
#[derive(Clone, Debug)]
pub(super) struct Status(String);

impl Status {
    pub(super) fn read(pid: u32) -> io::Result<Self> {
        Self::at(&format!("/proc/{pid}/status"))
    }

    /// At this path, which may be a thread's.
    pub(super) fn at(path: &str) -> io::Result<Self> {
        lossy::read(path).map(Self)
    }

    /// As it would be read.
    #[cfg(any(test, fuzzing))]
    pub(super) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Real, effective, saved, and of the file system.
    pub(super) fn users(&self) -> Option<Users> {
        let mut ids = self.words("Uid:");
        let real = ids.next()?.parse().ok()?;
        let effective = ids.next()?.parse().ok()?;
        Some(Users { effective, real })
    }

    /// Its process id in the innermost pid namespace that it is in.
    pub(super) fn innermost(&self) -> Option<u32> {
        self.words("NStgid:").next_back()?.parse().ok()
    }

    /// How often it has been switched away from.
    pub(super) fn switches(&self) -> u64 {
        let counts = ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"]
            .map(|name| self.words(name).next().and_then(|count| count.parse().ok()));
        counts.into_iter().flatten().fold(0, u64::saturating_add)
    }

    fn words(&self, field: &str) -> std::str::SplitWhitespace<'_> {
        // The kernel escapes line feeds in names: nobody makes a line of their own.
        let mut lines = self.0.lines();
        let value = lines.find_map(|line| line.strip_prefix(field));
        value.unwrap_or_default().split_whitespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_changes_nothing_of_the_rest() {
        let status = Status::of(
            "Name:\tUid:\t0\\n\u{fffd}\nNStgid:\t4711\t7\nUid:\t1000\t0\t0\t0\n\
             voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t5\n",
        );
        let users = Users {
            effective: 0,
            real: 1000,
        };
        assert_eq!(status.users(), Some(users));
        assert_eq!(status.innermost(), Some(7));
        assert_eq!(status.switches(), 12);
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        let status = Status::of("Uid:\t1000\n");
        assert_eq!((status.users(), status.innermost()), (None, None));
        assert_eq!(status.switches(), 0);
    }
}
