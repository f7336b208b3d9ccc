//! A daemon whose stream is only added up, for runs whose events would fill the memory of the test.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::daemon::run_command;
use super::program::wait_at_most;
use super::replay::Replay;
use super::setting::setting;
use super::ss::until;

/// Every state in which a connection can be found for longer than a moment, and the end.
pub(crate) const STATES: &str = "established,close_wait,fin_wait_2,time_wait,closed";

/// The daemon. Ends with the test.
#[derive(Debug)]
pub(crate) struct Subject {
    child: Child,
    /// What its stream adds up to.
    pub(crate) replay: Replay,
    dir: TempDir,
}

impl Subject {
    /// Starts one with this configuration and waits until it has said hello.
    pub(crate) fn start(config: &str, more: &[&str]) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("finback.toml"), config)?;
        let command = run_command(&dir, more)?;
        let subject = Self::launch(dir, command)?;
        subject.greeted()?;
        Ok(subject)
    }

    /// Starts a command of [`run_command`], and does not wait.
    pub(crate) fn launch(dir: TempDir, mut command: Command) -> Result<Self> {
        let errors = File::create(dir.path().join("errors"))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()?;
        let replay = Replay::new(child.stdout.take().context("no standard output")?);
        Ok(Self { child, replay, dir })
    }

    /// Waits until it has said hello.
    pub(crate) fn greeted(&self) -> Result<()> {
        let greeted = until(2 * setting().patience(), "hello", || {
            Ok(self.replay.picture().events > 0)
        });
        greeted.with_context(|| self.errors())
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// A file of its directory: `finback.sock`, or what the test has put there.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What it has said on standard error.
    pub(crate) fn errors(&self) -> String {
        let said = fs::read(self.file("errors")).unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Does nothing for a while: the ring fills up.
    pub(crate) fn pause(&self, time: Duration) -> Result<()> {
        kill_process(self.pid(), Signal::STOP)?;
        thread::sleep(time);
        Ok(kill_process(self.pid(), Signal::CONT)?)
    }

    /// Ends it as a service manager would.
    pub(crate) fn stop(&mut self) -> Result<()> {
        kill_process(self.pid(), Signal::TERM)?;
        let status = wait_at_most(&mut self.child, 2 * setting().farewell())?;
        ensure!(status.success(), "the daemon ended with {status}");
        Ok(())
    }

    /// Ends it without a chance to do anything more.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
