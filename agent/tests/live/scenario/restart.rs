//! The daemon is killed, ended, started again: what goes on meanwhile is told rightly after it, under the same ids.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{Daemon, run_command};
use crate::scenario::command::output_of;
use crate::setting::setting;
use crate::trial::skip;
use crate::wire::{Action, Confidence, Event};

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
    dir: Arc<TempDir>,
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
    fn start_and_kill(&self, after: Duration) -> Result<()> {
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

    /// Runs `finback COMMAND`, with these pins.
    pub(super) fn finback(&self, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        let mut command = Command::new(&setting().finback);
        let output = output_of(command.args(arguments))?;
        let said = [output.stdout, output.stderr].concat();
        Ok((
            output.status.code(),
            String::from_utf8_lossy(&said).into_owned(),
        ))
    }

    pub(super) fn status(&self) -> Result<Value> {
        let socket = self.dir.path().join("finback.sock");
        let socket = socket.to_str().context("no text")?;
        let (code, said) = self.finback(&["status", "--format", "json", "--socket", socket])?;
        ensure!(code == Some(0), "{said}");
        Ok(serde_json::from_str(&said)?)
    }
}

fn listener() -> Result<Arc<TcpListener>> {
    Ok(Arc::new(TcpListener::bind("127.0.0.1:0")?))
}

/// Its own port and its peer's, of an event about a connection.
fn ports(event: &Event) -> Option<(u16, u16)> {
    let (local, peer) = event.ends()?;
    Some((local.port(), peer.port()))
}

/// A connection of this very process that it does not look after.
pub(super) struct Leak {
    _listener: Arc<TcpListener>,
    _kept: TcpStream,
    /// Its own port, and its peer's.
    ports: (u16, u16),
    /// The other end hung up between these moments.
    fin: (Timestamp, Timestamp),
}

impl Leak {
    /// Of a server.
    pub(super) fn of_server(listener: &Arc<TcpListener>) -> Result<Self> {
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        client.write_all(b"hello")?;
        let (kept, _) = listener.accept()?;
        Self::left(Arc::clone(listener), kept, client)
    }

    /// Of a client: who has opened it, only a hook can tell.
    fn of_client() -> Result<Self> {
        let listener = listener()?;
        let kept = TcpStream::connect(listener.local_addr()?)?;
        let (mut server, _) = listener.accept()?;
        server.write_all(b"an answer")?;
        Self::left(listener, kept, server)
    }

    fn left(listener: Arc<TcpListener>, kept: TcpStream, other: TcpStream) -> Result<Self> {
        let before = Timestamp::now();
        drop(other);
        Ok(Self {
            ports: (kept.local_addr()?.port(), kept.peer_addr()?.port()),
            _listener: listener,
            _kept: kept,
            fin: (before, Timestamp::now()),
        })
    }

    fn is_of(&self, event: &Event) -> bool {
        ports(event) == Some(self.ports)
    }

    /// Waits for an event of its finding.
    pub(super) fn told(&self, daemon: &Daemon, action: Action) -> Result<Event> {
        daemon.wait_for(0, &format!("{action:?} of {:?}", self.ports), |event| {
            let finding = event.finding.as_ref();
            self.is_of(event) && finding.is_some_and(|finding| finding.action == action)
        })
    }

    /// How often something was told of it.
    fn count(&self, daemon: &Daemon, action: Action) -> usize {
        daemon.stream().count(0, |event| {
            let finding = event.finding.as_ref();
            self.is_of(event) && finding.is_some_and(|finding| finding.action == action)
        })
    }
}

/// Where the daemon is when it is killed.
#[derive(Clone, Copy, Debug)]
enum Point {
    BeforeReady,
    Running,
    InALook,
    TermInFlight,
    AfterItsEnd,
}

