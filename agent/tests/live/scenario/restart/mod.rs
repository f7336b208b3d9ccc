//! The daemon is killed, ended, started again: what goes on meanwhile is told rightly after it, under the same ids.

mod leak;
mod pins;
mod stage;

use std::fs;
use std::io::Write as _;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::Value;

use self::leak::{Leak, id, knows_the_fin, listener, ports};
use self::stage::Stage;
use crate::daemon::Daemon;
use crate::wire::{Action, Event};

pub(crate) use self::pins::{
    pins_are_not_believed, pins_go_when_they_should, two_daemons_share_no_pins,
};

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
    ensure!(pins["uninterrupted"] == whole, "{pins}");

    let after = stays.told(&daemon, Action::Updated)?;
    ensure!(id(&before)? == id(&after)?, "{after:?}");
    if whole {
        knows_the_fin(&after, &stays).context("goes on")?;
    }

    let over = daemon.wait_for(0, "the end", |event| {
        let finding = event.finding.as_ref();
        ports(event) == Some(ends_ports)
            && finding.is_some_and(|finding| finding.action == Action::Resolved)
    })?;
    ensure!(id(&over)? == id(&ended)?, "{over:?}");
    ended_between(&over, dead, alive)?;

    let new = begins.told(&daemon, Action::Opened)?;
    ensure!(id(&new)? > id(&ended)?, "{new:?}");
    if whole {
        knows_the_fin(&new, &begins).context("a server's")?;
        knows_its_client(&daemon, &client)?;
    }

    let grown = incident_of(&daemon, 0, |now| {
        now["id"] == incident["id"] && now["total"] == 3
    })?;
    ensure!(
        grown["action"] == "updated" && grown["connections"] == 2,
        "{grown}"
    );
    ensure!(stays.count(&daemon, Action::Opened) == 0, "told as new");
    daemon.stop().map(drop)
}

/// The range that is told has these two moments in it.
fn ended_between(over: &Event, dead: Timestamp, alive: Timestamp) -> Result<()> {
    let finding = over.finding.as_ref();
    let first = finding.and_then(|finding| finding.ended_after.as_ref());
    let first: Timestamp = first.context("no range")?.parse()?;
    let last: Timestamp = over.time.parse()?;
    let slack = Duration::from_millis(50);
    ensure!(
        first <= dead + slack && alive <= last + slack,
        "{first}..{last}"
    );
    Ok(())
}

/// Who has opened it, while no daemon ran, only a hook can tell.
fn knows_its_client(daemon: &Daemon, client: &Leak) -> Result<()> {
    let new = client.told(daemon, Action::Opened)?;
    knows_the_fin(&new, client).context("a client's")?;
    let attribution = new.process.as_ref().map(|process| process.attribution);
    ensure!(attribution == Some("connect"), "opened by {attribution:?}");
    Ok(())
}

fn play(point: Point) -> Result<()> {
    story(point).with_context(|| format!("{point:?}"))
}

fn incident_of(daemon: &Daemon, from: usize, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let event = daemon.wait_for(from, "incident", |event| {
        event.incident.as_ref().is_some_and(&wanted)
    })?;
    event.incident.context("no incident")
}

pub(crate) fn killed_before_ready() -> Result<()> {
    play(Point::BeforeReady)
}

pub(crate) fn killed_at_work() -> Result<()> {
    play(Point::Running)
}

pub(crate) fn killed_in_a_look() -> Result<()> {
    play(Point::InALook)
}

pub(crate) fn killed_while_it_ends() -> Result<()> {
    play(Point::TermInFlight)
}

pub(crate) fn ended_in_order() -> Result<()> {
    play(Point::AfterItsEnd)
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
