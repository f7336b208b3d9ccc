//! `finback run` as a child, its stream, and its end.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::program::wait_at_most;
use super::setting::setting;
use super::stream::Stream;
use super::wire::{Event, Hello, Kind};

/// Thresholds of the tests, in the order of `CONFIG`: long enough to see the connection before the finding, short
/// enough not to wait for it.
pub(crate) const NEVER_ACCEPTED: Duration = Duration::from_millis(400);
/// Of `eof_unread`.
pub(crate) const EOF_UNREAD: Duration = Duration::from_millis(600);
/// Of `eof_not_requested`.
pub(crate) const EOF_NOT_REQUESTED: Duration = Duration::from_millis(800);
/// Of `not_closed`.
pub(crate) const NOT_CLOSED: Duration = Duration::from_millis(800);
/// Of `inherited`.
pub(crate) const INHERITED: Duration = Duration::from_millis(600);

const CONFIG: &str = r#"
[thresholds]
never_accepted = "400ms"
eof_unread = "600ms"
eof_not_requested = "800ms"
not_closed = "800ms"
inherited = "600ms"
"#;

/// What only a look at all sockets finds sets the pause between two of them.
const FOUND_BY_LOOKING: &str = "dead_open = \"800ms\"\n";

/// Where hours pass in seconds, a look at all sockets every second would be all there is.
fn config_text() -> String {
    let (scan, found) = if setting().virtual_time {
        ("60s", "")
    } else {
        ("1s", FOUND_BY_LOOKING)
    };
    format!("scan_interval = \"{scan}\"\n{CONFIG}{found}")
}

/// A running daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    stream: Stream,
    errors: Option<JoinHandle<String>>,
    hello: Hello,
    dir: Arc<TempDir>,
}

/// A command line of `finback run` as the tests use it, in a directory of its own.
pub(crate) fn run_command(dir: &TempDir, more: &[&str]) -> Result<Command> {
    let config = dir.path().join("finback.toml");
    if !config.exists() {
        fs::write(&config, config_text())?;
    }
    let mut command = Command::new(&setting().finback);
    command
        .args(["run", "--format", "json"])
        .args(["--attach", &setting().attach])
        .arg("--config")
        .arg(config)
        .arg("--socket")
        .arg(dir.path().join("finback.sock"))
        .args(more);
    for (name, value) in [("--states", "all"), ("--history", "off")] {
        if !more.contains(&name) {
            command.args([name, value]);
        }
    }
    Ok(command)
}

impl Daemon {
    /// Starts it and waits until it says hello.
    pub(crate) fn start(more: &[&str]) -> Result<Self> {
        Self::start_with(&config_text(), more)
    }

    /// The same with another configuration than the tests' own.
    pub(crate) fn start_with(config: &str, more: &[&str]) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("finback.toml"), config)?;
        Self::start_in(Arc::new(dir), more)
    }

    /// The same in a directory in which another one may have been.
    pub(crate) fn start_in(dir: Arc<TempDir>, more: &[&str]) -> Result<Self> {
        let mut command = run_command(&dir, more)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", setting().finback.display()))?;
        let stream = Stream::new(child.stdout.take().context("no standard output")?);
        let mut stderr = child.stderr.take().context("no standard error")?;
        let errors = thread::spawn(move || {
            let mut text = Vec::new();
            // What was read before an error is still worth showing.
            drop(stderr.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut daemon = Self {
            child,
            stream,
            errors: Some(errors),
            hello: Hello::default(),
            dir,
        };
        daemon.hello = daemon.wait_for_hello()?;
        Ok(daemon)
    }

    fn wait_for_hello(&mut self) -> Result<Hello> {
        let patience = 2 * setting().patience();
        let hello = self
            .stream
            .wait_for(0, patience, |event| event.kind == Kind::Hello);
        let Some(hello) = hello else {
            let fault = self.stream.check().err().map(|error| error.to_string());
            bail!(
                "the daemon did not say hello: {} {}",
                fault.unwrap_or_default(),
                self.last_words()
            );
        };
        hello
            .hello
            .map(|hello| *hello)
            .context("a hello without payload")
    }

    /// Its directory with configuration and socket.
    pub(crate) fn dir(&self) -> &TempDir {
        &self.dir
    }

    /// Its events.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The flavour that serves a signal, as hello names it; `None` if none does.
    pub(crate) fn flavour(&self, signal: &str) -> Option<&str> {
        self.hello.signals.get(signal)?.as_deref()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it do nothing until `resume`.
    pub(crate) fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// `kill -9`; returns when it has ended.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Whether it is still there.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for an event.
    pub(crate) fn wait_for(
        &self,
        from: usize,
        what: &str,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Event> {
        let patience = setting().patience();
        self.stream
            .wait_for(from, patience, wanted)
            .ok_or_else(|| anyhow!("no {what} within {patience:?}; {}", self.tail(from)))
    }

    /// What the stream brought instead: the last lines since `from`, for a human.
    pub(crate) fn tail(&self, from: usize) -> String {
        let events = self.stream.select(from, |_| true);
        let last = &events[events.len().saturating_sub(25)..];
        format!(
            "{} events since then, the last of them:\n{}",
            events.len(),
            lines(last)
        )
    }

    /// Ends it as a service manager would and checks that it goes in time, with code 0 and every line written.
    pub(crate) fn stop(self) -> Result<String> {
        self.stop_by(Signal::TERM)
    }

    /// The same with another signal. Gives what it said on standard error.
    pub(crate) fn stop_by(mut self, signal: Signal) -> Result<String> {
        self.signal(signal)?;
        let status = wait_at_most(&mut self.child, setting().farewell())?;
        let errors = self.last_words();
        ensure!(
            status.code() == Some(0),
            "the daemon ended with {status}: {errors}"
        );
        self.stream.check()?;
        Ok(errors)
    }

    fn last_words(&mut self) -> String {
        if wait_at_most(&mut self.child, Duration::from_millis(200)).is_err() {
            return "(it is still running)".into();
        }
        self.stream.finish();
        self.errors
            .take()
            .and_then(|errors| errors.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.is_alive() {
            // Both can only fail if it has just ended.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// An event for a human who looks for the reason of a failure.
pub(crate) fn line(event: &Event) -> String {
    let time = event.time.get(11..).unwrap_or_default();
    let ends = event
        .ends()
        .map_or_else(String::new, |(local, peer)| format!("{local} > {peer}"));
    let change = event
        .transition
        .as_ref()
        .map_or_else(String::new, |change| {
            let refused = change.segment_refused.as_ref();
            let refused = refused.map_or_else(String::new, |time| format!(", refused at {time}"));
            format!(
                "{} -> {} ({}{refused})",
                change.from, change.to, change.cause
            )
        });
    let finding = event.finding.as_ref().map_or_else(String::new, |finding| {
        format!(
            "{:?} {}: {}",
            finding.action, finding.verdict, finding.summary
        )
    });
    let (seq, kind, pid) = (event.seq, event.kind, event.pid());
    format!("{seq} {time} {kind:?} {ends} pid {pid:?} {change}{finding}")
}

/// Several of them.
#[expect(
    single_use_lifetimes,
    reason = "an anonymous lifetime in impl Trait is not stable"
)]
pub(crate) fn lines<'a>(events: impl IntoIterator<Item = &'a Event>) -> String {
    let lines: Vec<_> = events.into_iter().map(line).collect();
    lines.join("\n")
}