impl Point {
    fn end(self, stage: &Stage, daemon: Daemon) -> Result<()> {
        match self {
            Self::Running => daemon.kill(),
            Self::InALook => {
                // A list of every socket is a look; the answer has not come when it is killed.
                let socket = daemon.dir().path().join("finback.sock");
                let mut asks = std::os::unix::net::UnixStream::connect(socket)?;
                asks.write_all(b"GET /v1/connections HTTP/1.1\r\nHost: x\r\n\r\n")?;
                thread::sleep(Duration::from_millis(2));
                daemon.kill()
            }
            Self::TermInFlight => {
                daemon.signal(Signal::TERM)?;
                thread::sleep(Duration::from_millis(3));
                daemon.kill()
            }
            Self::AfterItsEnd => daemon.stop().map(drop),
            Self::BeforeReady => {
                daemon.kill()?;
                for ms in [20, 60, 120, 200, 300] {
                    stage.start_and_kill(Duration::from_millis(ms))?;
                }
                Ok(())
            }
        }
    }
}

fn id(event: &Event) -> Result<u64> {
    let finding = event.finding.as_ref().context("no finding")?;
    finding.id.as_u64().context("no number")
}

/// The FIN's moment, to 50 ms: each daemon relates the kernel's clock to the wall clock anew.
fn knows_the_fin(event: &Event, leak: &Leak) -> Result<()> {
    let finding = event.finding.as_ref().context("no finding")?;
    let since = finding.half_closed_since.as_ref();
    let since: Timestamp = since.context("no moment of the FIN")?.parse()?;
    let slack = Duration::from_millis(50);
    let (first, last) = (leak.fin.0 - slack, leak.fin.1 + slack);
    ensure!(
        first <= since && since <= last,
        "{since} is not in {first}..{last}"
    );
    ensure!(finding.confidence == Confidence::Proven, "{finding:?}");
    Ok(())
}

/// A leak that goes on, one that ends while no daemon runs, and two that begin then.
fn story(point: Point) -> Result<()> {
    let stage = Stage::new()?;
    let daemon = stage.start()?;
    // One port, one cause.
    let server = listener()?;
    let (stays, ends) = (Leak::of_server(&server)?, Leak::of_server(&server)?);
    let before = stays.told(&daemon, Action::Opened)?;
    let ended = ends.told(&daemon, Action::Opened)?;
    let incident = incident_of(&daemon, 0, |incident| incident["connections"] == 2)?;
    point.end(&stage, daemon)?;

    let dead = Timestamp::now();
    let ends_ports = ends.ports;
    drop(ends);
    let (begins, client) = (Leak::of_server(&server)?, Leak::of_client()?);
    thread::sleep(Duration::from_millis(300));
    let alive = Timestamp::now();
    let daemon = stage.start()?;

    let pins = stage.status()?["pins"].clone();
    // Before Linux 5.15 kprobes cannot be pinned.
    let whole = pins["left_out"].as_array().is_some_and(Vec::is_empty);
    ensure!(pins["uninterrupted"] == whole, "{point:?}: {pins}");

    let after = stays.told(&daemon, Action::Updated)?;
    ensure!(id(&before)? == id(&after)?, "{point:?}: {after:?}");
    if whole {
        knows_the_fin(&after, &stays).context("goes on")?;
    }

    let over = daemon.wait_for(0, "the end", |event| {
        let finding = event.finding.as_ref();
        ports(event) == Some(ends_ports)
            && finding.is_some_and(|finding| finding.action == Action::Resolved)
    })?;
    ensure!(id(&over)? == id(&ended)?, "{point:?}: {over:?}");
    let range = over
        .finding
        .as_ref()
        .and_then(|finding| finding.ended_after.as_ref());
    let (first, last): (Timestamp, Timestamp) =
        (range.context("no range")?.parse()?, over.time.parse()?);
    let slack = Duration::from_millis(50);
    ensure!(
        first <= dead + slack && alive <= last + slack,
        "{point:?}: {first}..{last}"
    );

    let new = begins.told(&daemon, Action::Opened)?;
    ensure!(id(&new)? > id(&ended)?, "{point:?}: {new:?}");
    if whole {
        knows_the_fin(&new, &begins).context("a server's")?;
        let new = client.told(&daemon, Action::Opened)?;
        knows_the_fin(&new, &client).context("a client's")?;
        let attribution = new.process.as_ref().map(|process| process.attribution);
        ensure!(
            attribution == Some("connect"),
            "{point:?}: opened by {attribution:?}"
        );
    }

    let grown = incident_of(&daemon, 0, |now| {
        now["id"] == incident["id"] && now["total"] == 3
    })?;
    ensure!(
        grown["action"] == "updated" && grown["connections"] == 2,
        "{grown}"
    );
    ensure!(
        stays.count(&daemon, Action::Opened) == 0,
        "{point:?}: told as new"
    );
    daemon.stop().map(drop)
}

