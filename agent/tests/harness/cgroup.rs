//! Control groups that live as long as a test.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A group, with those above it that it was made with.
pub(crate) struct Group {
    /// Its directories, the outermost first.
    directories: Vec<PathBuf>,
    /// Its path within the hierarchy, without the slash before it.
    name: String,
}

impl Group {
    /// Of version 2; `None` if that is not mounted here.
    pub(crate) fn new() -> Result<Option<Self>> {
        Self::below(|kind, _| kind == "cgroup2", "")
    }

    /// A group of version 2 with a path below it; `None` if that is not mounted here.
    pub(crate) fn unified(path: &str) -> Result<Option<Self>> {
        Self::below(|kind, _| kind == "cgroup2", path)
    }

    /// The same in systemd's hierarchy of version 1.
    pub(crate) fn of_systemd(path: &str) -> Result<Option<Self>> {
        let is_systemd = |kind: &str, options: &str| {
            kind == "cgroup" && options.split(',').any(|option| option == "name=systemd")
        };
        Self::below(is_systemd, path)
    }

    /// With this much memory, of whichever version has the controller; `None` if neither.
    pub(crate) fn with_memory(bytes: u64) -> Result<Option<Self>> {
        let has_memory = |kind: &str, options: &str| {
            kind == "cgroup" && options.split(',').any(|option| option == "memory")
        };
        let first = Self::below(has_memory, "")?;
        let (group, file) = match first {
            Some(group) => (group, "memory.limit_in_bytes"),
            None => match Self::new()? {
                Some(group) => (group, "memory.max"),
                None => return Ok(None),
            },
        };
        let Some(own) = group.directories.last() else {
            return Ok(None);
        };
        if let Some(root) = own.parent().filter(|_| file == "memory.max") {
            // It may be on already; if it cannot be, there is no file to write the limit to.
            drop(fs::write(root.join("cgroup.subtree_control"), "+memory"));
        }
        if !own.join(file).exists() {
            return Ok(None);
        }
        fs::write(own.join(file), bytes.to_string())?;
        Ok(Some(group))
    }

    /// A number that it keeps, under the name of either version.
    pub(crate) fn number(&self, names: [&str; 2]) -> Option<u64> {
        let own = self.directories.last()?;
        let text = names
            .iter()
            .find_map(|name| fs::read_to_string(own.join(name)).ok())?;
        text.trim().parse().ok()
    }

    /// `wanted` is asked for type and options of a mount.
    fn below(wanted: impl Fn(&str, &str) -> bool, path: &str) -> Result<Option<Self>> {
        let mounts = fs::read_to_string("/proc/mounts")?;
        let point = mounts.lines().find_map(|line| {
            let mut words = line.split(' ').skip(1);
            let (point, kind, options) = (words.next()?, words.next()?, words.next()?);
            wanted(kind, options).then(|| Path::new(point).to_owned())
        });
        let Some(point) = point else { return Ok(None) };
        let own = format!("finback-live-{}", std::process::id());
        let mut group = Self {
            directories: Vec::new(),
            name: format!("{own}/{path}").trim_end_matches('/').to_owned(),
        };
        let mut directory = point;
        for part in group.name.clone().split('/') {
            directory.push(part);
            fs::create_dir(&directory).with_context(|| directory.display().to_string())?;
            group.directories.push(directory.clone());
        }
        Ok(Some(group))
    }

    /// Its path within the hierarchy, without the slash before it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The file that a process is written to that shall be in it.
    pub(crate) fn processes(&self) -> Option<PathBuf> {
        Some(self.directories.last()?.join("cgroup.procs"))
    }

    /// Moves a process into it.
    pub(crate) fn add(&self, pid: u32) -> Result<()> {
        let processes = self.processes().context("no directory")?;
        Ok(fs::write(processes, pid.to_string())?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for directory in self.directories.iter().rev() {
            // A process that has not ended yet keeps it; there is nobody left to tell.
            drop(fs::remove_dir(directory));
        }
    }
}
