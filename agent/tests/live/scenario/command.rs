//! Bad conditions: a clear word and the right exit code, and a clean end.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::daemon::{Daemon, run_command};
use crate::netns::Netns;
use crate::program::wait_at_most;
use crate::scenario::crowd::{connections, run};
use crate::setting::setting;
use crate::trial::skip;

const FAILED: i32 = 1;
const USAGE: i32 = 2;
const NOT_PERMITTED: i32 = 3;
const KERNEL_LACKS: i32 = 4;

/// Runs a command that ends by itself, not longer than the patience of the tests.
pub(crate) fn output_of(command: &mut Command) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut streams = (
        child.stdout.take().context("no stdout")?,
        child.stderr.take().context("no stderr")?,
    );
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let status = thread::scope(|scope| {
        scope.spawn(|| streams.0.read_to_end(&mut stdout));
        scope.spawn(|| streams.1.read_to_end(&mut stderr));
        let status = wait_at_most(&mut child, 2 * setting().patience());
        if status.is_err() {
            child.kill()?;
            child.wait()?;
        }
        status
    })?;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

/// Checks exit code and that each of the words is in the message on standard error.
pub(crate) fn refused(command: &mut Command, code: i32, words: &[&str]) -> Result<()> {
    let output = output_of(command)?;
    let message = String::from_utf8(output.stderr)?;
    ensure!(
        output.status.code() == Some(code),
        "{} instead of code {code}: {message}",
        output.status
    );
    for word in words {
        ensure!(
            message.contains(word),
            "the message does not name `{word}`: {message}"
        );
    }
    ensure!(
        !message.contains("panicked") && !message.contains("RUST_BACKTRACE"),
        "a panic: {message}"
    );
    Ok(())
}

/// Another user without capabilities is told which ones are needed.
pub(crate) fn without_capabilities() -> Result<()> {
    let dir = public_dir()?;
    let binary = dir.path().join("finback");
    fs::copy(&setting().finback, &binary)?;
    let mut command = Command::new(&binary);
    command
        .args(["run", "--duration", "1s", "--socket"])
        .arg(dir.path().join("s"))
        .uid(65534)
        .gid(65534);
    refused(&mut command, NOT_PERMITTED, &["CAP_BPF", "CAP_PERFMON"])
}

pub(crate) fn public_dir() -> Result<TempDir> {
    let dir = tempfile::tempdir_in("/tmp")?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777))?;
    Ok(dir)
}

/// Neither a power of two nor a multiple of the page.
pub(crate) fn wrong_ring_size() -> Result<()> {
    let dir = tempfile::tempdir()?;
    for size in ["5000", "12288", "2048"] {
        refused(
            &mut run_command(&dir, &["--ring-bytes", size])?,
            USAGE,
            &[size],
        )?;
    }
    Ok(())
}

/// The key and its line are named; so are a value that cannot be and a file that is not there.
pub(crate) fn unknown_config_key() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let config = dir.path().join("finback.toml");
    fs::write(&config, "# one\n\n[thresholds]\neof_unraed = \"1s\"\n")?;
    refused(&mut run_command(&dir, &[])?, USAGE, &["eof_unraed", "4"])?;
    fs::write(&config, "[thresholds]\neof_unread = \"soon\"\n")?;
    refused(&mut run_command(&dir, &[])?, USAGE, &["eof_unread", "2"])?;
    let mut command = Command::new(&setting().finback);
    command.args(["run", "--config", "/nonexistent/finback.toml"]);
    refused(&mut command, USAGE, &["/nonexistent/finback.toml"])
}

/// It does not start, and the first goes on.
pub(crate) fn second_daemon() -> Result<()> {
    let mut daemon = Daemon::start(&[])?;
    let socket = daemon.dir().path().join("finback.sock");
    let name = socket.to_string_lossy().into_owned();
    refused(&mut run_command(daemon.dir(), &[])?, FAILED, &[&name])?;
    ensure!(daemon.is_alive(), "the first daemon has ended");
    let from = daemon.stream().len();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    drop(std::net::TcpStream::connect(listener.local_addr()?)?);
    daemon.wait_for(from, "event in the first daemon", |event| {
        event.ends().is_some_and(|(_, peer)| peer.port() == port)
    })?;
    daemon.stop()?;
    ensure!(!socket.exists(), "the socket is still there after the end");
    socket_left_behind(&socket)
}

/// A socket file that nobody listens on is no second daemon.
fn socket_left_behind(socket: &Path) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let left = dir.path().join("finback.sock");
    drop(std::os::unix::net::UnixListener::bind(&left)?);
    ensure!(
        left.exists() && !socket.exists(),
        "a closed listener keeps its file"
    );
    let mut command = run_command(&dir, &["--duration", "1s"])?;
    let output = output_of(&mut command)?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// `finback run | head -1` ends quietly.
pub(crate) fn closed_output() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut child = run_command(&dir, &[])?
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut output = BufReader::new(child.stdout.take().context("no stdout")?);
    let mut hello = String::new();
    let read = output.read_line(&mut hello);
    drop(output);
    let status = make_it_write(&mut child);
    if status.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let (read, status) = (read?, status?);
    let mut errors = String::new();
    child
        .stderr
        .take()
        .context("no stderr")?
        .read_to_string(&mut errors)?;
    ensure!(read > 0, "no first line: {errors}");
    ensure!(
        status.code() == Some(0),
        "{status} after its reader has gone: {errors}"
    );
    let quiet = !errors.to_lowercase().contains("pipe") && !errors.contains("panicked");
    ensure!(quiet, "not quiet: {errors}");
    Ok(())
}

fn make_it_write(child: &mut std::process::Child) -> Result<std::process::ExitStatus> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let patience = setting().patience();
    let mut waited = Duration::ZERO;
    while waited < patience {
        drop(std::net::TcpStream::connect(listener.local_addr()?)?);
        drop(listener.accept()?);
        let step = Duration::from_millis(100);
        if let Ok(status) = wait_at_most(child, step) {
            return Ok(status);
        }
        waited += step;
    }
    anyhow::bail!("still running {patience:?} after its reader has gone")
}

/// SIGINT and SIGTERM in the midst of traffic: within a second, code 0, the last line complete, no gap.
pub(crate) fn interrupted() -> Result<()> {
    for signal in [Signal::INT, Signal::TERM] {
        let namespace = Netns::new()?;
        let daemon = Daemon::start(&[])?;
        let (_server, mut client) = run(&namespace, connections() / 5)?;
        client.tell("go")?;
        daemon.wait_for(0, "event", |event| event.to() == Some("close_wait"))?;
        daemon
            .stop_by(signal)
            .with_context(|| format!("{signal:?}"))?;
    }
    Ok(())
}

/// A forced flavour that the kernel does not have is refused by name.
pub(crate) fn missing_flavour() -> Result<()> {
    if Path::new("/sys/bus/event_source/devices/kprobe/type").exists() {
        return skip("this kernel has kprobes, so there is no flavour that is known to be missing");
    }
    let dir = tempfile::tempdir()?;
    let mut command = Command::new(&setting().finback);
    command
        .args(["run", "--attach", "kprobe", "--duration", "1s", "--socket"])
        .arg(dir.path().join("s"));
    refused(&mut command, KERNEL_LACKS, &["kprobe"])
}
