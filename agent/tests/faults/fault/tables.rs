//! The kernel's tables and the ring, full.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Resource, getrlimit};

use crate::count;
use crate::ground::{Ground, Manner};
use crate::part;
use crate::program::Program;
use crate::replay::{Picture, Socket};
use crate::ss::{from_ss, until};
use crate::subject::{STATES, Subject};
use crate::truth::{
    SOON, THRESHOLD, calm, config, explained, holds, holds_after_thousands, number,
};

/// Connections whose clients leave at once, in a process that keeps them all.
pub(crate) struct Held {
    server: Program,
    client: Program,
}

impl Held {
    pub(crate) fn new(ground: &Ground, size: usize, turn: usize) -> Result<Self> {
        let (size, turn) = (size.to_string(), turn.to_string());
        ground.namespace().inside(|| {
            let server = part::start("hold_server", &[&size])?;
            let port = server.did("listening")?.port.to_string();
            let client = part::start("hold_client", &[&port, &size, &turn])?;
            client.did("held")?;
            server.did("held")?;
            Ok(Self { server, client })
        })
    }

    /// The clients leave, and the servers forget it.
    fn leave(&mut self) -> Result<()> {
        self.client.tell("close")?;
        self.client.did("closed").map(drop)
    }

    /// Both close.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.leave()?;
        self.end()
    }

    /// The servers close, too.
    fn end(&mut self) -> Result<()> {
        self.server.tell("close")?;
        self.server.did("closed").map(drop)
    }
}

/// More half-closed connections than the places for them can tell apart, with the openers and the lives of twice as
/// many, and more marks than there is room for. All of them are found, and all of them are over when they end.
pub(crate) fn full() -> Result<()> {
    let crowds = count(4, 1);
    let most = usize::try_from(getrlimit(Resource::Nofile).maximum.unwrap_or(1 << 20))?;
    let each = count(15_000, 6_000).min(most.saturating_sub(200));
    let mut ground = Ground::leaking()?;
    // The fewest openers that can be remembered, and each connection's life.
    let config = format!("openers = 64\n{}", config());
    let select = "incident,finding,transition,connection";
    let arguments = ["--states", STATES, "--select", select];
    let mut subject = Subject::start(&config, &arguments)?;
    let before = calm(&subject, &ground)?;
    let mut all = Vec::new();
    for turn in 0..crowds {
        all.push(Held::new(&ground, each, turn)?);
    }
    for crowd in &mut all {
        crowd.leave()?;
    }
    let wanted = crowds * each;
    let netns = ground.namespace().inode()?;
    let patience = THRESHOLD + count(12, 4) * SOON;
    let mut seen = 0;
    until(patience, "findings of all", || {
        seen = of_crowd(&subject.replay.picture(), netns, &all)?;
        Ok(seen == wanted)
    })
    .with_context(|| format!("{seen} of {wanted} found\n{}", subject.errors()))
    .with_context(|| others(&subject, &ground).unwrap_or_default())?;
    let (half, life) = (
        number(&subject, "/counters/half_full")?,
        number(&subject, "/counters/life_full")?,
    );
    println!(
        "  {wanted} half-closed connections found; without a place: {half} of HALF, {life} of LIFE"
    );
    ensure!(half > 0 && life > 0, "the tables were not full");
    for crowd in &mut all {
        crowd.end()?;
    }
    until(patience, "end of all findings", || {
        Ok(of_crowd(&subject.replay.picture(), netns, &all)? == 0)
    })?;
    // What was found of the crowd was right; the ground knows nothing of it.
    subject.replay.picture().forget(netns);
    drop(all);
    ground.rest()?;
    holds_after_thousands(&subject, &ground, &before)?;
    subject.stop()
}

/// What is said of half-closed connections that have no finding, or another one.
fn others(subject: &Subject, ground: &Ground) -> Result<String> {
    let netns = ground.namespace().inode()?;
    let mut left = from_ss(ground.namespace())?;
    left.retain(|(.., state)| state == "close_wait");
    for finding in subject.replay.picture().open.values() {
        if let Some(socket) = finding.socket.as_ref().filter(|s| s.netns == netns) {
            left.retain(|(local, peer, _)| (*local, *peer) != (socket.local, socket.peer));
        }
    }
    let told = left.iter().take(3);
    let told = told.map(|(local, peer, _)| explained(subject, (*local, *peer)));
    let told: Vec<_> = told.map(|told| format!("{told:?}")).collect();
    let picture = subject.replay.picture();
    let other: Vec<_> = picture
        .open
        .values()
        .filter(|finding| {
            let socket = finding.socket.as_ref().filter(|s| s.netns == netns);
            let known = |s: &Socket| ground.planted().contains_key(&(s.local, s.peer));
            socket.is_some_and(|s| !known(s)) && finding.verdict != "eof_unread"
        })
        .take(3)
        .collect();
    let told = told.join("\n");
    Ok(format!(
        "without a finding: {left:?}\n{told}\nwith another one: {other:?}"
    ))
}

