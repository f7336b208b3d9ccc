//! The stacks of a process's threads as they are now. Nobody is stopped for it: a thread that is blocked in the
//! kernel stands still, and whether it did is checked before and after.

use std::fs;
use std::io;

use finback_common::record::Registers;
use finback_common::row::ThreadRow;

use super::image::Image;
use super::keeper::Kept;
use super::memory::{self, Top};
use super::model::{Absence, Kind};
use super::syscall;
use super::unwind::{Shared, Walker};
use crate::lossy;
use crate::process::status::Status;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// Threads of one finding at most.
pub(super) const MAX_THREADS: usize = 8;

/// Whose stacks are wanted.
pub(super) struct Wanted<'a> {
    pub(super) process: ProcessId,
    /// What `iter/task` said of its threads; empty if it cannot tell.
    pub(super) rows: &'a [ThreadRow],
    /// These first.
    pub(super) first: &'a [u32],
    pub(super) now: Timestamp,
}

/// The stacks of the threads that matter most.
pub(super) fn current(wanted: &Wanted<'_>, shared: &mut Shared) -> Vec<Kept> {
    let ids = chosen(wanted);
    let Ok(Some(image)) = Image::read(wanted.process) else {
        return Vec::new();
    };
    let mut walker = Walker::new(image);
    ids.into_iter()
        .filter_map(|thread| one(wanted, thread, &mut walker, shared))
        .collect()
}

/// Those named first, then the main thread, then the oldest.
fn chosen(wanted: &Wanted<'_>) -> Vec<u32> {
    let pid = wanted.process.pid;
    let mut all: Vec<u32> = if wanted.rows.is_empty() {
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        let names = tasks.into_iter().flatten().flatten();
        names
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect()
    } else {
        wanted.rows.iter().map(|row| row.tid).collect()
    };
    all.sort_unstable_by_key(|thread| {
        let rank = wanted.first.iter().position(|first| first == thread);
        (rank.unwrap_or(usize::MAX), *thread != pid, *thread)
    });
    all.truncate(MAX_THREADS);
    all
}

/// The stack of one thread; `None` if it has gone.
fn one(wanted: &Wanted<'_>, thread: u32, walker: &mut Walker, shared: &mut Shared) -> Option<Kept> {
    let pid = wanted.process.pid;
    let name = lossy::read(format!("/proc/{pid}/task/{thread}/comm")).ok()?;
    let row = wanted.rows.iter().find(|row| row.tid == thread);
    let mut kept = Kept {
        kind: Kind::Current,
        time: wanted.now,
        process: wanted.process,
        thread,
        thread_name: name.trim_end().into(),
        syscall: None,
        trace: Err(Absence::Running),
    };
    let before = State::read(pid, thread);
    let blocked = match &before {
        Ok(State {
            blocked: Some(blocked),
            ..
        }) => *blocked,
        Ok(State { blocked: None, .. }) => return Some(kept),
        Err(absence) => {
            kept.trace = Err(*absence);
            return Some(kept);
        }
    };
    kept.syscall = (blocked.number >= 0).then(|| syscall::name(blocked.number));
    let registers = row.and_then(|row| registers(row, blocked));
    let known = registers.unwrap_or(Registers {
        ip: blocked.ip,
        sp: blocked.sp,
        ..Registers::default()
    });
    let memory = memory::read(pid, known.sp);
    // Before it is unwound: only what was read must have stood still.
    if memory.is_ok() && State::read(pid, thread) != before {
        kept.trace = Err(Absence::Moved);
        return Some(kept);
    }
    kept.trace = match &memory {
        Ok(bytes) => {
            let start = known.sp;
            walker.walk(known, Top { start, bytes }, shared)
        }
        Err(_) => Err(Absence::Unreadable),
    };
    Some(kept)
}

/// What the iterator saw, if the thread has not moved since.
fn registers(row: &ThreadRow, blocked: Blocked) -> Option<Registers> {
    let Registers { ip, sp, .. } = row.registers;
    (ip == blocked.ip && sp == blocked.sp).then_some(row.registers)
}

/// Where a thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    /// Number of the system call, -1 outside of one (a page fault).
    number: i64,
    sp: u64,
    ip: u64,
}

/// Whether a thread stands, and how often it has been switched away from: the same twice means that it did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    blocked: Option<Blocked>,
    switches: u64,
}

impl State {
    fn read(pid: u32, thread: u32) -> Result<Self, Absence> {
        let path = |name| format!("/proc/{pid}/task/{thread}/{name}");
        let absence = |error: io::Error| match error.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH) => Absence::ProcessGone,
            _ => Absence::Unreadable,
        };
        let status = Status::at(&path("status")).map_err(absence)?;
        let blocked = fs::read_to_string(path("syscall")).map_err(absence)?;
        Ok(Self {
            blocked: parse(&blocked),
            switches: status.switches(),
        })
    }
}

/// `running`, or `-1 sp ip`, or `number, six arguments, sp, ip` (`proc_pid_syscall` in `fs/proc/base.c`).
pub(super) fn parse(text: &str) -> Option<Blocked> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let hexadecimal = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    let [number, .., sp, ip] = words.as_slice() else {
        return None;
    };
    Some(Blocked {
        number: number.parse().ok()?,
        sp: hexadecimal(sp)?,
        ip: hexadecimal(ip)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_thread_stands() {
        let blocked = parse("232 0x4 0x7ffd 0x1 0xffff 0x0 0x0 0x7ffd1000 0x7f5e2000\n").unwrap();
        assert_eq!(
            (blocked.number, blocked.sp, blocked.ip),
            (232, 0x7ffd_1000, 0x7f5e_2000)
        );
        assert_eq!(parse("-1 0x7ffd1000 0x7f5e2000").unwrap().number, -1);
        assert_eq!(parse("running\n"), None);
    }

    #[test]
    fn names_of_system_calls() {
        assert_eq!(&*syscall::name(libc::SYS_recvfrom), "recvfrom");
        assert_eq!(&*syscall::name(9_999), "system call 9999");
    }
}
