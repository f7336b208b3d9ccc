//! What `/proc` knows of a process beyond what the kernel programs bring.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::command_line;
use super::start::same_start;
use super::stat::Stat;
use super::status::{Status, Users};
use super::workload::{Workload, Workloads};
use finback_core::model::socket::ProcessId;

/// What `/proc` knows of a process. A field is `None` where it would not say (a kernel thread has no path).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Path of the executable, with ` (deleted)` behind it if there is another file of that name by now, or none.
    pub path: Option<Box<str>>,
    /// Arguments, joined by blanks.
    pub command_line: Option<Box<str>>,
    /// Whose it is.
    pub users: Option<Users>,
    /// Its process id in the innermost pid namespace that it is in, if that is another one.
    pub vpid: Option<u32>,
    /// What it is part of.
    pub workload: Option<Arc<Workload>>,
}

impl Description {
    /// Name of the executable's file.
    pub fn file_name(&self) -> Option<&str> {
        let path = self.path.as_deref()?;
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
        path.rsplit('/').next().filter(|name| !name.is_empty())
    }
}

/// Longest command line that is kept, bytes: a JVM's can be a hundred times that.
const COMMAND_LINE_MAX: usize = 4096;

/// Looks into `/proc`. `None` if the process is gone, or if its pid belongs to another process by now.
pub(super) fn describe(
    id: ProcessId,
    workloads: &mut Workloads,
    now: Instant,
) -> Option<Description> {
    let is_it = || Stat::read(id.pid).is_ok_and(|stat| same_start(stat.start, id.start));
    if !is_it() {
        return None;
    }
    let status = Status::read(id.pid).ok();
    let vpid = status.as_ref().and_then(Status::innermost);
    let path = fs::read_link(format!("/proc/{}/exe", id.pid)).ok();
    let found = Description {
        path: path.map(|path| path.to_string_lossy().into()),
        command_line: command_line::read(id.pid)
            .ok()
            .and_then(|words| join(&words)),
        users: status.and_then(|status| status.users()),
        vpid: vpid.filter(|vpid| *vpid != id.pid),
        workload: workload(id.pid, workloads, now),
    };
    // Asked again: a pid can be another process's at once.
    is_it().then_some(found)
}

/// What a process is part of.
pub(super) fn workload(pid: u32, workloads: &mut Workloads, now: Instant) -> Option<Arc<Workload>> {
    let groups = fs::read(format!("/proc/{pid}/cgroup")).ok()?;
    workloads.of(&String::from_utf8_lossy(&groups), now)
}

fn join(words: &[String]) -> Option<Box<str>> {
    let mut line = words.join(" ");
    if line.len() > COMMAND_LINE_MAX {
        line.truncate(line.floor_char_boundary(COMMAND_LINE_MAX));
        line.push('…');
    }
    (!line.is_empty()).then(|| line.into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::start::TICK;
    use super::super::start::{own_id, own_start};
    use super::*;

    fn described(id: ProcessId) -> Option<Description> {
        describe(id, &mut Workloads::new(Path::new("/")), Instant::now())
    }

    #[test]
    fn this_process_is_described() {
        let known = described(own_id(own_start() + Duration::from_millis(9))).unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(known.path.as_deref(), exe.to_str());
        assert_eq!(known.file_name(), exe.file_name().unwrap().to_str());
        let first = std::env::args().next().unwrap();
        assert!(known.command_line.unwrap().starts_with(&first));
        let users = Users {
            effective: rustix::process::geteuid().as_raw(),
            real: rustix::process::getuid().as_raw(),
        };
        assert_eq!(known.users, Some(users));
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
        assert!(groups.contains(&*known.workload.unwrap().cgroup));
    }

    #[test]
    fn a_reused_pid_is_not_described() {
        assert_eq!(described(own_id(own_start() + TICK)), None);
        assert_eq!(described(own_id(own_start() - TICK)), None);
    }

    #[test]
    fn a_file_has_its_name_also_when_it_is_gone() {
        let named = |path: &str| {
            let known = Description {
                path: Some(path.into()),
                ..Description::default()
            };
            known.file_name().map(str::to_owned)
        };
        assert_eq!(
            named("/usr/bin/python3.13 (deleted)").unwrap(),
            "python3.13"
        );
        assert_eq!(named("/memfd:x").unwrap(), "memfd:x");
        assert_eq!(named("/"), None);
        assert_eq!(Description::default().file_name(), None);
    }

    #[test]
    fn a_long_command_line_is_cut_at_a_character() {
        let line = join(&["é".repeat(COMMAND_LINE_MAX)]).unwrap();
        assert!(line.len() <= COMMAND_LINE_MAX + '…'.len_utf8());
        assert!(line.ends_with('…'));
        assert_eq!(join(&[]), None);
    }
}
