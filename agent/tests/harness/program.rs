//! Real programs: small Python scripts that say on standard output what they did and obey orders on standard input.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;

use super::setting::setting;

/// A running scenario. Ends with the test, its children too: they are one process group.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    orders: Option<ChildStdin>,
    said: Receiver<String>,
}

/// One line of a program: what it did.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Did {
    #[serde(rename = "did")]
    what: String,
    pub(crate) pid: u32,
    pub(crate) fd: u32,
    pub(crate) inode: u64,
    pub(crate) port: u16,
    pub(crate) peer_port: u16,
    pub(crate) thread: u32,
    pub(crate) ports: Vec<u16>,
    pub(crate) bytes: u64,
    pub(crate) of: u64,
    pub(crate) connections: usize,
    pub(crate) script: u8,
    pub(crate) fds: Vec<u32>,
    pub(crate) felt: String,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) peer: Option<SocketAddr>,
}

impl Program {
    /// Starts `agent/tests/scenarios/SCRIPT ARGS`, in the network namespace of the calling thread.
    pub(crate) fn start<A: AsRef<OsStr>>(
        script: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Self> {
        let setting = setting();
        let mut command = Command::new(&setting.python);
        command
            .args(["-B", "-S", "-E"])
            .arg(setting.scenarios.join(script))
            .args(args)
            .env("FINBACK_SCENARIO_LIFE", setting.life().to_string());
        Self::launch(script, command)
    }

    /// Starts any program that speaks as these do, in the network namespace of the calling thread.
    pub(crate) fn launch(name: &str, mut command: Command) -> Result<Self> {
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}: {}", command.get_program().display()))?;
        let output = child.stdout.take().context("no standard output")?;
        let (say, said) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if say.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            name: name.into(),
            orders: child.stdin.take(),
            child,
            said,
        })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says that it did `what`.
    pub(crate) fn did(&self, what: &str) -> Result<Did> {
        let deadline = Instant::now() + 2 * setting().patience();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self
                .said
                .recv_timeout(left)
                .with_context(|| format!("{} never said that it did `{what}`", self.name))?;
            let did: Did =
                serde_json::from_str(&line).with_context(|| format!("{}: {line}", self.name))?;
            if did.what == what {
                return Ok(did);
            }
        }
    }

    /// Gives an order.
    pub(crate) fn tell(&mut self, order: &str) -> Result<()> {
        let orders = self.orders.as_mut().context("takes no more orders")?;
        writeln!(orders, "{order}").with_context(|| format!("{} does not listen", self.name))
    }

    /// `kill -9`, for it and for its children; returns when it has ended.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let group = Pid::from_child(&self.child);
        kill_process_group(group, Signal::KILL)?;
        self.child.wait()?;
        Ok(())
    }

    /// Lets it end by itself.
    pub(crate) fn end(mut self) -> Result<()> {
        drop(self.orders.take());
        let status = wait_at_most(&mut self.child, setting().patience())?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) && self.kill().is_err() {
            // It has ended in this very moment.
            drop(self.child.wait());
        }
    }
}

/// Waits for a child, not longer than `time`.
pub(crate) fn wait_at_most(child: &mut Child, time: Duration) -> Result<ExitStatus> {
    let deadline = Instant::now() + time;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            bail!("process {} is still there after {time:?}", child.id());
        }
        thread::sleep(Duration::from_millis(2));
    }
}