fn incident_of(daemon: &Daemon, from: usize, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let event = daemon.wait_for(from, "incident", |event| {
        event.incident.as_ref().is_some_and(&wanted)
    })?;
    event.incident.context("no incident")
}

pub(crate) fn killed_before_ready() -> Result<()> {
    story(Point::BeforeReady)
}

pub(crate) fn killed_at_work() -> Result<()> {
    story(Point::Running)
}

pub(crate) fn killed_in_a_look() -> Result<()> {
    story(Point::InALook)
}

pub(crate) fn killed_while_it_ends() -> Result<()> {
    story(Point::TermInFlight)
}

pub(crate) fn ended_in_order() -> Result<()> {
    story(Point::AfterItsEnd)
}

/// What its pins say, or a word of it.
pub(super) fn notes(stage: &Stage) -> Result<String> {
    Ok(stage.status()?["pins"]["notes"].to_string())
}

/// Whether nothing is left in a folder.
pub(super) fn is_gone(path: &Path) -> bool {
    matches!(fs::symlink_metadata(path), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

/// Ctrl-C is for good; SIGTERM is not, and `unpin` is what makes it so.
pub(crate) fn pins_go_when_they_should() -> Result<()> {
    let stage = Stage::new()?;
    let folder = stage.folder();
    let path = folder.to_str().context("no text")?;
    let daemon = stage.start()?;
    let (code, said) = stage.finback(&["unpin", path])?;
    ensure!(
        code == Some(1) && said.contains("used by another finback"),
        "{said}"
    );
    daemon.stop()?;
    ensure!(!is_gone(&stage.version()), "SIGTERM has removed the pins");
    let (code, said) = stage.finback(&["status", "--pins", path, "--socket", "/nowhere"])?;
    ensure!(
        code == Some(0) && said.contains("HALF") && said.contains("not in use"),
        "{said}"
    );
    let (code, said) = stage.finback(&["unpin", "--dry-run", path])?;
    ensure!(code == Some(0) && said.contains("would detach"), "{said}");
    ensure!(!is_gone(&stage.version()), "a dry run has removed pins");
    let (code, said) = stage.finback(&["unpin", path])?;
    ensure!(code == Some(0) && said.contains("freed 2 tables"), "{said}");
    ensure!(is_gone(&folder), "the folder is left");
    let (code, said) = stage.finback(&["unpin", path])?;
    ensure!(
        code == Some(0) && said.contains("nothing is pinned"),
        "{said}"
    );

    let daemon = stage.start()?;
    ensure!(!is_gone(&folder), "nothing was pinned");
    daemon.stop_by(Signal::INT)?;
    ensure!(is_gone(&folder), "Ctrl-C has left pins");
    let state = stage.dir.path().join("finback.sock.state");
    ensure!(
        is_gone(&state),
        "Ctrl-C has left what the next daemon is to know"
    );
    Ok(())
}

/// Nothing that others may have put there, nothing damaged, nothing of another version.
pub(crate) fn pins_are_not_believed() -> Result<()> {
    let stage = Stage::new()?;
    let leak = Leak::of_server(&listener()?)?;
    let own = stage.version();
    let run = |word: &str| -> Result<()> {
        let daemon = stage.start()?;
        let notes = notes(&stage)?;
        ensure!(notes.contains(word), "{word}: {notes}");
        daemon.wait_for(0, "the leak", |event| {
            leak.is_of(event) && event.finding.is_some()
        })?;
        daemon.stop().map(drop)
    };
    run("[]")?;
    // A table that is another one.
    fs::rename(own.join("OPENERS"), own.join("HALF"))?;
    run("HALF is begun anew: value_size is 96, not 64")?;
    // A program that keeps up the tables was not attached all the time.
    fs::remove_file(own.join("tp_tcp_destroy_sock"))?;
    run("the tables of an earlier finback are begun anew")?;
    // What nobody knows is left where it is.
    fs::rename(own.join("tp_tcp_receive_reset"), own.join("OPENERS2"))?;
    run("the tables of an earlier finback are begun anew")?;
    fs::remove_file(own.join("OPENERS2")).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    // Another version.
    let other = stage.folder().join("v2");
    fs::rename(&own, &other)?;
    run("is of another version of finback")?;
    ensure!(is_gone(&other), "its pins are left");
    // Places that no program has written.
    let whole = is_whole(&stage)?;
    damage(&own.join("HALF"))?;
    run(if whole {
        "1 places of the table of half-closed sockets were damaged"
    } else {
        "the tables of an earlier finback are begun anew"
    })?;
    // Others' folders.
    let folder = stage.folder();
    std::os::unix::fs::chown(&folder, Some(65_534), None)?;
    let reason = refusal(&stage)?;
    ensure!(reason.contains("belongs to user 65534"), "{reason}");
    std::os::unix::fs::chown(&folder, Some(0), None)?;
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
    let reason = refusal(&stage)?;
    ensure!(reason.contains("can be written to by others"), "{reason}");
    Ok(())
}

/// Whether this kernel lets every program be pinned: before Linux 5.15 kprobes cannot be.
fn is_whole(stage: &Stage) -> Result<bool> {
    let daemon = stage.start()?;
    let left_out = stage.status()?["pins"]["left_out"].clone();
    daemon.stop()?;
    Ok(left_out.as_array().is_some_and(Vec::is_empty))
}

/// Why nothing is pinned.
fn refusal(stage: &Stage) -> Result<String> {
    let daemon = stage.start()?;
    let pins = stage.status()?["pins"].clone();
    ensure!(pins["folder"].is_null(), "{pins}");
    daemon.stop()?;
    Ok(pins["reason"].as_str().context("no reason")?.to_owned())
}

/// Writes a socket where it cannot be.
fn damage(path: &Path) -> Result<()> {
    use aya::maps::{Array, Map, MapData};
    let table = Map::Array(MapData::from_pin(path)?);
    let mut table: Array<MapData, [u8; 64]> = table.try_into()?;
    let mut place = [0_u8; 64];
    place[..8].copy_from_slice(&0xffff_8880_1234_5000_u64.to_ne_bytes());
    let first =
        finback_common::place::index(0xffff_8880_1234_5000, finback_common::place::HALF_PLACES);
    Ok(table.set((first + 7) % finback_common::place::HALF_PLACES, place, 0)?)
}

/// The second one watches, and pins nothing.
pub(crate) fn two_daemons_share_no_pins() -> Result<()> {
    let stage = Stage::new()?;
    let first = stage.start()?;
    let other = Stage::new()?;
    let folder = stage.folder();
    let folder = folder.to_str().context("no text")?;
    let second = Daemon::start_in(Arc::clone(&other.dir), &["--pins", folder])?;
    let pins = other.status()?["pins"].clone();
    let reason = pins["reason"].as_str().unwrap_or_default();
    ensure!(reason.contains("used by another finback"), "{pins}");
    second.stop()?;
    ensure!(
        !is_gone(&stage.version()),
        "it has removed the first one's pins"
    );
    first.stop().map(drop)
}

/// What was written down is not believed either.
pub(crate) fn what_was_written_down_is_not_believed() -> Result<()> {
    let stage = Stage::new()?;
    let daemon = stage.start()?;
    let leak = Leak::of_server(&listener()?)?;
    leak.told(&daemon, Action::Opened)?;
    daemon.kill()?;
    let path = stage.dir.path().join("finback.sock.state");
    fs::write(&path, "{\"finback\":\"memory\",\"format\":1}\n")?;
    let daemon = stage.start()?;
    let memory = stage.status()?["memory"].clone();
    let refused = memory["refused"].as_str().unwrap_or_default();
    ensure!(
        refused.contains("findings and incidents begin anew"),
        "{memory}"
    );
    let again = leak.told(&daemon, Action::Opened)?;
    // The table that was pinned knows its FIN all the same.
    if stage.status()?["pins"]["resumed"] == true {
        let finding = again.finding.as_ref().context("no finding")?;
        ensure!(finding.half_closed_since.is_some(), "{finding:?}");
    }
    if path.metadata()?.len() == 0 {
        bail!("nothing is written down any more");
    }
    daemon.stop().map(drop)
}