/// Right findings of the crowd. The ends of its clients do not all find a place in TIME_WAIT: what is late for one that
/// has gone is answered with a reset, and a finding about that is right, too.
fn of_crowd(picture: &Picture, netns: u32, crowds: &[Held]) -> Result<usize> {
    let is_of = |pid: u32| crowds.iter().any(|crowd| crowd.server.pid() == pid);
    let of_crowd = picture.open.values().filter(|finding| {
        let here = finding.socket.as_ref().is_some_and(|s| s.netns == netns);
        let holder = finding.holders.first().is_some_and(|(pid, _)| is_of(*pid));
        here && holder
    });
    let told = |verdict| {
        let finding = of_crowd.clone().filter(|one| one.verdict == verdict);
        finding.count()
    };
    let resets = crowds
        .first()
        .map_or(Ok(0), |crowd| resets(&crowd.server))?;
    Ok(told("eof_unread") + told("dead_open").min(resets))
}

/// How many connections of its network namespace were reset, by the kernel's own count.
fn resets(process: &Program) -> Result<usize> {
    let counters = fs::read_to_string(format!("/proc/{}/net/snmp", process.pid()))?;
    let mut lines = counters.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = lines.next().zip(lines.next()).context("no TCP counters")?;
    let mut both = names.split(' ').zip(values.split(' '));
    let found = both.find(|(name, _)| *name == "EstabResets");
    let (_, value) = found.context("no EstabResets")?;
    Ok(value.parse()?)
}

/// A ring of one page under load: what it loses is made good by comparing with the kernel, again and again.
pub(crate) fn ring_of_one_page() -> Result<()> {
    let mut ground = Ground::leaking()?;
    let ring = ["--states", STATES, "--ring-bytes", "4096"];
    let mut subject = Subject::start(&config(), &ring)?;
    let before = calm(&subject, &ground)?;
    // The stream knows this one, and compares it again and again.
    ground.queue()?;
    let begun = Instant::now();
    ground.load(count(2_000, 1_000))?;
    while begun.elapsed() < Duration::from_secs(count(60, 5)) {
        let ends = ground.plant(Manner::Unread)?;
        subject.pause(Duration::from_millis(300))?;
        ground.heal(ends)?;
    }
    ground.plant(Manner::Read)?;
    let made = ground.rest()?;
    let (lost, compared) = {
        let picture = subject.replay.picture();
        (picture.lost, picture.resyncs)
    };
    println!(
        "  of {made} connections {} records were lost, {} comparisons",
        lost.0, compared.0
    );
    ensure!(lost.0 > 0, "nothing was lost");
    holds(&subject, &ground, &before)?;
    subject.stop()
}

/// More connections in accept queues, left by their peers, than there are rows for: those that there are rows for are
/// found, the others counted.
pub(crate) fn queues_full() -> Result<()> {
    const ROWS: usize = 4_096;
    let ground = Ground::leaking()?;
    let mut subject = Subject::start(&config(), &["--states", STATES])?;
    let before = calm(&subject, &ground)?;
    let queues = count(8, 3);
    let mut listeners = Vec::new();
    let mut queued = 0;
    ground.namespace().inside(|| {
        for _ in 0..queues {
            // The library's own backlog is 4,096 at the most; the kernel takes one more.
            let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
            rustix::net::listen(&listener, 4_096)?;
            let address = listener.local_addr()?;
            for _ in 0..2_000 {
                drop(std::net::TcpStream::connect(address)?);
                queued += 1;
            }
            listeners.push(listener);
        }
        Ok(())
    })?;
    let netns = ground.namespace().inode()?;
    let own = std::process::id();
    let count = |picture: &Picture| {
        let open = picture.open.values().filter(|finding| {
            finding.socket.as_ref().is_some_and(|s| s.netns == netns)
                && finding.verdict == "never_accepted"
                && finding.holders.first().is_some_and(|(pid, _)| *pid == own)
        });
        open.count()
    };
    // The ground's own is in a row, too.
    let mut seen = 0;
    until(THRESHOLD + 2 * SOON, "findings of all rows", || {
        seen = count(&subject.replay.picture());
        Ok(seen >= ROWS - 1)
    })
    .with_context(|| format!("{seen} found\n{}", subject.errors()))?;
    let cut = number(&subject, "/counters/accept_queue_cut")?;
    println!("  {queued} connections waited in {queues} queues: {seen} found, {cut} counted");
    ensure!(cut > 0, "nothing was cut");
    drop(listeners);
    until(3 * SOON, "end of all findings", || {
        Ok(count(&subject.replay.picture()) == 0)
    })?;
    ensure!(!from_ss(ground.namespace())?.is_empty(), "all has gone");
    subject.replay.picture().forget(netns);
    holds_after_thousands(&subject, &ground, &before)?;
    subject.stop()
}
