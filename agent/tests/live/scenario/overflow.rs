//! A ring that is far too small: what is lost is announced and repaired.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::daemon::Daemon;
use crate::netns::Netns;
use crate::program::Program;
use crate::scenario::crowd::{is_in, run};
use crate::setting::setting;
use crate::traffic::Pair;
use crate::watch::{Ends, Watch};
use crate::wire::Kind;

/// Enough to overflow the ring again and again; an emulated processor is slow on both sides of it.
fn connections() -> usize {
    if setting().guest.is_some() {
        2_000
    } else {
        20_000
    }
}

/// All that can be compared with `ss`, and the ends.
const STATES: &str = "established,close_wait,fin_wait_2,time_wait,closed,last_ack,fin_wait_1";

/// The client of the leak waits for its peer for as long as this test takes, which is not what it is about.
const PATIENT: &str = "[thresholds]\npeer_not_closing = \"1h\"\n";

/// 20,000 connections through a ring of one page. A leak in the midst of it is found; what the stream says of the
/// open sockets is what `ss` says.
pub(crate) fn lost_and_repaired() -> Result<()> {
    let namespace = Netns::new()?;
    let netns = namespace.inode()?;
    let arguments = ["--ring-bytes", "4096", "--states", STATES];
    let daemon = Daemon::start_with(PATIENT, &arguments)?;
    let mut watch = Watch::new(&daemon);
    let (server, mut storm) = run(&namespace, connections())?;
    let (_keep_server, mut keeper) = held(&namespace)?;
    storm.tell("go")?;
    watch.wait_for("event of the storm", |event| is_in(event, netns))?;
    // Nobody reads the ring: it is full in no time, and what happens now is told by no record.
    daemon.pause()?;
    thread::sleep(Duration::from_millis(300));
    keeper.tell("go")?;
    let pair = namespace.inside(|| Pair::new("never_reads", "127.0.0.1"))?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    drop(pair.client);
    keeper.did("open")?;
    daemon.resume()?;
    watch.wait_for("lost event", |event| event.lost.is_some())?;
    storm.did("done")?;
    drop((server, storm));

    let (_, finding) = watch.opened(ends)?;
    let holders: Vec<_> = finding
        .holders
        .iter()
        .map(|holder| (holder.pid, holder.fd))
        .collect();
    ensure!(
        holders == [(conn.pid, conn.fd)],
        "the leak's holders are {holders:?}"
    );
    ensure!(
        finding.verdict == "eof_unread",
        "the leak is called {}",
        finding.verdict
    );
    check_announcements(&watch)?;
    compare_with_ss(&watch, &namespace, ends)?;
    drop((pair.server, keeper));
    watch.resolved(&finding)?;
    watch.finish()?;
    daemon.stop().map(drop)
}

/// Connections that stay open on both sides.
fn held(namespace: &Netns) -> Result<(Program, Program)> {
    namespace.inside(|| {
        let server = Program::start("crowd.py", ["serve"])?;
        let port = server.did("listening")?.port.to_string();
        let client = Program::start("crowd.py", ["connect", "127.0.0.1", &port, "20", "20"])?;
        client.did("ready")?;
        Ok((server, client))
    })
}

/// Each loss has a count and is followed by a comparison with the kernel.
fn check_announcements(watch: &Watch<'_>) -> Result<()> {
    let losses = watch.select(|event| event.lost.is_some());
    let newest = losses.last().context("no lost event")?;
    watch.wait_for("resync after the last loss", |event| {
        event.kind == Kind::Resync && event.seq > newest.seq
    })?;
    let resyncs = watch.select(|event| event.resync.is_some());
    let resyncs: Vec<_> = resyncs
        .iter()
        .filter_map(|event| event.resync.as_ref())
        .collect();
    ensure!(
        resyncs
            .iter()
            .all(|resync| resync.sockets > 0 && resync.took_ns > 0),
        "nothing compared: {resyncs:?}"
    );
    ensure!(
        resyncs.iter().any(|resync| resync.corrected > 0),
        "nothing was lost that mattered: {resyncs:?}"
    );
    for lost in losses.iter().filter_map(|event| event.lost.as_ref()) {
        ensure!(
            lost.records > 0 && (lost.reason == "ring_full" || lost.is_missed()),
            "a strange loss: {lost:?}"
        );
    }
    Ok(())
}

type Sockets = BTreeSet<(SocketAddr, SocketAddr, &'static str)>;

/// The leak's client has closed: of its end, all of whose records were lost, only a minisock is left to `ss`.
fn compare_with_ss(watch: &Watch<'_>, namespace: &Netns, leak: Ends) -> Result<()> {
    let netns = namespace.inode()?;
    let deadline = Instant::now() + setting().patience();
    let is_left = |(local, peer, _): &(SocketAddr, SocketAddr, &str)| {
        (local.port(), peer.port()) == (leak.peer, leak.local)
    };
    loop {
        let (mut ours, mut theirs) = (from_stream(watch, netns), from_ss(namespace)?);
        ours.retain(|socket| !is_left(socket));
        theirs.retain(|socket| !is_left(socket));
        if ours == theirs && !theirs.is_empty() {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "only in the stream: {:?}\nonly in ss: {:?}",
            ours.difference(&theirs).collect::<Vec<_>>(),
            theirs.difference(&ours).collect::<Vec<_>>()
        );
        thread::sleep(Duration::from_millis(200));
    }
}

/// States in which a connection has a descriptor here.
const OPEN: [&str; 3] = ["established", "close_wait", "fin_wait_2"];

fn from_stream(watch: &Watch<'_>, netns: u32) -> Sockets {
    let mut newest = BTreeMap::new();
    for event in watch.select(|event| is_in(event, netns)) {
        if let (Some(id), Some((local, peer)), Some(network)) =
            (event.socket_id(), event.ends(), &event.network)
        {
            newest.insert(id, (local, peer, network.connection.state));
        }
    }
    newest
        .into_values()
        .filter(|(_, _, state)| OPEN.contains(state))
        .collect()
}

fn from_ss(namespace: &Netns) -> Result<Sockets> {
    let output = namespace.inside(|| {
        Command::new("ss")
            .arg("-tanH")
            .output()
            .context("cannot run ss")
    })?;
    let mut sockets = Sockets::new();
    for row in String::from_utf8(output.stdout)?.lines() {
        let words: Vec<_> = row.split_whitespace().collect();
        let [state, _, _, local, peer, ..] = words[..] else {
            continue;
        };
        let state = match state {
            "ESTAB" => "established",
            "CLOSE-WAIT" => "close_wait",
            "FIN-WAIT-2" => "fin_wait_2",
            _ => continue,
        };
        sockets.insert((local.parse()?, peer.parse()?, state));
    }
    Ok(sockets)
}
