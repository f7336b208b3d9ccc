//! Questions on a host where nobody has watched, and beside a daemon.

pub(crate) mod filters;
pub(crate) mod screen;

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;
use tempfile::TempDir;

use super::command::{output_of, public_dir};
use crate::daemon::{Daemon, EOF_UNREAD};
use crate::setting::setting;

const FOUND: i32 = 10;

/// A listener of this very process, and what it does with its connections.
struct Leak {
    listener: TcpListener,
    kept: Vec<TcpStream>,
}

impl Leak {
    fn new() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let kept = Vec::new();
        Ok(Self { listener, kept })
    }

    fn port(&self) -> Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// A client that sends a little.
    fn client(&self) -> Result<TcpStream> {
        let mut client = TcpStream::connect(self.listener.local_addr()?)?;
        client.write_all(b"hello")?;
        Ok(client)
    }

    /// It is accepted, its client leaves, nobody reads; its descriptor.
    fn unread(&mut self) -> Result<i32> {
        let client = self.client()?;
        let (taken, _) = self.listener.accept()?;
        drop(client);
        self.kept.push(taken);
        Ok(self.kept.last().context("nothing kept")?.as_raw_fd())
    }

    /// It is accepted and reset, and nobody looks; its descriptor.
    fn reset(&mut self) -> Result<i32> {
        let client = self.client()?;
        let (taken, _) = self.listener.accept()?;
        set_socket_linger(&client, Some(Duration::ZERO))?;
        drop(client);
        self.kept.push(taken);
        Ok(self.kept.last().context("nothing kept")?.as_raw_fd())
    }
}

/// A configuration with thresholds that a test can wait for.
fn config(dir: &TempDir) -> Result<String> {
    let path = dir.path().join("finback.toml");
    let text = format!(
        "[thresholds]\neof_unread = \"{}ms\"\n",
        EOF_UNREAD.as_millis()
    );
    fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}

/// What the command wrote, line by line, and its exit code.
fn ask(arguments: &[&str]) -> Result<(Vec<Value>, i32)> {
    let output = output_of(Command::new(&setting().finback).args(arguments))?;
    let text = String::from_utf8(output.stdout)?;
    let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
    let lines = lines.with_context(|| text.clone())?;
    let code = output.status.code().context("ended by a signal")?;
    ensure!(
        code == 0 || code == FOUND,
        "code {code}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok((lines, code))
}

/// What `check` finds of itself, without a daemon.
fn check(config: &str) -> Result<(Vec<Value>, i32)> {
    let mut arguments = vec!["check", "--no-daemon", "--config", config];
    arguments.extend(["--format", "json"]);
    ask(&arguments)
}

/// The lines of this process's sockets at this local port.
fn ours(lines: &[Value], port: u16) -> Vec<&Value> {
    let lines = lines.iter().filter(|line| {
        line["network"]["local"]["port"] == port && line["process"]["pid"] == std::process::id()
    });
    lines.collect()
}

fn with_fd<'a>(lines: &[&'a Value], holders: &str, fd: i32) -> Result<&'a Value> {
    let has = |line: &Value| {
        let holders = line.pointer(holders).and_then(Value::as_array);
        holders.is_some_and(|holders| holders.iter().any(|holder| holder["fd"] == fd))
    };
    let found = lines.iter().find(|line| has(line));
    found
        .copied()
        .with_context(|| format!("nothing holds fd {fd}: {lines:?}"))
}

/// No daemon has watched: one look says who holds what, for how long at least, and that it saw no more.
pub(crate) fn check_on_a_bare_host() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let config = config(&dir)?;
    let mut leak = Leak::new()?;
    let (unread, reset) = (leak.unread()?, leak.reset()?);
    // Reset while it waits to be accepted, and hung up there.
    let queued = leak.client()?;
    drop(queued);
    thread::sleep(2 * EOF_UNREAD);
    let (lines, code) = check(&config)?;
    ensure!(code == FOUND, "code {code}");
    let incident = lines
        .iter()
        .find(|line| line["type"] == "incident" && line["process"]["pid"] == std::process::id());
    incident.context("no incident names this process")?;
    let port = leak.port()?;
    let found = ours(&lines, port);
    let verdict = |fd| Ok::<_, anyhow::Error>(&with_fd(&found, "/finding/holders", fd)?["finding"]);
    let finding = verdict(unread)?;
    ensure!(finding["verdict"] == "eof_unread", "{finding}");
    ensure!(finding["confidence"] == "likely", "{finding}");
    ensure!(
        finding["missing"].to_string().contains("history"),
        "{finding}"
    );
    let age = finding["half_closed_ns"].as_u64().context("no age")?;
    ensure!(Duration::from_nanos(age) >= EOF_UNREAD, "{finding}");
    ensure!(
        verdict(reset)?["verdict"] == "dead_open",
        "{:?}",
        verdict(reset)?
    );
    let queued = verdict(leak.listener.as_raw_fd())?;
    ensure!(queued["verdict"] == "never_accepted", "{queued}");
    drop(leak);
    let (lines, _) = check(&config)?;
    let left = ours(&lines, port);
    ensure!(left.is_empty(), "all is closed, and yet: {left:?}");
    Ok(())
}

