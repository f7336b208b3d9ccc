//! libbpf-tools, fetched as packages of Debian and unpacked below the target directory: measured, not installed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::child::Child;
use crate::vm;

/// The tools, and the libraries that a minimal system lacks.
const PACKAGES: [&str; 3] = ["libbpf-tools", "libelf1", "zlib1g"];
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
/// They say nothing when they are ready: so long after their first program is loaded they are.
const SETTLE: Duration = Duration::from_millis(300);

/// The unpacked packages.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    root: PathBuf,
}

impl Tools {
    /// Fetches them unless they are there.
    ///
    /// # Errors
    /// As [`vm::unpacked`].
    pub(crate) fn fetch() -> Result<Self> {
        let root = vm::unpacked("libbpf-tools", &PACKAGES)?;
        Ok(Self { root })
    }

    /// Starts one.
    ///
    /// # Errors
    /// It does not exist or does not load.
    pub(crate) fn start(&self, name: &str) -> Result<Child> {
        let tool = self.root.join("usr/sbin").join(name);
        ensure!(tool.is_file(), "the package has no {name}");
        let mut command = Command::new("unshare");
        // It attaches through tracefs, which not every host has mounted. In a mount namespace of its own nothing stays.
        command
            .args(["--mount", "sh", "-c"])
            .arg(r#"mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; exec "$0""#)
            .arg(tool)
            .env("LD_LIBRARY_PATH", self.libraries());
        let mut child = Child::start(&mut command)?;
        child.wait_until(|child| has_program(child.id()))?;
        thread::sleep(SETTLE);
        child.wait_until(|_| true)?;
        Ok(child)
    }

    fn libraries(&self) -> OsString {
        let dirs = LIBRARIES.map(|dir| self.root.join(dir));
        std::env::join_paths(dirs).unwrap_or_default()
    }
}

fn has_program(pid: u32) -> bool {
    let dir = Path::new("/proc").join(pid.to_string()).join("fdinfo");
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .any(|text| text.contains("prog_id:"))
}
