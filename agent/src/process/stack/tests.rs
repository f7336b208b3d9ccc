//! Stacks of this very program, whose functions and lines are known.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::mpsc::channel;
use std::thread;

use finback_common::record::Registers;
use rustix::event::{PollFd, PollFlags, poll};

use super::image::Image;
use super::keeper::Kept;
use super::link::Link;
use super::memory::{self, Top};
use super::model::Name;
use super::names::Namer;
use super::threads::{self, Wanted};
use super::unwind::{Shared, Walker};
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

fn own_id() -> ProcessId {
    let stat = procfs::process::Process::myself().unwrap().stat().unwrap();
    ProcessId {
        pid: std::process::id(),
        start: Timestamp::from_nanos(stat.starttime * 10_000_000),
    }
}

const WAITING: u32 = line!() + 5;

#[inline(never)]
fn waits_to_be_found(end: BorrowedFd<'_>) {
    let mut waited = [PollFd::from_borrowed_fd(end, PollFlags::IN)];
    poll(&mut waited, None).unwrap();
    // Not the last call of the function: that would leave no frame.
    std::hint::black_box(&waited);
}

/// Runs `look` with the id of a thread that waits in [`waits_to_be_found`].
fn with_a_waiting_thread<T>(look: impl FnOnce(u32) -> T) -> T {
    let (end, start) = rustix::pipe::pipe().unwrap();
    let (tell, told) = channel();
    let waiting = thread::Builder::new()
        .name("waiting".into())
        .spawn(move || {
            tell.send(rustix::thread::gettid()).unwrap();
            waits_to_be_found(end.as_fd());
        })
        .unwrap();
    let thread = told.recv().unwrap().as_raw_pid().cast_unsigned();
    let path = format!("/proc/self/task/{thread}/syscall");
    let polls = format!("{} ", libc::SYS_ppoll);
    while !std::fs::read_to_string(&path).unwrap().starts_with(&polls) {
        thread::yield_now();
    }
    let found = look(thread);
    drop(start);
    waiting.join().unwrap();
    found
}

fn current(thread: u32, shared: &mut Shared) -> Kept {
    let wanted = Wanted {
        process: own_id(),
        rows: &[],
        first: &[thread],
        now: Timestamp::default(),
    };
    let stacks = threads::current(&wanted, shared);
    stacks.into_iter().next().unwrap()
}

#[test]
fn a_blocked_thread_is_found_with_function_and_line() {
    let mut shared = Shared::new(Link::in_thread());
    let kept = with_a_waiting_thread(|thread| current(thread, &mut shared));
    let stack = Namer::new(Link::in_thread()).name(&kept);
    assert_eq!((&*stack.thread_name, stack.absence), ("waiting", None));
    assert_eq!(stack.syscall.as_deref(), Some("ppoll"));
    let place = stack.frames.iter().find_map(|frame| match &frame.name {
        Name::Known(place) if place.function.ends_with("waits_to_be_found") => Some(place),
        Name::Known(_) | Name::Unknown(_) => None,
    });
    let place = place.unwrap_or_else(|| panic!("{stack:#?}"));
    assert_eq!(place.line, Some(WAITING));
    assert!(place.file.as_deref().unwrap().ends_with("stack/tests.rs"));
}

#[test]
fn names_outlive_the_process_and_are_looked_up_once() {
    let mut shared = Shared::new(Link::in_thread());
    let kept = with_a_waiting_thread(|thread| current(thread, &mut shared));
    let mut namer = Namer::new(Link::in_thread());
    let first = namer.name(&kept);
    let spent = namer.spent;
    // The same build in a process that has gone.
    let gone = Kept {
        process: ProcessId {
            start: Timestamp::default(),
            ..kept.process
        },
        ..kept
    };
    namer.rest();
    assert_eq!(namer.name(&gone).frames, first.frames);
    assert_eq!(namer.spent, spent, "symbols were read again");
}

#[test]
fn a_copy_that_ends_early_is_a_truncated_stack() {
    let mut shared = Shared::new(Link::in_thread());
    let (trace, whole) = with_a_waiting_thread(|thread| {
        let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).unwrap();
        let number = |word: &str| u64::from_str_radix(&word[2..], 16).unwrap();
        let words: Vec<&str> = text.split_whitespace().collect();
        let from = Registers {
            ip: number(words[8]),
            sp: number(words[7]),
            ..Registers::default()
        };
        let bytes = memory::read(std::process::id(), from.sp).unwrap();
        let mut walker = Walker::new(Image::read(own_id()).unwrap().unwrap());
        let mut walk = |bytes| {
            let start = from.sp;
            walker
                .walk(from, Top { start, bytes }, &mut shared)
                .unwrap()
        };
        (walk(&bytes[..16]), walk(&bytes))
    });
    assert!(trace.truncated);
    assert!(trace.spots.len() < whole.spots.len());
}

#[test]
fn a_wild_instruction_pointer_is_no_frame() {
    let mut shared = Shared::new(Link::in_thread());
    let mut walker = Walker::new(Image::read(own_id()).unwrap().unwrap());
    let from = Registers {
        ip: 8,
        ..Registers::default()
    };
    let top = Top {
        start: 0,
        bytes: &[],
    };
    let trace = walker.walk(from, top, &mut shared).unwrap();
    assert!(trace.spots.is_empty() && trace.truncated);
}

#[test]
fn another_process_under_the_same_pid_is_not_read() {
    let other = ProcessId {
        start: Timestamp::from_nanos(1),
        ..own_id()
    };
    assert!(Image::read(other).unwrap().is_none());
    let gone = ProcessId {
        pid: u32::MAX >> 1,
        ..own_id()
    };
    assert!(Image::read(gone).unwrap().is_none());
}
