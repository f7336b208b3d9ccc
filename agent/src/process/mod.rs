//! What `/proc` knows of a process beyond what the kernel programs bring: its path, arguments and container.
//!
//! Asked for the processes of findings only, never per transition.

mod cgroup;
mod descriptors;
pub mod stack;

use std::time::Duration;

use rustc_hash::FxHashMap;

use finback_core::model::process::{Identity, ProcessView};
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// What `/proc` knows of a process. A field is `None` where it would not say (a kernel thread has no path).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Path of the executable.
    pub path: Option<Box<str>>,
    /// Arguments, joined by blanks.
    pub command_line: Option<Box<str>>,
    /// Path of its control group (version 2).
    pub cgroup: Option<Box<str>>,
    /// Id of its container.
    pub container: Option<Box<str>>,
}

/// Longest command line that is kept, bytes: a JVM's can be a hundred times that.
const COMMAND_LINE_MAX: usize = 4096;

/// Looks into `/proc`. `None` if the process is gone, or if its pid belongs to another process by now.
pub fn describe(id: ProcessId) -> Option<Description> {
    let process = procfs::process::Process::new(i32::try_from(id.pid).ok()?).ok()?;
    let started = started(process.stat().ok()?.starttime);
    if !same_start(started, id.start) {
        return None;
    }
    let cgroup = unified(&process);
    Some(Description {
        path: process.exe().ok().map(|path| path.to_string_lossy().into()),
        command_line: process.cmdline().ok().and_then(|words| join(&words)),
        container: cgroup
            .as_deref()
            .and_then(cgroup::container_id)
            .map(Into::into),
        cgroup: cgroup.map(Into::into),
    })
}

/// What an accused process runs, where it belongs, and its descriptors.
pub fn look(id: ProcessId) -> ProcessView {
    let ended = has_ended(id);
    ProcessView {
        id,
        ended,
        identity: if ended { None } else { identity(id.pid) },
        descriptors: if ended {
            None
        } else {
            descriptors::count(id.pid)
        },
    }
}

fn identity(pid: u32) -> Option<Identity> {
    let process = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?;
    let words = process.cmdline().unwrap_or_default();
    let path = process.exe().ok();
    Some(Identity {
        executable: path.map(|path| path.to_string_lossy().into()),
        arguments: words.into_iter().map(Into::into).collect(),
        cgroup: unified(&process).map(Into::into),
    })
}

/// Path of its control group (version 2).
fn unified(process: &procfs::process::Process) -> Option<String> {
    let groups = process.cgroups().ok()?;
    let unified = groups.into_iter().find(|group| group.hierarchy == 0);
    unified.map(|group| group.pathname)
}

/// Whether the process has ended: it is gone, waits for its parent, or its pid belongs to another one by now.
pub fn has_ended(id: ProcessId) -> bool {
    birth(id.pid).is_none_or(|birth| birth.ended || !same_start(birth.start, id.start))
}

/// Where a process comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth {
    /// When it started, to a tick of 10 ms.
    pub start: Timestamp,
    /// Its parent now.
    pub parent: u32,
    /// It has ended and waits for its parent.
    pub ended: bool,
}

/// `None` if there is no such process.
pub fn birth(pid: u32) -> Option<Birth> {
    let process = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?;
    let stat = process.stat().ok()?;
    Some(Birth {
        start: started(stat.starttime),
        parent: u32::try_from(stat.ppid).unwrap_or(0),
        ended: matches!(stat.state, 'Z' | 'X'),
    })
}

/// `starttime` of `/proc/PID/stat` counts ticks of 1/100 s on every architecture Linux has BTF on.
const TICK: Duration = Duration::from_millis(10);

fn started(ticks: u64) -> Timestamp {
    let tick = u64::try_from(TICK.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(ticks.saturating_mul(tick))
}

/// `/proc` rounds down to a tick; the kernel programs bring nanoseconds, or (from `/proc`) ticks too.
fn same_start(rounded: Timestamp, exact: Timestamp) -> bool {
    exact.since(rounded) < TICK && rounded <= exact
}

fn join(words: &[String]) -> Option<Box<str>> {
    let mut line = words.join(" ");
    if line.len() > COMMAND_LINE_MAX {
        line.truncate(line.floor_char_boundary(COMMAND_LINE_MAX));
        line.push('…');
    }
    (!line.is_empty()).then(|| line.into())
}

/// Remembers descriptions, and that there is none.
#[derive(Debug, Default)]
pub struct Descriptions {
    known: FxHashMap<ProcessId, (Option<Program>, Option<Description>)>,
}

/// Tells the programs apart that a process executes one after the other: each starts with a new stack at an address of
/// its own, and with addresses that are not random its name still differs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Program {
    name: String,
    code: u64,
    stack: u64,
    arguments: Option<u64>,
}

