//! SIGHUP while a connection leaks: what is wrong stays wrong, and a wrong file changes nothing.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::daemon::{Daemon, run_command};
use crate::setting::setting;
use crate::wire::{Action, Event, Severity};

const SHORT: &str = "scan_interval = \"1s\"\n[thresholds]\neof_unread = \"600ms\"\n";
const LONG: &str = "scan_interval = \"1s\"\n[thresholds]\neof_unread = \"10m\"\n";

const SELECT: [&str; 2] = ["--select", "incident,finding,remedy"];

/// A connection of this very process whose end nobody reads.
fn leak() -> Result<(TcpListener, TcpStream, u16)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    client.write_all(b"hello")?;
    let (kept, _) = listener.accept()?;
    drop(client);
    Ok((listener, kept, port))
}

fn write(daemon: &Daemon, config: &str) -> Result<()> {
    Ok(fs::write(daemon.dir().path().join("finback.toml"), config)?)
}

/// What `/v1/status` says of the configuration.
fn configuration(daemon: &Daemon) -> Result<Value> {
    let mut socket = UnixStream::connect(daemon.dir().path().join("finback.sock"))?;
    socket.write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
    let status: Value = serde_json::from_str(body).with_context(|| answer.clone())?;
    Ok(status["configuration"].clone())
}

/// Has the file read again and waits until that has come to an end.
fn reload(daemon: &Daemon) -> Result<Value> {
    let turns = |told: &Value| told["reloads"].as_u64().zip(told["failures"].as_u64());
    let before = turns(&configuration(daemon)?);
    daemon.signal(Signal::HUP)?;
    let deadline = Instant::now() + setting().patience();
    loop {
        let told = configuration(daemon)?;
        if turns(&told) != before {
            return Ok(told);
        }
        ensure!(Instant::now() < deadline, "not read again: {told}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_at(event: &Event, port: u16) -> bool {
    event.ends().is_some_and(|(local, _)| local.port() == port)
}

fn of(event: &Event, port: u16, action: Action) -> bool {
    let finding = event.finding.as_ref();
    is_at(event, port) && finding.is_some_and(|finding| finding.action == action)
}

/// Thresholds, severities, a broken file, and what needs a restart.
#[expect(clippy::too_many_lines, reason = "one story")]
pub(crate) fn findings_go_on() -> Result<()> {
    let (_listener, _kept, port) = leak()?;
    let daemon = Daemon::start_with(SHORT, &SELECT)?;
    let opened = daemon.wait_for(0, "finding", |event| of(event, port, Action::Opened))?;
    let first = opened.finding.context("no finding")?.id;

    write(&daemon, LONG)?;
    let told = reload(&daemon)?;
    ensure!(
        told["error"].is_null() && told["restart_needed"] == Value::Array(Vec::new()),
        "{told}"
    );
    let over = daemon.wait_for(0, "its end", |event| of(event, port, Action::Resolved))?;
    let finding = over.finding.context("no finding")?;
    ensure!(
        finding.id == first && finding.resolution.as_deref() == Some("reconfigured"),
        "{finding:?}"
    );

    write(&daemon, SHORT)?;
    reload(&daemon)?;
    let opened = daemon.wait_for(0, "finding again", |event| {
        of(event, port, Action::Opened) && event.finding.as_ref().is_some_and(|one| one.id != first)
    })?;
    let second = opened.finding.context("no finding")?.id;

    let from = daemon.stream().len();
    write(&daemon, "[thresholds]\neof_unread = \"10 parsecs\"\n")?;
    let told = reload(&daemon)?;
    let error = told["error"].as_str().context("no error")?;
    ensure!(
        error.contains("finback.toml:2: wrong value for `eof_unread`"),
        "{error}"
    );
    ensure!(error.contains("use a whole number and a unit"), "{error}");
    ensure!(told["failures"] == 1 && told["reloads"] == 2, "{told}");

    write(
        &daemon,
        &format!("ring_bytes = 65536\npeer_quiet = \"3m\"\nstacks = true\n{SHORT}"),
    )?;
    let told = reload(&daemon)?;
    ensure!(
        told["restart_needed"] == serde_json::json!(["ring_bytes", "stacks"]),
        "{told}"
    );
    ensure!(told["error"].is_null(), "{told}");

    write(
        &daemon,
        &format!("{SHORT}[severities]\neof_unread = \"critical\"\n"),
    )?;
    reload(&daemon)?;
    let update = daemon.wait_for(from, "other severity", |event| {
        of(event, port, Action::Updated)
    })?;
    let finding = update.finding.context("no finding")?;
    ensure!(
        finding.id == second && finding.severity == Severity::Critical,
        "{finding:?}"
    );
    let told = daemon.stream().select(from, |event| is_at(event, port));
    ensure!(told.len() == 1, "told again: {}", daemon.tail(from));

    let errors = daemon.stop()?;
    ensure!(
        errors.contains("the configuration from before stays in force"),
        "{errors}"
    );
    ensure!(
        errors.contains("ring_bytes, stacks can change only with a restart"),
        "{errors}"
    );
    Ok(())
}

/// `Type=notify-reload`.
pub(crate) fn the_service_manager_is_told() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let manager = UnixDatagram::bind(dir.path().join("notify"))?;
    manager.set_read_timeout(Some(2 * setting().patience()))?;
    let next = || -> Result<String> {
        let mut message = [0; 4096];
        let length = manager.recv(&mut message).context("no message")?;
        Ok(String::from_utf8(message[..length].to_vec())?)
    };
    let mut command = run_command(&dir, &["--select", "incident"])?;
    let mut child = command
        .env("NOTIFY_SOCKET", dir.path().join("notify"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let told = || -> Result<()> {
        let ready = next()?;
        ensure!(ready.contains("READY=1"), "{ready}");
        fs::write(dir.path().join("finback.toml"), "attach = 7\n")?;
        kill_process(Pid::from_child(&child), Signal::HUP)?;
        let reloading = next()?;
        ensure!(reloading.contains("RELOADING=1\n"), "{reloading}");
        ensure!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
        let ready = next()?;
        ensure!(ready.contains("READY=1\n"), "{ready}");
        ensure!(
            ready.contains("STATUS=The new configuration is not in force"),
            "{ready}"
        );
        Ok(())
    }();
    child.kill()?;
    child.wait()?;
    told
}
