//! Whoever the daemon tells takes nothing more.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::net::{self, AddressFamily, SocketType};
use rustix::process::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::count;
use crate::daemon::run_command;
use crate::ground::{Ground, Manner};
use crate::mounts;
use crate::ss::until;
use crate::subject::{STATES, Subject};
use crate::truth::{SOON, ask, calm, config, holds};

/// Of the file system for the history, which takes more than that.
const SMALL: &str = "256k";

/// The history's file system is full, and later is not. What could not be written is counted and told.
pub(crate) fn disk_full() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let folder = dir.path().join("history");
    fs::create_dir(&folder)?;
    let folder = folder.to_string_lossy().into_owned();
    let script = format!("mount -t tmpfs -o size={SMALL},mode=700 tmpfs {folder}");
    mounts::need(&script)?;
    let mut ground = Ground::leaking()?;
    let history = "[history]\nselect = \"incident,finding,transition\"\n";
    fs::write(
        dir.path().join("finback.toml"),
        format!("{}{history}", config()),
    )?;
    let command = run_command(&dir, &["--states", STATES, "--history", &folder])?;
    let mut subject = Subject::launch(dir, mounts::with(&script, &command))?;
    subject.greeted()?;
    let before = calm(&subject, &ground)?;

    ground.load(1_000)?;
    let ends = ground.plant(Manner::Unread)?;
    until(6 * SOON, "a full disk", || {
        Ok(history_of(&subject)?["error"].is_string())
    })?;
    thread::sleep(Duration::from_secs(count(30, 1)));
    let full = history_of(&subject)?;
    ground.heal(ends)?;
    let made = ground.rest()?;
    holds(&subject, &ground, &before)?;

    enlarge(subject.pid(), &folder)?;
    ground.plant(Manner::Unread)?;
    until(3 * SOON, "history that goes on", || {
        Ok(history_of(&subject)?["error"].is_null())
    })?;
    println!("  {made} connections on {SMALL}: {full}");
    ensure!(
        full["dropped"].as_u64() > Some(0),
        "nothing dropped: {full}"
    );
    holds(&subject, &ground, &before)?;
    subject.stop()
}

fn history_of(subject: &Subject) -> Result<Value> {
    let status: Value = serde_json::from_str(&ask(subject, "/v1/status")?)?;
    Ok(status["history"].clone())
}

/// Makes room where only the daemon sees it.
fn enlarge(pid: Pid, folder: &str) -> Result<()> {
    let output = Command::new("nsenter")
        .args(["--mount", "--target", &pid.as_raw_nonzero().to_string()])
        .args(["mount", "-o", "remount,size=64m", folder])
        .output()
        .context("cannot run nsenter (util-linux)")?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

/// Nobody listens any more: not at the ports, and journald's socket is an old file.
pub(crate) fn receivers_dead() -> Result<()> {
    let dir = tempfile::tempdir()?;
    drop(UnixDatagram::bind(dir.path().join("journald"))?);
    let (_taken, port) = port_without_listener()?;
    beside_receivers(dir, port)
}

/// A port that refuses, and that nobody else is given while the descriptor is open.
fn port_without_listener() -> Result<(OwnedFd, u16)> {
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    let address = SocketAddrV4::try_from(net::getsockname(&socket)?)?;
    Ok((socket, address.port()))
}

/// They take connections and messages, and never read or answer.
pub(crate) fn receivers_hanging() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let journald = UnixDatagram::bind(dir.path().join("journald"))?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let result = beside_receivers(dir, port);
    drop((journald, listener));
    result
}

fn beside_receivers(dir: TempDir, port: u16) -> Result<()> {
    let script = in_place_of_journald(dir.path());
    mounts::need(&script)?;
    let mut ground = Ground::leaking()?;
    let outputs = format!(
        "[journal]\nseverity = \"info\"\n\
         [webhook]\nurl = \"http://127.0.0.1:{port}/\"\nseverity = \"info\"\ntimeout = \"2s\"\n\
         [otlp]\nendpoint = \"http://127.0.0.1:{port}\"\ntimeout = \"2s\"\ninterval = \"5s\"\n"
    );
    fs::write(
        dir.path().join("finback.toml"),
        format!("{}{outputs}", config()),
    )?;
    let command = run_command(&dir, &["--states", STATES])?;
    let mut subject = Subject::launch(dir, mounts::with(&script, &command))?;
    subject.greeted()?;
    let before = calm(&subject, &ground)?;
    let leaks = count(2_000, 200);
    let mut planted = Vec::new();
    for _ in 0..leaks {
        planted.push(ground.plant(Manner::Unread)?);
    }
    thread::sleep(Duration::from_secs(count(60, 5)));
    for ends in planted {
        ground.heal(ends)?;
    }
    let status: Value = serde_json::from_str(&ask(&subject, "/v1/status")?)?;
    let exporters = status["exporters"].as_array().context("no exporters")?;
    // The journal, the webhook, OTLP's logs and its metrics.
    ensure!(exporters.len() == 4, "{exporters:?}");
    println!(
        "  {leaks} leaks planted and healed; {}",
        status["exporters"]
    );
    holds(&subject, &ground, &before)?;
    subject.stop()
}

/// Where the daemon looks for journald's socket.
fn in_place_of_journald(dir: &Path) -> String {
    let socket = dir.join("journald");
    format!(
        "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && ln -s {} /run/systemd/journal/socket",
        socket.display()
    )
}
