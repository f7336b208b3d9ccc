//! What `/proc` knows of a process beyond what the kernel programs bring: its path, arguments, users, and what it is part
//! of.
//!
//! Asked for those that are told of, in findings, incidents and lists; never per transition.

mod command_line;
mod description;
mod descriptions;
mod descriptors;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod stack;
mod start;
mod stat;
mod status;
mod workload;

use std::time::Instant;

pub use description::Description;
pub use descriptions::Descriptions;
pub use status::Users;
pub use workload::{Container, Pod, Runtime, Service, Workload, Workloads};

use self::start::same_start;
use self::stat::Stat;
use finback_core::model::process::{Identity, ProcessView};
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// The process that has this pid now.
pub fn id(pid: u32) -> Option<ProcessId> {
    let start = birth(pid)?.start;
    Some(ProcessId { pid, start })
}

/// What an accused process runs, where it belongs, and its descriptors.
pub fn look(id: ProcessId, workloads: &mut Workloads) -> ProcessView {
    let of_pid = (!has_ended(id)).then(|| {
        let identity = identity(id.pid, workloads);
        (identity, descriptors::count(id.pid))
    });
    // Asked again: a pid can be another process's at once, and what was read is of this one only if it still lives.
    let found = of_pid.filter(|_| !has_ended(id));
    let ended = found.is_none();
    let (identity, descriptors) = found.unzip();
    ProcessView {
        id,
        ended,
        identity,
        descriptors: descriptors.flatten(),
    }
}

fn identity(pid: u32, workloads: &mut Workloads) -> Identity {
    let words = command_line::read(pid).unwrap_or_default();
    let path = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let workload = description::workload(pid, workloads, Instant::now());
    Identity {
        executable: path.map(|path| path.to_string_lossy().into()),
        arguments: words.into_iter().map(Into::into).collect(),
        container: workload.as_ref().and_then(|known| known.container_name()),
        cgroup: workload.map(|known| known.cgroup.clone()),
    }
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
    let stat = Stat::read(pid).ok()?;
    Some(Birth {
        start: stat.start,
        parent: stat.parent,
        ended: stat.has_ended(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::start::{TICK, own_id, own_start, started};
    use super::*;

    #[test]
    fn a_process_is_looked_at_with_what_it_runs_and_its_descriptors() {
        let mut workloads = Workloads::new(Path::new("/"));
        let view = look(own_id(own_start()), &mut workloads);
        assert!(!view.ended);
        assert!(view.descriptors.unwrap().open > 2);
        let identity = view.identity.unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(identity.executable.as_deref(), exe.to_str());
        let first = std::env::args().next().unwrap();
        assert_eq!(&*identity.arguments[0], first);
        assert!(identity.cgroup.unwrap().starts_with('/'));
        let gone = look(own_id(own_start() - TICK), &mut workloads);
        assert!(gone.ended);
        assert_eq!((gone.identity, gone.descriptors), (None, None));
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
}
