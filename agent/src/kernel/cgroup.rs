//! The control group (version 2) of a process, as a path and as a directory. The daemon asks for it only where the
//! configuration has settings for groups.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::lossy;

/// Groups remembered at most.
const LIMIT: usize = 4096;

/// Groups seen lately, by their ids.
pub(super) struct Groups {
    mount: Mount,
    known: FxHashMap<u64, Arc<str>>,
}

/// Where a `cgroup2` file system is mounted, and which group that place shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    point: PathBuf,
    root: String,
}

impl Groups {
    /// `None` if there is no `cgroup2` file system: then no process is in a group of version 2.
    pub(super) fn find() -> io::Result<Option<Self>> {
        Ok(Mount::find()?.map(|mount| Self {
            mount,
            known: FxHashMap::default(),
        }))
    }

    /// The path of the group that a process is in, under the id that a hook saw it with if one did; `None` if it has
    /// ended.
    pub(super) fn of(&mut self, pid: u32, id: Option<u64>) -> Option<Arc<str>> {
        if let Some(known) = id.and_then(|id| self.known.get(&id)) {
            return Some(Arc::clone(known));
        }
        let path: Arc<str> = path_of(pid)?.into();
        // It may have moved since the hook saw it: the directory's inode number is the group's id.
        let directory = self.mount.directory(&path);
        let inode = directory.and_then(|directory| Some(fs::metadata(directory).ok()?.ino()));
        if let Some(id) = id.filter(|id| inode == Some(*id)) {
            if self.known.len() >= LIMIT {
                self.known.clear();
            }
            self.known.insert(id, Arc::clone(&path));
        }
        Some(path)
    }
}

/// The path of the group that a process is in; `None` if it has ended.
pub fn path_of(pid: u32) -> Option<String> {
    let text = lossy::read(format!("/proc/{pid}/cgroup")).ok()?;
    Some(unified(&text)?.to_owned())
}

/// The directory of a group; `None` if none is mounted that shows it.
pub fn directory_of(path: &str) -> io::Result<Option<PathBuf>> {
    Ok(Mount::find()?.and_then(|mount| mount.directory(path)))
}

impl Mount {
    fn find() -> io::Result<Option<Self>> {
        let mounts = lossy::read("/proc/self/mountinfo")?;
        Ok(mounts.lines().find_map(cgroup2))
    }

    pub(super) fn directory(&self, group: &str) -> Option<PathBuf> {
        let below = Path::new(group).strip_prefix(&self.root).ok()?;
        Some(self.point.join(below))
    }
}

/// A line of `/proc/PID/mountinfo` (`man 5 proc_pid_mountinfo`).
pub(super) fn cgroup2(line: &str) -> Option<Mount> {
    let (place, kind) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let (root, point) = (place.next()?, place.next()?);
    kind.starts_with("cgroup2 ").then(|| Mount {
        point: point.into(),
        root: root.to_owned(),
    })
}

/// The line of version 2 in `/proc/PID/cgroup`: `0::/path`.
pub(super) fn unified(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_of_version_2_is_recognised() {
        let line = "35 24 0:30 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw";
        let mount = cgroup2(line).unwrap();
        assert_eq!(
            mount.directory("/system.slice/a.service"),
            Some("/sys/fs/cgroup/unified/system.slice/a.service".into())
        );
        assert_eq!(
            cgroup2("36 24 0:31 / /sys/fs/cgroup/cpu rw shared:10 - cgroup cgroup rw,cpu"),
            None
        );
        assert_eq!(cgroup2("nonsense"), None);
    }

    #[test]
    fn a_mount_that_shows_a_group_has_no_directory_for_others() {
        let mount = Mount {
            point: "/sys/fs/cgroup".into(),
            root: "/docker/x".into(),
        };
        assert_eq!(
            mount.directory("/docker/x/y"),
            Some("/sys/fs/cgroup/y".into())
        );
        assert_eq!(mount.directory("/system.slice"), None);
    }

    #[test]
    fn the_own_group_is_the_kernel_s() {
        let Some(mut groups) = Groups::find().unwrap() else {
            return;
        };
        let text = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = groups.of(std::process::id(), None).unwrap();
        assert_eq!(Some(&*own), unified(&text));
        let directory = groups.mount.directory(&own).unwrap();
        let id = fs::metadata(directory).unwrap().ino();
        groups.of(std::process::id(), Some(id + 1));
        assert!(groups.known.is_empty(), "it may have moved");
        assert_eq!(
            groups.of(std::process::id(), Some(id)),
            Some(Arc::clone(&own))
        );
        assert_eq!(groups.of(0, Some(id)), Some(own), "known by its id");
        assert_eq!(groups.of(u32::MAX, None), None);
    }
}
