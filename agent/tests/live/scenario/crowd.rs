//! Many short connections: nothing is lost, nothing is left.

use anyhow::{Result, ensure};

use crate::daemon::Daemon;
use crate::netns::Netns;
use crate::program::Program;
use crate::setting::setting;
use crate::watch::Watch;
use crate::wire::{Event, Role};

/// An emulated processor needs half a minute for 5,000 without an agent, and minutes with an unoptimised one.
pub(crate) fn connections() -> usize {
    if setting().guest.is_some() {
        300
    } else {
        5_000
    }
}

/// 5,000 connections (fewer in a guest), one after the other: every one is seen at both ends, none is flagged, no record is lost.
pub(crate) fn short_connections() -> Result<()> {
    // A namespace of its own takes its thousands of TIME_WAIT entries along when it goes.
    let namespace = Netns::new()?;
    let netns = namespace.inode()?;
    let daemon = Daemon::start(&["--states", "established,closed"])?;
    let watch = Watch::new(&daemon);
    let count = connections();
    let (mut server, mut client) = run(&namespace, count)?;
    client.tell("go")?;
    client.did("done")?;
    server.tell("exit")?;
    let served = server.did("served")?;
    ensure!(
        served.connections == count,
        "the server served {} connections",
        served.connections
    );
    // The role is not known where the kernel has kept a beginning to itself; it is never the other end's.
    let of = |role: Role, to: &'static str| {
        move |event: &Event| {
            let ends = event.ends();
            let ends = ends.filter(|(_, peer)| is_in(event, netns) && peer.port() != 0);
            let at = ends.map(|(local, peer)| match role {
                Role::Server => local.port(),
                Role::Client | Role::Unknown => peer.port(),
            });
            let told = event.socket.as_ref().map(|socket| socket.role);
            event.to() == Some(to)
                && at == Some(served.port)
                && (told == Some(role) || told == Some(Role::Unknown))
        }
    };
    watch.wait_for_count("ends of connections", count, of(Role::Server, "closed"))?;
    for role in [Role::Client, Role::Server] {
        let seen = watch.count(of(role, "established"));
        ensure!(
            seen == count,
            "{seen} connections established at the {role:?}'s end"
        );
    }
    let closed = watch.count(of(Role::Server, "closed"));
    ensure!(
        closed == count,
        "{closed} connections closed at the server's end"
    );
    ensure!(
        watch.count(|event| event.lost.as_ref().is_some_and(|lost| !lost.is_missed())) == 0,
        "records were lost"
    );
    ensure!(
        watch.count(|event| event.finding.is_some()) == 0,
        "short connections were flagged"
    );
    drop((server, client));
    watch.finish()?;
    daemon.stop().map(drop)
}

/// A server and a client for `count` connections in a namespace; the client waits for `go`.
pub(crate) fn run(namespace: &Netns, count: usize) -> Result<(Program, Program)> {
    namespace.inside(|| {
        let server = Program::start("crowd.py", ["serve"])?;
        let port = server.did("listening")?.port.to_string();
        let client = Program::start(
            "crowd.py",
            ["connect", "127.0.0.1", &port, &count.to_string(), "1"],
        )?;
        client.did("ready")?;
        Ok((server, client))
    })
}

/// Whether an event is about a socket of a namespace.
pub(crate) fn is_in(event: &Event, netns: u32) -> bool {
    event
        .socket
        .as_ref()
        .is_some_and(|socket| socket.netns == netns)
}