/// What it does to programs that want a word and a number.
pub(crate) fn check_for_monitoring() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let config = config(&dir)?;
    let mut leak = Leak::new()?;
    leak.unread()?;
    thread::sleep(2 * EOF_UNREAD);
    for (format, start) in [("nagios", "FINBACK "), ("npd", "")] {
        let output = output_of(Command::new(&setting().finback).args([
            "check",
            "--no-daemon",
            "--config",
            &config,
            "--format",
            format,
        ]))?;
        let text = String::from_utf8(output.stdout)?;
        ensure!(
            text.lines().count() == 1 && text.starts_with(start),
            "{text}"
        );
        ensure!(text.contains("incident"), "{text}");
        let worst = if format == "nagios" { 2 } else { 1 };
        ensure!(
            output.status.code() <= Some(worst),
            "{}: {text}",
            output.status
        );
    }
    // Nobody may look: that is unknown, not fine.
    let public = public_dir()?;
    let binary = public.path().join("finback");
    fs::copy(&setting().finback, &binary)?;
    for (format, unknown) in [("nagios", 3), ("npd", 2)] {
        let mut command = Command::new(&binary);
        command.args(["check", "--no-daemon", "--format", format]);
        let output = output_of(command.uid(65534).gid(65534))?;
        ensure!(
            output.status.code() == Some(unknown),
            "{format}: {}",
            output.status
        );
    }
    Ok(())
}

/// Every socket that `/proc` has is in the list, with its descriptors; closed ones, which `/proc/net/tcp` has not, too.
pub(crate) fn ls_has_what_the_kernel_has_and_more() -> Result<()> {
    let mut leak = Leak::new()?;
    let (unread, reset) = (leak.unread()?, leak.reset()?);
    let (lines, code) = ask(&["ls", "--no-daemon", "--format", "json"])?;
    ensure!(code == 0);
    let inode =
        |fd: i32| Ok::<_, std::io::Error>(fs::metadata(format!("/proc/self/fd/{fd}"))?.ino());
    let state = |fd: i32| -> Result<String> {
        let wanted = inode(fd)?;
        let mut lines = lines.iter();
        let line = lines.find(|line| line["socket"]["inode"] == wanted);
        let line = line.with_context(|| format!("the list lacks fd {fd}"))?;
        with_fd(&[line], "/listed/holders", fd)?;
        ensure!(line["process"]["pid"] == std::process::id(), "{line}");
        let state = &line["network"]["connection"]["state"];
        Ok(state.as_str().unwrap_or_default().to_owned())
    };
    ensure!(state(unread)? == "close_wait");
    ensure!(state(leak.listener.as_raw_fd())? == "listen");
    ensure!(state(reset)? == "closed");
    let table = fs::read_to_string("/proc/self/net/tcp")?;
    let number = inode(reset)?.to_string();
    let shown = table
        .lines()
        .any(|row| row.split_whitespace().any(|word| word == number));
    ensure!(!shown, "the kernel's own list has no closed sockets");
    Ok(())
}

/// What the daemon knows, it tells: the same finding by the same number in every answer.
pub(crate) fn the_daemon_is_asked_if_one_runs() -> Result<()> {
    let daemon = Daemon::start(&[])?;
    let mut leak = Leak::new()?;
    let fd = leak.unread()?;
    let port = leak.port()?;
    let about = |event: &crate::wire::Event| {
        event.finding.is_some() && event.ends().is_some_and(|(local, _)| local.port() == port)
    };
    let patience = EOF_UNREAD + setting().patience();
    let event = daemon.stream().wait_for(0, patience, about);
    let id = event
        .and_then(|event| event.finding)
        .context("no finding")?
        .id;
    let socket = daemon.dir().path().join("finback.sock");
    let socket = socket.to_str().context("a path")?;
    let (lines, _) = ask(&["findings", "--socket", socket, "--format", "json"])?;
    let found = ours(&lines, port);
    ensure!(found.len() == 1 && found[0]["finding"]["id"] == id);
    let (lines, _) = ask(&["ls", "--socket", socket, "--format", "json"])?;
    let found = ours(&lines, port);
    let line = with_fd(&found, "/listed/holders", fd)?;
    ensure!(line["listed"]["finding"] == id, "{line}");
    ensure!(line["listed"]["verdict"] == "eof_unread", "{line}");
    let (lines, code) = ask(&["check", "--socket", socket, "--format", "json"])?;
    ensure!(code == FOUND && ours(&lines, port).len() == 1);
    drop(daemon.stop()?);
    Ok(())
}

/// `head` reads a line and goes.
pub(crate) fn a_reader_that_goes_is_no_failure() -> Result<()> {
    for form in ["json", "text", "csv"] {
        let mut command = Command::new(&setting().finback);
        let mut child = command
            .args(["ls", "--no-daemon", "--format", form])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        drop(child.stdout.take());
        let output = child.wait_with_output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success() && errors.is_empty(),
            "{form}: {}: {errors}",
            output.status
        );
    }
    Ok(())
}
