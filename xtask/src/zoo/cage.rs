//! Where the zoo lives: namespaces of its own over the unpacked packages, and a control group for each inhabitant.
//!
//! The first process of the process namespace reads a pipe of ours. When that closes, however this program ends, the
//! kernel ends all of the zoo's processes, and mounts and networks go with the last of them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};

use super::root::Root;
use crate::{process, workspace};

/// What a line in the cage finds in its environment.
const ENVIRONMENT: [&str; 4] = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C.UTF-8",
    "PYTHONUNBUFFERED=1",
];
/// For processes to be gone after their namespace has ended.
const EMPTYING: Duration = Duration::from_secs(10);

/// A running cage; dropping it ends everything in it.
#[derive(Debug)]
pub(super) struct Cage {
    keeper: Child,
    /// Pid of the cage's first process, as the host counts.
    first: u32,
    groups: PathBuf,
    logs: PathBuf,
    _work: tempfile::TempDir,
}

impl Cage {
    /// Makes namespaces, mounts, users, keys, databases and networks.
    ///
    /// # Errors
    /// The kernel refuses, or a package has changed in a way that the set-up does not know.
    pub(super) fn open(root: &Root, logs: &Path) -> Result<Self> {
        let groups = cgroup2()?.join(format!("zoo-{}", std::process::id()));
        fs::create_dir(&groups).with_context(|| format!("cannot make {}", groups.display()))?;
        let work = tempfile::tempdir()?;
        let log = fs::File::create(logs.join("cage.log"))?;
        let mut keeper = Command::new("unshare")
            .args([
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
                "--",
                "sh",
            ])
            .arg(files().join("cage.sh"))
            .args([&root.tree, &files(), &work.path().to_owned(), &root.built])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("cannot run unshare")?;
        let said = keeper.stdout.take().context("no pipe from the cage")?;
        let mut cage = Self {
            keeper,
            first: 0,
            groups,
            logs: logs.to_owned(),
            _work: work,
        };
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let pid = line.trim().strip_prefix("ready ");
        let pid =
            pid.with_context(|| format!("the cage did not open: see {}/cage.log", logs.display()))?;
        cage.first = pid.parse()?;
        Ok(cage)
    }

    /// Starts a line of `sh`, in a control group of that name.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(&self, name: &str, line: &str) -> Result<Child> {
        let log = fs::File::create(self.logs.join(format!("{}.log", group(name))))?;
        let mut command = self.command(name, line)?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        command
            .spawn()
            .with_context(|| format!("cannot start {name}"))
    }

    /// What a line says that ends.
    ///
    /// # Errors
    /// It fails.
    pub(super) fn output(&self, name: &str, line: &str) -> Result<String> {
        process::output(&mut self.command(name, line)?)
    }

    fn command(&self, name: &str, line: &str) -> Result<Command> {
        let place = self.groups.join(group(name));
        fs::create_dir_all(&place)?;
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $$ >\"$0\" && exec nsenter \"$@\""])
            .arg(place.join("cgroup.procs"))
            .args(["--target", &self.first.to_string()])
            .args([
                "--mount",
                "--net",
                "--pid",
                "--root",
                "--",
                "/usr/bin/env",
                "-i",
                "--chdir=/",
            ])
            .args(ENVIRONMENT)
            .arg(format!("ZOO={}", group(name)))
            .args(["/bin/sh", "-c"])
            .arg(format!(". /zoo/every.sh\n{line}"));
        Ok(command)
    }

    /// Inode numbers of its network namespaces.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn networks(&self) -> Result<BTreeSet<u64>> {
        let of = |path: PathBuf| fs::metadata(path).map(|meta| meta.ino());
        let near = of(format!("/proc/{}/ns/net", self.first).into())?;
        let far = of(self.inside("run/netns/far"))?;
        Ok([near, far].into())
    }

    /// When the line of that name called `mark`.
    pub(super) fn marked(&self, name: &str) -> Option<SystemTime> {
        let mark = self.inside(&format!("run/mark-{}", group(name)));
        fs::metadata(mark).and_then(|meta| meta.modified()).ok()
    }

    /// A path as its inhabitants name it, without the slash at its beginning.
    fn inside(&self, path: &str) -> PathBuf {
        let own = Path::new("/proc").join(self.first.to_string());
        own.join("root").join(path)
    }

    /// The control group of all, as the kernel names it in `/proc/PID/cgroup`.
    pub(super) fn group(&self) -> String {
        let name = self.groups.file_name().unwrap_or_default();
        format!("/{}/", name.to_string_lossy())
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // Closes the pipe that the first process reads. If that does not listen, its parent's death ends it.
        drop(self.keeper.stdin.take());
        let waited = (0..50).any(|_| {
            thread::sleep(Duration::from_millis(20));
            matches!(self.keeper.try_wait(), Ok(Some(_)))
        });
        if !waited {
            drop(self.keeper.kill());
            drop(self.keeper.wait());
        }
        if !remove(&self.groups) {
            eprintln!("xtask: {} is still in use", self.groups.display());
        }
    }
}

/// The control group (version 2) of a process that is still there.
pub(super) fn group_of(pid: u32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"));
    own.map(str::to_owned)
}

/// Names of control groups have no spaces.
pub(super) fn group(name: &str) -> String {
    name.replace([' ', '/'], "_")
}

fn files() -> PathBuf {
    workspace::root().join("xtask/zoo")
}

/// Where control groups of version 2 are.
fn cgroup2() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts")?;
    let found = mounts.lines().find_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        (words.get(2) == Some(&"cgroup2")).then(|| PathBuf::from(words[1]))
    });
    let found = found.context("no cgroup2 file system is mounted: incidents need one")?;
    ensure!(found.is_dir(), "{} is not there", found.display());
    Ok(found)
}

/// Whether the group and those in it are gone: they can only be removed when their last process has been.
fn remove(groups: &Path) -> bool {
    let end = std::time::Instant::now() + EMPTYING;
    loop {
        for entry in fs::read_dir(groups).into_iter().flatten().flatten() {
            drop(fs::remove_dir(entry.path()));
        }
        if fs::remove_dir(groups).is_ok() {
            return true;
        }
        if std::time::Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_s_name_is_one_word() {
        assert_eq!(group("curl polls"), "curl_polls");
    }
}
