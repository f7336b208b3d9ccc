//! The stacks of sockets that are still there.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::model::{Absence, Kind};
use super::unwind::Trace;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// Sockets whose stacks are kept at most; the oldest goes first.
pub(super) const MAX: usize = 16 << 10;
/// Stacks of one socket: its opening, and a first use.
const MAX_PER_SOCKET: usize = 2;

/// A stack with all but its names.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) kind: Kind,
    pub(super) time: Timestamp,
    pub(super) process: ProcessId,
    pub(super) thread: u32,
    pub(super) thread_name: Box<str>,
    pub(super) syscall: Option<Box<str>>,
    pub(super) trace: Result<Arc<Trace>, Absence>,
}

/// Stacks by socket.
#[derive(Default)]
pub(super) struct Keeper {
    stacks: FxHashMap<u64, Vec<Kept>>,
    order: VecDeque<u64>,
}

impl Keeper {
    /// Keeps a stack; tells whether another socket's had to go for it.
    pub(super) fn keep(&mut self, key: u64, stack: Kept) -> bool {
        if let Some(stacks) = self.stacks.get_mut(&key) {
            // What an earlier socket at this address has left goes first.
            if stacks.len() >= MAX_PER_SOCKET {
                stacks.remove(0);
            }
            stacks.push(stack);
            return false;
        }
        let full = self.stacks.len() >= MAX;
        if full {
            self.forget_oldest();
        }
        self.stacks.insert(key, vec![stack]);
        self.order.push_back(key);
        if self.order.len() > 2 * MAX {
            self.order.retain(|key| self.stacks.contains_key(key));
        }
        full
    }

    fn forget_oldest(&mut self) {
        while let Some(oldest) = self.order.pop_front() {
            if self.stacks.remove(&oldest).is_some() {
                return;
            }
        }
    }

    /// The socket has gone at this moment. What is younger is of another one, which has its memory: many records are
    /// read at once.
    pub(super) fn forget(&mut self, key: u64, at: Timestamp) {
        if let Some(stacks) = self.stacks.get_mut(&key) {
            stacks.retain(|stack| stack.time > at);
            if stacks.is_empty() {
                self.stacks.remove(&key);
            }
        }
    }

    /// The stacks of a socket, in the order in which they came.
    pub(super) fn get(&self, key: u64) -> &[Kept] {
        self.stacks.get(&key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn len(&self) -> usize {
        self.stacks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(sock: u64) -> u64 {
        sock
    }

    const fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn stack() -> Kept {
        stack_at(0)
    }

    fn stack_at(nanos: u64) -> Kept {
        Kept {
            kind: Kind::Connect,
            time: at(nanos),
            process: ProcessId {
                pid: 1,
                start: Timestamp::default(),
            },
            thread: 1,
            thread_name: "a".into(),
            syscall: None,
            trace: Err(Absence::ProcessGone),
        }
    }

    #[test]
    fn the_oldest_goes_first_and_what_was_forgotten_does_not_count() {
        let mut keeper = Keeper::default();
        assert!(!(0..MAX as u64).any(|sock| keeper.keep(key(sock), stack())));
        keeper.forget(key(0), at(0));
        assert!(!keeper.keep(key(u64::MAX), stack()));
        assert!(keeper.keep(key(u64::MAX - 1), stack()));
        assert!(keeper.get(key(1)).is_empty(), "the oldest is still there");
        assert_eq!(keeper.get(key(2)).len(), 1);
        assert_eq!(keeper.len(), MAX);
    }

    #[test]
    fn sockets_that_come_and_go_leave_nothing() {
        let mut keeper = Keeper::default();
        for sock in 0..10 * MAX as u64 {
            assert!(!keeper.keep(key(sock), stack()));
            keeper.forget(key(sock), at(sock));
        }
        assert_eq!(keeper.len(), 0);
        assert!(keeper.order.len() <= 2 * MAX);
    }

    #[test]
    fn one_socket_keeps_few_stacks() {
        let mut keeper = Keeper::default();
        for _ in 0..9 {
            keeper.keep(key(1), stack());
        }
        assert_eq!(keeper.get(key(1)).len(), MAX_PER_SOCKET);
    }

    /// Stacks and ends of a batch come one after the other, and in between the memory may have another socket.
    #[test]
    fn the_end_of_an_earlier_socket_takes_nothing_from_the_next_one() {
        let mut keeper = Keeper::default();
        for nanos in [1, 2, 10] {
            keeper.keep(key(1), stack_at(nanos));
        }
        keeper.forget(key(1), at(5));
        let left = keeper.get(key(1)).iter().map(|stack| stack.time);
        assert_eq!(left.collect::<Vec<_>>(), [at(10)]);
        keeper.forget(key(1), at(20));
        assert_eq!(keeper.len(), 0);
    }
}
