//! A control group as a pod's container has it, for as long as a test.

use std::fs;
use std::path::{Path, PathBuf};

const ID: &str = "3f1c7f1f0a4f3d0f6c9a1b2c3d4e5f60718293a4b5c6d7e8f9000102030405ff";
const POD: &str = "0b1c2d3e_4f5a_6b7c_8d9e_0f1a2b3c4d5e";

/// The labels that finback must find for a process in it.
pub(crate) const LABELS: [(&str, &str); 4] = [
    ("unit", "shop.service"),
    ("namespace", "shop"),
    ("pod", "web-6d4cf56db6-x7k2p"),
    ("container", "app"),
];

/// The group, with those above it that were made.
pub(crate) struct Group(Vec<PathBuf>);

impl Group {
    /// `None` where no hierarchy of version 2 is mounted.
    pub(crate) fn of_a_pod() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/mounts").ok()?;
        let mut mounts = mounts.lines().map(|line| line.split(' ').skip(1));
        let point = mounts.find_map(|mut words| {
            let point = words.next()?;
            (words.next()? == "cgroup2").then_some(point)
        })?;
        let own = format!("finback-metrics-{}", std::process::id());
        let slice = format!("kubepods-burstable-pod{POD}.slice");
        let scope = format!("cri-containerd-{ID}.scope");
        let mut group = Self(Vec::new());
        let mut path = PathBuf::from(point);
        for part in [own.as_str(), "shop.service", &slice, &scope] {
            path.push(part);
            fs::create_dir(&path).ok()?;
            group.0.push(path.clone());
        }
        Some(group)
    }

    /// Moves a process into it.
    pub(crate) fn add(&self, pid: u32) -> std::io::Result<()> {
        let processes = self.0.last().map(|path| path.join("cgroup.procs"));
        processes.map_or(Ok(()), |file| fs::write(file, pid.to_string()))
    }

    /// The file by which the kubelet names the container, below the root of a host.
    pub(crate) fn name_below(root: &Path) -> std::io::Result<()> {
        let logs = root.join("var/log/containers");
        fs::create_dir_all(&logs)?;
        let name = format!("web-6d4cf56db6-x7k2p_shop_app-{ID}.log");
        fs::write(logs.join(name), "")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // A process that has not ended yet keeps it; there is nobody left to tell.
            drop(fs::remove_dir(path));
        }
    }
}
