//! Many short connections: nothing is lost, nothing is left.

use anyhow::{Result, ensure};

use crate::netns::Netns;
use crate::program::Program;
use crate::watch::Watch;
use crate::wire::{Event, Kind};

const CONNECTIONS: usize = 5_000;

/// 5,000 connections, one after the other: every one is seen at both ends, none is flagged, no record is lost.
pub(crate) fn short_connections(watch: Watch<'_>) -> Result<()> {
    // A namespace of its own takes its thousands of TIME_WAIT entries along when it goes.
    let namespace = Netns::new()?;
    let netns = namespace.inode()?;
    let (mut server, mut client) = run(&namespace, CONNECTIONS)?;
    client.tell("go")?;
    client.did("done")?;
    server.tell("exit")?;
    let served = server.did("served")?.connections;
    ensure!(served == 5_000, "the server served {served} connections");
    let closed_by_server =
        |event: &Event| is_in(event, netns) && is_server(event) && event.to() == Some("closed");
    watch.count("ends of connections", CONNECTIONS, closed_by_server)?;
    for (end, server) in [("client", false), ("server", true)] {
        let seen = watch.select(|event| {
            is_in(event, netns) && is_server(event) == server && event.to() == Some("established")
        });
        ensure!(
            seen.len() == CONNECTIONS,
            "{} connections established at the {end}'s end",
            seen.len()
        );
    }
    ensure!(
        watch.select(|event| event.kind == Kind::Lost).is_empty(),
        "records were lost"
    );
    ensure!(
        watch.select(|event| event.finding.is_some()).is_empty(),
        "short connections were flagged"
    );
    drop((server, client));
    watch.finish()
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

fn is_server(event: &Event) -> bool {
    event
        .socket
        .as_ref()
        .is_some_and(|socket| socket.role == crate::wire::Role::Server)
}
