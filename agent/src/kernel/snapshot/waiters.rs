//! Turns the entries of wait queues into waiters: the wake-up function tells the kind, `/proc/kallsyms` its name.

use std::fs::{self, File};
use std::io::{self, BufReader};

use finback_common::row::WaitRow;
use rustc_hash::FxHashMap;

use finback_core::model::waiting::{Call, Epoll, Waiter};

const SYMBOLS: &str = "/proc/kallsyms";

/// Kinds of wake-up functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Blocked,
    Epoll,
    Poll,
    IoUring,
}

/// Their names.
const FUNCTIONS: &[(&str, Kind)] = &[
    ("ep_poll_callback", Kind::Epoll),
    ("pollwake", Kind::Poll),
    ("woken_wake_function", Kind::Blocked),
    ("autoremove_wake_function", Kind::Blocked),
    ("default_wake_function", Kind::Blocked),
    ("io_poll_wake", Kind::IoUring),
    ("io_async_wake", Kind::IoUring),
];

/// Addresses of the wake-up functions. Read once, when the first half-closed socket is looked at.
#[derive(Debug, Default)]
pub(super) struct Functions {
    kinds: Option<FxHashMap<u64, Kind>>,
}

impl Functions {
    /// Those of a listing like `/proc/kallsyms`.
    #[cfg(any(test, fuzzing))]
    pub(super) fn listed(lines: impl io::BufRead) -> Self {
        Self {
            kinds: parse(lines).ok(),
        }
    }

    /// What this entry is; `None` if the kernel hides its symbols (`kernel.kptr_restrict`).
    pub(super) fn waiter(&mut self, row: &WaitRow) -> Option<Waiter> {
        let kinds = self.kinds.get_or_insert_with(|| {
            File::open(SYMBOLS)
                .and_then(|file| parse(BufReader::new(file)))
                .unwrap_or_default()
        });
        if kinds.is_empty() {
            return None;
        }
        Some(match kinds.get(&row.function) {
            Some(Kind::Blocked) => Waiter::Blocked {
                pid: row.pid,
                thread: row.tid,
                call: call(row.pid, row.tid),
            },
            Some(Kind::Epoll) => Waiter::Epoll(Epoll {
                events: row.events,
                ready: row.ready != 0,
                sleeping: row.sleeping != 0,
            }),
            Some(Kind::Poll) => Waiter::Poll,
            Some(Kind::IoUring) => Waiter::IoUring,
            None => Waiter::Other,
        })
    }
}

/// The system call that a thread is in (`/proc/PID/task/TID/syscall`): a receive and a send sleep in the same queue.
fn call(pid: u32, thread: u32) -> Call {
    let number = fs::read_to_string(format!("/proc/{pid}/task/{thread}/syscall"))
        .ok()
        .and_then(|line| line.split(' ').next()?.parse().ok());
    match number {
        Some(
            libc::SYS_read
            | libc::SYS_readv
            | libc::SYS_recvfrom
            | libc::SYS_recvmsg
            | libc::SYS_recvmmsg,
        ) => Call::Receive,
        Some(
            libc::SYS_write
            | libc::SYS_writev
            | libc::SYS_sendto
            | libc::SYS_sendmsg
            | libc::SYS_sendmmsg
            | libc::SYS_sendfile,
        ) => Call::Send,
        _ => Call::Other,
    }
}

/// Lines of address, type, name and perhaps a module. Addresses of 0 are hidden ones.
fn parse(mut lines: impl io::BufRead) -> io::Result<FxHashMap<u64, Kind>> {
    let mut kinds = FxHashMap::default();
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let mut words = line.split_ascii_whitespace();
        if let (Some(address), Some(_kind), Some(name)) = (words.next(), words.next(), words.next())
            && let Some((_, kind)) = FUNCTIONS.iter().find(|(function, _)| *function == name)
            && let Ok(address) = u64::from_str_radix(address, 16)
            && address != 0
        {
            kinds.insert(address, *kind);
        }
        line.clear();
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "ffffffff81000010 t ep_poll_callback\nffffffff81000020 T woken_wake_function\n\
                           ffffffff81000030 t other\nffffffffc0000040 t pollwake\t[module]\n";

    #[test]
    fn the_wake_up_function_tells_the_waiter() {
        let mut functions = Functions::listed(LISTING.as_bytes());
        let blocked = WaitRow {
            function: 0xffff_ffff_8100_0020,
            pid: 0,
            tid: 8,
            ..WaitRow::default()
        };
        assert_eq!(
            functions.waiter(&blocked),
            Some(Waiter::Blocked {
                pid: 0,
                thread: 8,
                call: Call::Other
            })
        );
        let epoll = WaitRow {
            function: 0xffff_ffff_8100_0010,
            events: 1,
            ready: 1,
            ..WaitRow::default()
        };
        let waiter = functions.waiter(&epoll);
        assert!(
            matches!(
                waiter,
                Some(Waiter::Epoll(Epoll {
                    events: 1,
                    ready: true,
                    ..
                }))
            ),
            "{waiter:?}"
        );
        let other = WaitRow {
            function: 0xffff_ffff_8100_0030,
            ..WaitRow::default()
        };
        assert_eq!(functions.waiter(&other), Some(Waiter::Other));
    }

    #[test]
    fn a_thread_in_a_receive_is_told_from_one_that_runs() {
        use std::io::Read as _;
        use std::os::unix::net::UnixStream;
        let (mut near, far) = UnixStream::pair().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            tell.send(rustix::thread::gettid().as_raw_nonzero().get())
                .unwrap();
            near.read(&mut [0]).unwrap()
        });
        let thread = u32::try_from(told.recv().unwrap()).unwrap();
        let own = std::process::id();
        while call(own, thread) != Call::Receive {
            std::thread::yield_now();
        }
        drop(far);
        assert_eq!(reader.join().unwrap(), 0);
        assert_eq!(call(own, thread), Call::Other, "it has ended");
    }

    #[test]
    fn hidden_symbols_are_not_guessed() {
        let hidden = "0000000000000000 t ep_poll_callback\n";
        let mut functions = Functions::listed(hidden.as_bytes());
        assert_eq!(functions.waiter(&WaitRow::default()), None);
    }
}
