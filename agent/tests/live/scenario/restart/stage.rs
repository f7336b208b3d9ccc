//! A place for daemons that follow each other, with a file system for their pins.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{Daemon, run_command};
use crate::scenario::command::output_of;
use crate::setting::setting;
use crate::trial::skip;

/// Told at once.
const CONFIG: &str = "scan_interval = \"1s\"\n[thresholds]\neof_unread = \"600ms\"\n[incidents]\nupdate_interval = \"1s\"\n";

/// A file system for pins, for the test alone.
#[derive(Debug)]
struct PinMount(TempDir);

impl PinMount {
    fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut mount = Command::new("mount");
        let output = output_of(mount.args(["-t", "bpf", "bpf"]).arg(dir.path()))?;
        if !output.status.success() {
            return skip("this machine mounts no bpf file system");
        }
        Ok(Self(dir))
    }
}

impl Drop for PinMount {
    fn drop(&mut self) {
        let done = Command::new("umount").arg("-l").arg(self.0.path()).status();
        if !done.is_ok_and(|status| status.success()) {
            println!("{} stays mounted", self.0.path().display());
        }
    }
}

/// A place for daemons that follow each other.
pub(super) struct Stage {
    pub(super) dir: Arc<TempDir>,
    mount: PinMount,
}

impl Stage {
    pub(super) fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("finback.toml"), CONFIG)?;
        Ok(Self {
            dir: Arc::new(dir),
            mount: PinMount::new()?,
        })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.mount.0.path().join("finback")
    }

    /// Where this version's pins are.
    pub(super) fn version(&self) -> PathBuf {
        self.folder()
            .join(format!("v{}", finback_common::ABI_VERSION))
    }

    fn arguments(&self) -> Result<[String; 4]> {
        let folder = self.folder();
        let folder = folder.to_str().context("no text")?;
        let select = "incident,finding";
        Ok(["--pins", folder, "--select", select].map(str::to_owned))
    }

    pub(super) fn start(&self) -> Result<Daemon> {
        let arguments = self.arguments()?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Daemon::start_in(Arc::clone(&self.dir), &arguments)
    }

    /// One that is killed so long after its start, whatever it is doing.
    pub(super) fn start_and_kill(&self, after: Duration) -> Result<()> {
        let arguments = self.arguments()?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = run_command(&self.dir, &arguments)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        thread::sleep(after);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    pub(super) fn status(&self) -> Result<Value> {
        let socket = self.dir.path().join("finback.sock");
        let socket = socket.to_str().context("no text")?;
        let (code, said) = finback(&["status", "--format", "json", "--socket", socket])?;
        ensure!(code == Some(0), "{said}");
        Ok(serde_json::from_str(&said)?)
    }
}

/// Runs `finback COMMAND`.
pub(super) fn finback(arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let mut command = Command::new(&setting().finback);
    let output = output_of(command.args(arguments))?;
    let said = [output.stdout, output.stderr].concat();
    Ok((
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    ))
}
