//! A control group for the command and all that it starts: whoever leaves its parent or its session stays a member.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::kernel::cgroup;

/// The members of a directory.
const PROCESSES: &str = "cgroup.procs";

/// Groups that members have made below: deeper ones are not looked into.
const DEPTH: usize = 8;

/// The group; removed when dropped, its members go back to where the command came from.
#[derive(Debug)]
pub(super) struct Group {
    parent: PathBuf,
    directory: PathBuf,
    path: String,
}

impl Group {
    /// Below the group of this process; `None` if the host has no groups of version 2.
    pub(super) fn create() -> io::Result<Option<Self>> {
        let pid = std::process::id();
        let Some(own) = cgroup::path_of(pid) else {
            return Ok(None);
        };
        let Some(parent) = cgroup::directory_of(&own)? else {
            return Ok(None);
        };
        let name = format!("finback-exec-{pid}");
        let directory = parent.join(&name);
        fs::create_dir(&directory)?;
        let path = format!("{}/{name}", own.trim_end_matches('/'));
        Ok(Some(Self {
            parent,
            directory,
            path,
        }))
    }

    /// Calls `start` while this process is in the group: what it starts then is born there.
    pub(super) fn inside<T>(&self, start: impl FnOnce() -> T) -> io::Result<T> {
        join(&self.directory)?;
        let started = start();
        join(&self.parent)?;
        Ok(started)
    }

    /// Whether a process is a member now.
    pub(super) fn has(&self, pid: u32) -> bool {
        let below = |path: &str| path.is_empty() || path.starts_with('/');
        cgroup::path_of(pid).is_some_and(|path| path.strip_prefix(&self.path).is_some_and(below))
    }

    /// Every member, also of the groups that members have made.
    pub(super) fn members(&self) -> Vec<u32> {
        let mut all = Vec::new();
        each(&self.directory, DEPTH, &mut |directory| {
            let text = fs::read_to_string(directory.join(PROCESSES)).unwrap_or_default();
            all.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        });
        all
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for pid in self.members() {
            // Refused if it has just ended.
            drop(fs::write(self.parent.join(PROCESSES), pid.to_string()));
        }
        each(&self.directory, DEPTH, &mut |directory| {
            if let Err(error) = fs::remove_dir(directory) {
                tracing::debug!(%error, path = %directory.display(), "a control group stays");
            }
        });
    }
}

fn join(directory: &Path) -> io::Result<()> {
    fs::write(directory.join(PROCESSES), "0")
}

/// A directory and those below it, the innermost first.
fn each(directory: &Path, depth: usize, visit: &mut impl FnMut(&Path)) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    for entry in below.take_while(|_| depth > 0) {
        each(&entry.path(), depth - 1, visit);
    }
    visit(directory);
}