impl Program {
    /// `None` if the process is gone, or if its pid belongs to another one.
    fn of(id: ProcessId) -> Option<Self> {
        let process = procfs::process::Process::new(i32::try_from(id.pid).ok()?).ok()?;
        let stat = process.stat().ok()?;
        same_start(started(stat.starttime), id.start).then_some(Self {
            name: stat.comm,
            code: stat.startcode,
            stack: stat.startstack,
            arguments: stat.arg_start,
        })
    }
}

/// Processes remembered at most; a host has fewer processes with findings, or one that spawns too many to keep.
const MAX: usize = 1024;

impl Descriptions {
    /// What is known of the process: looked up on the first call, and when it has executed another program since. What
    /// was known of a process that is gone holds.
    pub fn get(&mut self, id: ProcessId) -> Option<&Description> {
        if self.known.len() >= MAX && !self.known.contains_key(&id) {
            self.known.clear();
        }
        let program = Program::of(id);
        let (known, description) = self.known.entry(id).or_default();
        if program.is_some() && *known != program {
            *description = describe(id);
            *known = program;
        }
        description.as_ref()
    }

    /// What an earlier [`Descriptions::get`] found.
    pub fn known(&self, id: ProcessId) -> Option<&Description> {
        let (_, description) = self.known.get(&id)?;
        description.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_start() -> Timestamp {
        let stat = procfs::process::Process::myself().unwrap().stat().unwrap();
        started(stat.starttime)
    }

    fn own_id(start: Timestamp) -> ProcessId {
        ProcessId {
            pid: std::process::id(),
            start,
        }
    }

    #[test]
    fn this_process_is_described() {
        let known = describe(own_id(own_start() + Duration::from_millis(9))).unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(known.path.as_deref(), exe.to_str());
        let first = std::env::args().next().unwrap();
        assert!(known.command_line.unwrap().starts_with(&first));
    }

    #[test]
    fn a_process_is_looked_at_with_what_it_runs_and_its_descriptors() {
        let view = look(own_id(own_start()));
        assert!(!view.ended);
        assert!(view.descriptors.unwrap().open > 2);
        let identity = view.identity.unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(identity.executable.as_deref(), exe.to_str());
        let first = std::env::args().next().unwrap();
        assert_eq!(&*identity.arguments[0], first);
        let gone = look(own_id(own_start() - TICK));
        assert!(gone.ended);
        assert_eq!((gone.identity, gone.descriptors), (None, None));
    }

    #[test]
    fn a_reused_pid_is_not_described() {
        assert_eq!(describe(own_id(own_start() + TICK)), None);
        assert_eq!(describe(own_id(own_start() - TICK)), None);
    }

    #[test]
    fn a_process_that_runs_has_not_ended_and_an_earlier_one_of_its_pid_has() {
        assert!(!has_ended(own_id(own_start())));
        assert!(has_ended(own_id(own_start() - TICK)));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let id = |start| ProcessId {
            pid: child.id(),
            start,
        };
        let stat = procfs::process::Process::new(i32::try_from(child.id()).unwrap());
        let id = id(started(stat.unwrap().stat().unwrap().starttime));
        child.wait().unwrap();
        assert!(has_ended(id));
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
        let process = procfs::process::Process::new(shell.id().cast_signed()).unwrap();
        let id = ProcessId {
            pid: shell.id(),
            start: started(process.stat().unwrap().starttime),
        };
        let mut all = Descriptions::default();
        for last in ["first", "second"] {
            while process
                .cmdline()
                .unwrap()
                .last()
                .is_none_or(|word| word != last)
            {
                std::thread::yield_now();
            }
            let line = all.get(id).unwrap().command_line.as_deref().unwrap();
            assert!(line.ends_with(last), "{line}");
            orders.write_all(b"go on\n").unwrap();
        }
        while process.cmdline().unwrap() != ["cat"] {
            std::thread::yield_now();
        }
        let path = all.get(id).unwrap().path.clone();
        assert!(path.unwrap().ends_with("cat"));
        drop(orders);
        shell.wait().unwrap();
        assert_eq!(all.get(id).unwrap().command_line.as_deref(), Some("cat"));
    }

    #[test]
    fn a_process_is_looked_up_once_and_the_memory_is_bounded() {
        let mut all = Descriptions::default();
        let own = own_id(own_start());
        assert!(all.known(own).is_none());
        assert!(all.get(own).is_some());
        assert!(all.known(own).is_some());
        for start in 0..2 * MAX as u64 {
            all.get(own_id(Timestamp::from_nanos(start)));
            assert!(all.known.len() <= MAX);
        }
    }

    #[test]
    fn a_long_command_line_is_cut_at_a_character() {
        let line = join(&["é".repeat(COMMAND_LINE_MAX)]).unwrap();
        assert!(line.len() <= COMMAND_LINE_MAX + '…'.len_utf8());
        assert!(line.ends_with('…'));
        assert_eq!(join(&[]), None);
    }
}
