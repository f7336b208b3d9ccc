//! Receive packet steering: both processors take packets, and the kernel's programs interrupt each other.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use crate::daemon::{Daemon, lines};
use crate::netns::Netns;
use crate::scenario::crowd::is_in;
use crate::setting::setting;
use crate::traffic::Pair;
use crate::trial::skip;
use crate::watch::Watch;
use crate::wire::{Event, Kind, Role};

/// Of one client; the kernel chooses among 14,000 local ports toward one address first.
const CONNECTIONS: u32 = 12_500;
/// Clients, each with a server of its own.
const CLIENTS: u8 = 2;
/// Between two connections of one client: all make 5,000 connections a second.
const PACE: Duration = Duration::from_micros(400);
/// One entry in so many may be missing: where an interrupt comes at the wrong moment the kernel's tracepoint is not
/// reached, and the connection is over before a look could see it.
const UNTOLD: usize = 500;
/// Where the leak's server listens.
const LEAK: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
/// Between two comparisons of everything.
const COMPARISONS: Duration = Duration::from_secs(10);

/// 5,000 connections a second for some seconds: they are told at both sides, none stays open in the stream, a leak in the
/// midst of them is found, and the stream is not compared with the kernel again and again.
pub(crate) fn five_thousand_a_second() -> Result<()> {
    if thread::available_parallelism()?.get() < 2 {
        return skip("receive packet steering between processors: this machine has one");
    }
    let namespace = Netns::new()?;
    if !namespace.steer_packets()? {
        return skip("receive packet steering: this kernel has none (CONFIG_RPS)");
    }
    let netns = namespace.inode()?;
    let states = "established,close_wait,last_ack,closed,fin_wait_1,fin_wait_2,time_wait";
    let daemon = Daemon::start(&["--states", states])?;
    let mut watch = Watch::new(&daemon);
    let pair = namespace.inside(|| Pair::new("never_reads", &LEAK.to_string()))?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    let Pair { server, client, .. } = pair;

    let begin = Instant::now();
    let leak = || {
        drop(client);
        Ok(())
    };
    namespace.inside(|| storm(leak))?;
    let took = begin.elapsed();
    let count = u32::from(CLIENTS) * CONNECTIONS;
    let all = count as usize;
    for (role, to) in ENTRIES {
        let what = format!("entries into {to} at the {role:?}'s end");
        let told = all - all / UNTOLD;
        watch.wait_for_count(&what, told, |event| is_entry(event, netns, role, to))?;
    }
    let (_, finding) = watch.opened(ends)?;
    let holders: Vec<_> = finding.holders.iter().map(|h| (h.pid, h.fd)).collect();
    ensure!(holders == [(conn.pid, conn.fd)], "the leak's: {holders:?}");
    wait_until_none_is_open(&watch, netns)?;
    report(&watch, netns, count, took);
    let resyncs = watch.count(|event| event.kind == Kind::Resync);
    let whole = begin.elapsed().as_secs() / COMPARISONS.as_secs();
    ensure!(resyncs as u64 <= whole + 2, "{resyncs} comparisons");
    drop(server);
    watch.resolved(&finding)?;
    watch.finish()?;
    daemon.stop().map(drop)
}

/// What every connection of the storm goes through.
const ENTRIES: [(Role, &str); 6] = [
    (Role::Client, "established"),
    (Role::Server, "established"),
    (Role::Server, "close_wait"),
    (Role::Server, "last_ack"),
    (Role::Client, "time_wait"),
    (Role::Server, "closed"),
];

/// Waits until the stream has told of every connection of the storm that it is over, or in TIME_WAIT.
fn wait_until_none_is_open(watch: &Watch<'_>, netns: u32) -> Result<()> {
    let deadline = Instant::now() + setting().patience();
    loop {
        let mut newest = BTreeMap::new();
        for event in watch.select(|event| is_of_storm(event, netns)) {
            newest.insert(event.socket_id(), event);
        }
        newest.retain(|_, event| {
            let state = event
                .network
                .as_ref()
                .map(|network| network.connection.state);
            !matches!(state, Some("closed" | "time_wait"))
        });
        if newest.is_empty() {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "open: {}",
            lines(newest.values())
        );
        thread::sleep(Duration::from_millis(200));
    }
}

fn is_of_storm(event: &Event, netns: u32) -> bool {
    let of_storm = |(local, peer): (SocketAddr, SocketAddr)| {
        local.ip() != LEAK && peer.ip() != LEAK && peer.port() != 0
    };
    is_in(event, netns) && event.ends().is_some_and(of_storm)
}

/// An entry of one of the storm's connections into a state.
fn is_entry(event: &Event, netns: u32, role: Role, to: &str) -> bool {
    is_of_storm(event, netns)
        && event.to() == Some(to)
        && event.socket.as_ref().is_some_and(|s| s.role == role)
}

/// Connections in this thread's network namespace; `midst` is called in their midst.
fn storm(midst: impl FnOnce() -> Result<()>) -> Result<()> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 1..=CLIENTS {
            let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, number), 0))?;
            let to = listener.local_addr()?;
            threads.push(scope.spawn(move || serve(&listener)));
            threads.push(scope.spawn(move || connect(to)));
        }
        thread::sleep(PACE * (CONNECTIONS / 2));
        midst()?;
        for thread in threads {
            thread
                .join()
                .map_err(|_panic| anyhow!("a thread panicked"))??;
        }
        Ok(())
    })
}

/// Answers each connection and closes it after its client.
fn serve(listener: &TcpListener) -> Result<()> {
    let mut buffer = [0; 64];
    for _ in 0..CONNECTIONS {
        let (mut connection, _) = listener.accept()?;
        connection.read_exact(&mut buffer)?;
        connection.write_all(&buffer)?;
        ensure!(connection.read(&mut buffer)? == 0, "more than was sent");
    }
    Ok(())
}

fn connect(to: SocketAddr) -> Result<()> {
    let begin = Instant::now();
    let mut buffer = [0; 64];
    for number in 0..CONNECTIONS {
        thread::sleep((PACE * number).saturating_sub(begin.elapsed()));
        let mut connection = TcpStream::connect(to)?;
        connection.write_all(&buffer)?;
        connection.read_exact(&mut buffer)?;
    }
    Ok(())
}

/// What it came to, for who reads the run.
fn report(watch: &Watch<'_>, netns: u32, count: u32, took: Duration) {
    let all = count as usize;
    let untold: usize = ENTRIES
        .iter()
        .map(|&(role, to)| all.saturating_sub(watch.count(|e| is_entry(e, netns, role, to))))
        .sum();
    let resyncs = watch.select(|event| event.resync.is_some());
    let corrected: u64 = resyncs
        .iter()
        .filter_map(|event| Some(event.resync.as_ref()?.corrected))
        .sum();
    println!(
        "{:.0} connections/s, {untold} of {} entries untold, {} comparisons that corrected {corrected}",
        f64::from(count) / took.as_secs_f64(),
        all * ENTRIES.len(),
        resyncs.len(),
    );
}
