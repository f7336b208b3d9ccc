//! Descriptions that are remembered, for as many processes as a host may have.

use std::path::Path;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::description::{Description, describe};
use super::start::same_start;
use super::stat::Stat;
use super::workload::Workloads;
use finback_core::model::socket::ProcessId;

/// Processes remembered at most, in two halves: when the one that is being filled is full, the other one is forgotten, and
/// with it whom nobody has asked for since.
const MAX: usize = 16 << 10;

/// A process may have changed its user or its control group, and its container may have been given a name, after this
/// time.
const AGE: Duration = Duration::from_mins(1);

/// Remembers descriptions, and that there is none.
#[derive(Debug)]
pub struct Descriptions {
    workloads: Workloads,
    young: FxHashMap<ProcessId, Known>,
    old: FxHashMap<ProcessId, Known>,
    /// Counts calls of [`Descriptions::get`].
    round: u64,
}

#[derive(Debug)]
struct Known {
    program: Option<Program>,
    description: Option<Description>,
    looked: Instant,
    /// When it was last asked for.
    round: u64,
}

/// Tells the programs apart that a process executes one after the other: each starts with a new stack at an address of
/// its own, and with addresses that are not random its name still differs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Program {
    name: Box<str>,
    code: u64,
    stack: u64,
    arguments: Option<u64>,
}

impl Program {
    /// `None` if the process is gone, or if its pid belongs to another one.
    fn of(id: ProcessId) -> Option<Self> {
        let stat = Stat::read(id.pid).ok()?;
        same_start(stat.start, id.start).then_some(Self {
            name: stat.name,
            code: stat.code,
            stack: stat.stack,
            arguments: stat.arguments,
        })
    }
}

impl Descriptions {
    /// Of processes on the host whose file system is mounted at `root`: `/` unless finback is itself in a container.
    pub fn new(root: &Path) -> Self {
        Self {
            workloads: Workloads::new(root),
            young: FxHashMap::default(),
            old: FxHashMap::default(),
            round: 0,
        }
    }

    /// Asks `/proc` for these processes, each once however often it is named: looked up on the first call, when it has
    /// executed another program since, and from time to time. What was known of a process that is gone holds.
    pub fn get(&mut self, all: impl IntoIterator<Item = ProcessId>) {
        self.round += 1;
        let now = Instant::now();
        for id in all {
            if self
                .young
                .get(&id)
                .is_none_or(|known| known.round != self.round)
            {
                let known = self.old.remove(&id).or_else(|| self.young.remove(&id));
                let known = self.look(id, known, now);
                self.remember(id, known);
            }
        }
    }

    /// What an earlier [`Descriptions::get`] found.
    pub fn known(&self, id: ProcessId) -> Option<&Description> {
        let known = self.young.get(&id).or_else(|| self.old.get(&id))?;
        known.description.as_ref()
    }

    fn look(&mut self, id: ProcessId, known: Option<Known>, now: Instant) -> Known {
        let program = Program::of(id);
        if let Some(known) = known {
            let is_fresh = known.program == program && now - known.looked < AGE;
            if program.is_none() || is_fresh {
                return Known {
                    round: self.round,
                    ..known
                };
            }
        }
        let described = program.as_ref();
        Known {
            description: described.and_then(|_| describe(id, &mut self.workloads, now)),
            program,
            looked: now,
            round: self.round,
        }
    }

    fn remember(&mut self, id: ProcessId, known: Known) {
        if self.young.len() >= MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, known);
    }

    /// What somebody else has found of a process.
    pub fn put(&mut self, id: ProcessId, description: Option<Description>) {
        let known = Known {
            program: None,
            description,
            looked: Instant::now(),
            round: self.round,
        };
        if self.old.remove(&id).is_none() {
            self.young.remove(&id);
        }
        self.remember(id, known);
    }

    /// With these already known.
    #[cfg(test)]
    pub(crate) fn with(known: impl IntoIterator<Item = (ProcessId, Description)>) -> Self {
        let mut all = Self::new(Path::new("/"));
        for (id, description) in known {
            all.put(id, Some(description));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use procfs::process::Process;

    use super::super::start::{own_id, own_start, started};
    use super::*;
    use finback_core::model::time::Timestamp;

    fn descriptions() -> Descriptions {
        Descriptions::new(Path::new("/"))
    }

    #[test]
    fn a_process_is_described_anew_after_exec_and_remembered_after_its_end() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};

        let script = "read word; exec sh -c 'read word; exec cat' second";
        let mut shell = Command::new("sh")
            .args(["-c", script, "first"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut orders = shell.stdin.take().unwrap();
        let process = Process::new(shell.id().cast_signed()).unwrap();
        let id = ProcessId {
            pid: shell.id(),
            start: started(process.stat().unwrap().starttime),
        };
        let mut all = descriptions();
        for last in ["first", "second"] {
            while process
                .cmdline()
                .unwrap()
                .last()
                .is_none_or(|word| word != last)
            {
                std::thread::yield_now();
            }
            all.get([id]);
            let line = all.known(id).unwrap().command_line.as_deref().unwrap();
            assert!(line.ends_with(last), "{line}");
            orders.write_all(b"go on\n").unwrap();
        }
        while process.cmdline().unwrap() != ["cat"] {
            std::thread::yield_now();
        }
        all.get([id]);
        let path = all.known(id).unwrap().path.clone();
        assert!(path.unwrap().ends_with("cat"));
        drop(orders);
        shell.wait().unwrap();
        all.get([id]);
        let line = &all.known(id).unwrap().command_line;
        assert_eq!(line.as_deref(), Some("cat"));
    }

    #[test]
    fn a_process_is_looked_up_once_a_call_however_often_it_is_named() {
        let mut all = descriptions();
        let own = own_id(own_start());
        assert!(all.known(own).is_none());
        all.get(std::iter::repeat_n(own, 1_000_000));
        assert!(all.known(own).is_some());
        assert_eq!(all.young.len() + all.old.len(), 1);
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_who_is_asked_for_again() {
        let mut all = descriptions();
        let own = own_id(own_start());
        let gone = |start| own_id(Timestamp::from_nanos(start));
        for start in 0..2 * MAX as u64 {
            all.get([gone(start), own]);
            assert!(all.young.len() + all.old.len() <= MAX);
            assert!(all.known(own).is_some(), "{start}");
        }
        assert!(!all.old.contains_key(&gone(0)));
    }
}
