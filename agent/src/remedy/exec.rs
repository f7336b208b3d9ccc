//! Runs a command with the line on its standard input: without a shell, with an environment of its own, in a process
//! group of its own, for a bounded time.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::case::Case;
use super::outcome::Outcome;
use super::trusted;
use crate::output::json::Decision;
use crate::output::text::{clean, word};

/// Where commands find others.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Bytes that are kept of what it says on each of its outputs; it may say more.
const KEPT: usize = 4096;

/// Characters of that in a reason.
const QUOTED: usize = 200;

/// What to run, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) remedy: &'a str,
    pub(super) command: &'a Path,
    pub(super) arguments: &'a [String],
    pub(super) timeout: Duration,
    pub(super) dry_run: bool,
}

impl Call<'_> {
    /// Runs it, and waits. Dropped while it runs, the command ends.
    pub(super) async fn run(self, case: &Case<'_>, line: &[u8]) -> Outcome {
        let real = match trusted::check(self.command) {
            Ok(real) => real,
            Err(distrust) => return Outcome::refused(distrust),
        };
        let shown = real.display();
        if self.dry_run {
            return Outcome::new(Decision::WouldDo, format!("would run {shown}"));
        }
        let mut child = match self.start(&real, case) {
            Ok(child) => child,
            Err(error) => return Outcome::failed(format!("cannot start {shown}: {error}")),
        };
        let mut group = Group::of(&child);
        let ended = timeout(self.timeout, finish(&mut child, line)).await;
        let Ok(ended) = ended else {
            group.end();
            drop(child.wait().await);
            return Outcome::failed(format!(
                "{shown} had not ended, or not closed its output, after {:?}: its process group was ended",
                self.timeout
            ));
        };
        // It was waited for: its number may be another's by now.
        group.forget();
        match ended {
            Ok((status, said)) => self.judge(status, &said),
            Err(error) => Outcome::failed(format!("cannot wait for {shown}: {error}")),
        }
    }

    fn start(self, real: &Path, case: &Case<'_>) -> io::Result<Child> {
        let mut command = Command::new(real);
        command
            .args(self.arguments)
            .env_clear()
            .env("PATH", PATH)
            .env("FINBACK_REMEDY", self.remedy)
            .env("FINBACK_SEVERITY", word(case.severity()))
            .current_dir("/")
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(incident) = case.incident() {
            command.env("FINBACK_INCIDENT", incident);
        }
        if let Some(finding) = case.finding() {
            command.env("FINBACK_FINDING", finding.to_string());
        }
        command.spawn()
    }

    fn judge(self, status: ExitStatus, said: &Said) -> Outcome {
        tracing::info!(
            remedy = self.remedy,
            %status,
            stdout = said.output,
            stderr = said.errors,
            "a remedy's command has ended"
        );
        if status.success() {
            return Outcome::new(Decision::Done, quote("exit code 0", &said.output));
        }
        tracing::warn!(
            remedy = self.remedy,
            %status,
            stderr = said.errors,
            "a remedy's command has failed"
        );
        Outcome::failed(quote(&status.to_string(), &said.errors))
    }
}

/// What it has said, without what could command a terminal.
#[derive(Debug)]
struct Said {
    output: String,
    errors: String,
}

/// Hands over the line and reads what comes until both outputs are closed and the command has ended.
async fn finish(child: &mut Child, line: &[u8]) -> io::Result<(ExitStatus, Said)> {
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let give = async {
        if let Some(mut input) = input {
            // It need not read.
            drop(input.write_all(line).await);
        }
    };
    let ((), output, errors) = tokio::join!(give, read(output), read(errors));
    let status = child.wait().await?;
    Ok((status, Said { output, errors }))
}

async fn read(from: Option<impl AsyncRead + Unpin>) -> String {
    let mut kept = Vec::new();
    let mut piece = vec![0; KEPT];
    if let Some(mut from) = from {
        while let Ok(count @ 1..) = from.read(&mut piece).await {
            let room = KEPT - kept.len();
            kept.extend_from_slice(&piece[..count.min(room)]);
        }
    }
    clean(String::from_utf8_lossy(&kept).trim())
}

/// With what it has said first.
fn quote(what: &str, said: &str) -> String {
    if said.is_empty() {
        return what.to_owned();
    }
    let first: String = said.chars().take(QUOTED).collect();
    format!("{what}: {first}")
}

/// All that the command has started and that has not left its process group.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        Self(pid.and_then(Pid::from_raw))
    }

    fn forget(&mut self) {
        self.0 = None;
    }

    fn end(&mut self) {
        if let Some(group) = self.0.take()
            && let Err(error) = kill_process_group(group, Signal::KILL)
        {
            tracing::debug!(%error, "a remedy's process group cannot be ended");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}
