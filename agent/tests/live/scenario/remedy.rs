//! Remedies on real programs: a service that has no place left for anybody answers again, and nothing is done that was not
//! asked for.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::command::refused;
use crate::daemon::{Daemon, run_command};
use crate::program::Program;
use crate::setting::setting;
use crate::trial::skip;
use crate::wire::{Event, Kind};

const CLOSE_WAIT: u32 = 8;
const USAGE: i32 = 2;

/// Clients that the service has places for.
const PLACES: usize = 5;

const CONFIG: &str = r#"
scan_interval = "1s"
[thresholds]
eof_unread = "600ms"
not_closed = "800ms"
dead_open = "800ms"
[incidents]
update_interval = "1s"
resolve_after = "1s"
resolve_after_warning = "1s"
[[remedy]]
name = "heal"
on = "info"
"#;

const SELECT: [&str; 2] = ["--select", "incident,finding,remedy"];

/// A service, every place of which is taken by a client that has left, and somebody who waits for an answer.
struct Saturated {
    server: Program,
    waiting: TcpStream,
}

impl Saturated {
    fn new() -> Result<Self> {
        let places = PLACES.to_string();
        let server = Program::start("saturated.py", ["127.0.0.1", &places])?;
        let port = server.did("listening")?.port;
        for _ in 0..PLACES {
            let mut client = ask(port)?;
            client.read_exact(&mut [0; 4])?;
            drop(client);
            server.did("forgotten")?;
        }
        Ok(Self {
            server,
            waiting: ask(port)?,
        })
    }

    fn states(&mut self) -> Result<Vec<u32>> {
        self.server.tell("states")?;
        Ok(self.server.did("states")?.fds)
    }
}

fn ask(port: u16) -> Result<TcpStream> {
    let mut client = TcpStream::connect(("127.0.0.1", port))?;
    client.set_read_timeout(Some(setting().patience()))?;
    client.write_all(b"ping")?;
    Ok(client)
}

fn decided(daemon: &Daemon, decision: &str) -> Result<Event> {
    let event = daemon.wait_for(0, "decision", |event| event.kind == Kind::Remedy)?;
    let remedy = remedy(&event)?;
    if remedy["reason"]
        .as_str()
        .is_some_and(|reason| reason.contains("CONFIG_INET_DIAG_DESTROY"))
    {
        return skip("this kernel cannot destroy sockets (CONFIG_INET_DIAG_DESTROY is off)");
    }
    ensure!(remedy["decision"] == decision, "{remedy}");
    Ok(event)
}

fn remedy(event: &Event) -> Result<&Value> {
    event.remedy.as_ref().context("a decision without payload")
}

/// Breaking and healing.
pub(crate) fn kill_heals() -> Result<()> {
    let mut saturated = Saturated::new()?;
    let pid = saturated.server.pid();
    let config = format!(
        "{CONFIG}match = \"pid = {pid}\"\naction = \"kill\"\nconnections = \"state close-wait\"\ndry_run = false\n"
    );
    let daemon = Daemon::start_with(&config, &SELECT)?;
    let told = decided(&daemon, "done")?;
    ensure!(told.pid() == Some(pid), "{told:?}");
    let remedy = remedy(&told)?;
    ensure!(
        remedy["name"] == "heal" && remedy["action"] == "kill",
        "{remedy}"
    );
    // The first findings may come before the last.
    let destroyed = remedy["connections"]["destroyed"].as_u64();
    ensure!(destroyed.is_some_and(|count| count >= 1), "{remedy}");
    for _ in 0..destroyed.unwrap_or(0) {
        saturated.server.did("closed")?;
    }
    let mut answer = [0; 4];
    saturated.waiting.read_exact(&mut answer)?;
    ensure!(&answer == b"pong", "the service answers again");
    if destroyed == Some(PLACES as u64) {
        let id = remedy["incident"].clone();
        daemon.wait_for(0, "end of the incident", |event| {
            let incident = event.incident.as_ref();
            incident.is_some_and(|one| one["id"] == id && one["action"] == "resolved")
        })?;
    }
    daemon.stop()?;
    Ok(())
}

/// The same without `dry_run = false`.
pub(crate) fn dry_run_leaves_everything() -> Result<()> {
    let mut saturated = Saturated::new()?;
    let pid = saturated.server.pid();
    let config = format!("{CONFIG}match = \"pid = {pid}\"\naction = \"kill\"\n");
    let daemon = Daemon::start_with(&config, &SELECT)?;
    let told = decided(&daemon, "would_do")?;
    let would = remedy(&told)?["connections"]["destroyed"].as_u64();
    ensure!(would.is_some_and(|count| count >= 1), "{told:?}");
    let states = saturated.states()?;
    ensure!(states == [CLOSE_WAIT; PLACES], "{states:?}");
    daemon.stop()?;
    Ok(())
}

/// A folder where only root can write, with a script in it.
fn script(text: &str, mode: u32) -> Result<(TempDir, PathBuf)> {
    let dir = tempfile::tempdir_in("/run")?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
    let path = dir.path().join("remedy");
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    Ok((dir, path))
}

/// A command has the incident on its standard input and its id in the environment.
pub(crate) fn exec_gets_the_incident() -> Result<()> {
    let mut saturated = Saturated::new()?;
    let pid = saturated.server.pid();
    let text = "#!/bin/sh\ncat > \"$1\"\necho \"$FINBACK_INCIDENT\"\n";
    let (dir, path) = script(text, 0o755)?;
    let taken = dir.path().join("taken");
    let config = format!(
        "{CONFIG}match = \"pid = {pid}\"\naction = \"exec\"\ncommand = [{path:?}, {taken:?}]\ndry_run = false\n"
    );
    let daemon = Daemon::start_with(&config, &SELECT)?;
    let told = decided(&daemon, "done")?;
    let line: Value = serde_json::from_slice(&fs::read(&taken)?)?;
    ensure!(
        line["type"] == "incident" && line["process"]["pid"] == pid,
        "{line}"
    );
    let id = line["incident"]["id"].as_str().context("no id")?;
    let remedy = remedy(&told)?;
    ensure!(remedy["incident"] == id, "{remedy}");
    ensure!(remedy["reason"] == format!("exit code 0: {id}"), "{remedy}");
    let states = saturated.states()?;
    ensure!(states == [CLOSE_WAIT; PLACES], "{states:?}");
    daemon.stop()?;
    Ok(())
}

/// The daemon does not start with a command that anybody can replace.
pub(crate) fn a_command_of_others_is_refused() -> Result<()> {
    let (_dir, path) = script("#!/bin/sh\n", 0o757)?;
    let config = tempfile::tempdir()?;
    let text = format!("{CONFIG}action = \"exec\"\ncommand = {path:?}\n");
    fs::write(config.path().join("finback.toml"), text)?;
    let name = path.to_string_lossy().into_owned();
    let needles = [
        "remedy `heal` is refused",
        &name,
        "can be written to by others",
    ];
    refused(&mut run_command(&config, &[])?, USAGE, &needles)
}
