//! One [`Process`] for all sockets of a process: equal owners share it, and a record costs no allocation.

use std::sync::Arc;
use std::time::Duration;

use finback_common::row::HolderRow;
use finback_common::socket::{self, source};
use rustc_hash::FxHashMap;

use super::cgroup::Groups;
use finback_core::model::socket::{Attribution, Owner, Process, ProcessId};
use finback_core::model::time::Timestamp;

/// More names than this are not remembered: the cache is emptied of those that no socket uses any more.
const LIMIT: usize = 16 << 10;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    pid: u32,
    start_ns: u64,
    comm: [u8; 16],
    seen: Option<(u32, u64)>,
}

/// The processes seen lately.
#[derive(Default)]
pub(super) struct Processes {
    known: FxHashMap<Key, Arc<Process>>,
    /// The one last seen under a pid.
    latest: FxHashMap<u32, Arc<Process>>,
    /// Where their groups are looked up, if those are asked for.
    groups: Option<Groups>,
    refreshed: Timestamp,
}

/// A process that no hook names may have moved to another group after this time.
const GROUP_AGE: Duration = Duration::from_mins(1);

impl Processes {
    pub(super) fn new(groups: Option<Groups>) -> Self {
        Self {
            groups,
            ..Self::default()
        }
    }

    /// Forgets from time to time what may have changed: a hook's record says in which group the process is then, a
    /// descriptor does not.
    pub(super) fn refresh(&mut self, now: Timestamp) {
        if self.groups.is_some() && now >= self.refreshed + GROUP_AGE {
            self.refreshed = now;
            self.known.retain(|key, _| key.seen.is_some());
        }
    }

    /// The owner in a record or a place; `None` while the kernel side does not know it.
    pub(super) fn owner(&mut self, owner: &socket::Owner, since: Timestamp) -> Option<Owner> {
        let attribution = match owner.source {
            source::CONNECT => Attribution::Connect,
            source::ACCEPT => Attribution::Accept,
            source::USE => Attribution::Holder,
            _ => return None,
        };
        let process = self.process(Key {
            pid: owner.pid,
            start_ns: owner.start_ns,
            comm: owner.comm,
            seen: Some((owner.uid, owner.cgroup)),
        });
        Some(Owner {
            process,
            thread: (owner.tid != 0).then_some(owner.tid),
            attribution,
            since,
        })
    }

    /// The process in a row of the iterator.
    pub(super) fn holder(&mut self, row: &HolderRow) -> Arc<Process> {
        self.process(Key {
            pid: row.pid,
            start_ns: row.start_ns,
            comm: row.comm,
            seen: None,
        })
    }

    /// The process as `/proc` shows it. That rounds the start down to a tick of `tick_ns`; if a hook or the iterator
    /// has seen the same process, its exact start is taken.
    pub(super) fn listed(
        &mut self,
        pid: u32,
        start_ns: u64,
        tick_ns: u64,
        comm: [u8; 16],
    ) -> Arc<Process> {
        let is_same =
            |process: &Process| process.id.start.as_nanos() / tick_ns == start_ns / tick_ns;
        if let Some(process) = self.latest.get(&pid).filter(|process| is_same(process)) {
            return Arc::clone(process);
        }
        self.process(Key {
            pid,
            start_ns,
            comm,
            seen: None,
        })
    }

    fn process(&mut self, key: Key) -> Arc<Process> {
        if let Some(process) = self.known.get(&key) {
            return Arc::clone(process);
        }
        if self.known.len() >= LIMIT {
            self.forget();
        }
        let groups = self.groups.as_mut();
        let id = key.seen.map(|(_, cgroup)| cgroup);
        let group = groups.and_then(|groups| groups.of(key.pid, id));
        let process = Arc::new(Process {
            id: ProcessId {
                pid: key.pid,
                start: Timestamp::from_nanos(key.start_ns),
            },
            comm: text(&key.comm),
            uid: key.seen.map(|(uid, _)| uid),
            cgroup: key.seen.map(|(_, cgroup)| cgroup),
            group,
        });
        self.latest.insert(key.pid, Arc::clone(&process));
        self.known.insert(key, Arc::clone(&process));
        process
    }

    fn forget(&mut self) {
        self.latest.clear();
        self.known
            .retain(|_, process| Arc::strong_count(process) > 1);
        if self.known.len() > LIMIT / 2 {
            // Everything is in use: sharing with the old ones is lost, memory stays bounded.
            self.known.clear();
        }
    }
}

/// A `comm` up to its first zero byte; a process can set any bytes.
pub(super) fn text(comm: &[u8; 16]) -> Box<str> {
    let end = comm
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(comm.len());
    String::from_utf8_lossy(&comm[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(pid: u32) -> socket::Owner {
        socket::Owner {
            pid,
            tid: pid + 1,
            uid: 33,
            source: source::ACCEPT,
            start_ns: 5,
            comm: *b"nginx\0\0\0\0\0\0\0\0\0\0\0",
            ..socket::Owner::default()
        }
    }

    #[test]
    fn equal_owners_share_one_process() {
        let mut processes = Processes::default();
        let now = Timestamp::from_nanos(9);
        let one = processes.owner(&owner(7), now).unwrap();
        let two = processes.owner(&owner(7), now).unwrap();
        assert!(Arc::ptr_eq(&one.process, &two.process));
        assert_eq!(
            (&*one.process.comm, one.process.uid, one.thread),
            ("nginx", Some(33), Some(8))
        );
        assert_eq!(one.attribution, Attribution::Accept);
        let reused_pid = socket::Owner {
            start_ns: 6,
            ..owner(7)
        };
        let three = processes.owner(&reused_pid, now).unwrap();
        assert_ne!(one.process, three.process);
    }

    #[test]
    fn proc_s_rounded_start_finds_the_exact_one() {
        let mut processes = Processes::default();
        let precise = socket::Owner {
            start_ns: 1_234_567_890,
            ..owner(7)
        };
        let seen = processes.owner(&precise, Timestamp::default()).unwrap();
        let listed = processes.listed(7, 1_230_000_000, 10_000_000, precise.comm);
        assert!(Arc::ptr_eq(&seen.process, &listed));
        let other = processes.listed(7, 1_240_000_000, 10_000_000, precise.comm);
        assert_eq!(other.id.start, Timestamp::from_nanos(1_240_000_000));
    }

    #[test]
    fn an_owner_that_is_not_known_is_none() {
        assert_eq!(
            Processes::default().owner(&socket::Owner::default(), Timestamp::default()),
            None
        );
    }

    #[test]
    fn the_cache_is_bounded_even_if_every_process_is_in_use() {
        let mut processes = Processes::default();
        let held: Vec<_> = (0..40_000)
            .filter_map(|pid| processes.owner(&owner(pid), Timestamp::default()))
            .collect();
        assert_eq!(held.len(), 40_000);
        assert!(processes.known.len() <= LIMIT);
    }

    #[test]
    fn a_comm_of_any_bytes_becomes_text() {
        assert_eq!(&*text(&[b'a'; 16]), "aaaaaaaaaaaaaaaa");
        assert_eq!(
            &*text(&[0xff, b'b', 0, b'c', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            "\u{fffd}b"
        );
    }
}
