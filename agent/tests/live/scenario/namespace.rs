//! Network namespaces: equal 4-tuples in two of them, and what is left when one is deleted.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};

use crate::netns::Netns;
use crate::program::Program;
use crate::proof::Leak;
use crate::scenario::verdict::close_and_finish;
use crate::traffic::connect_from;
use crate::watch::{Ends, Watch};

const SERVER: &str = "127.0.0.1:7000";
const CLIENT: &str = "127.0.0.1:7001";

/// The same 4-tuple at once in two namespaces; one server leaks, the other closes.
pub(crate) fn same_tuple_twice(mut watch: Watch<'_>) -> Result<()> {
    let (leaking, healthy) = (Netns::new()?, Netns::new()?);
    let leaker =
        leaking.inside(|| Program::start("server.py", ["never_reads", "127.0.0.1", "7000"]))?;
    let closer =
        healthy.inside(|| Program::start("server.py", ["never_reads", "127.0.0.1", "7000"]))?;
    leaker.did("listening")?;
    closer.did("listening")?;
    let (server, client): (SocketAddr, SocketAddr) = (SERVER.parse()?, CLIENT.parse()?);
    let bad = leaking.inside(|| connect_from(client, server))?;
    let good = healthy.inside(|| connect_from(client, server))?;
    let conn = leaker.did("accepted")?;
    let mut closer = closer;
    closer.did("accepted")?;
    drop((bad, good));
    closer.tell("close")?;
    closer.did("closed")?;

    let ends = Ends::new(7000, 7001);
    let there = ends.within(leaking.inode()?);
    let opened = watch.expect(there, &Leak::of_server(&watch, &conn))?;
    let elsewhere = ends.within(healthy.inode()?);
    let closed = watch.transition(elsewhere, "closed")?;
    ensure!(
        closed.pid() == Some(closer.pid()),
        "the healthy connection is of process {:?}",
        closed.pid()
    );
    closer.end()?;
    close_and_finish(watch, leaker, &opened)
}

/// TIME_WAIT is entered with the owner remembered; the end of its namespace ends it.
pub(crate) fn time_wait(watch: Watch<'_>) -> Result<()> {
    let namespace = Netns::new()?;
    let netns = namespace.inode()?;
    let (mut server, mut client) = namespace.inside(|| {
        let server = Program::start("crowd.py", ["serve"])?;
        let port = server.did("listening")?.port.to_string();
        let client = Program::start("crowd.py", ["connect", "127.0.0.1", &port, "1", "1"])?;
        Ok((server, client))
    })?;
    client.tell("go")?;
    let port = *client.did("open")?.ports.first().context("no port")?;
    client.tell("close")?;
    client.did("done")?;
    let pid = client.pid();
    let is_it = |event: &crate::wire::Event| {
        let there = event
            .socket
            .as_ref()
            .is_some_and(|socket| socket.netns == netns);
        there && event.ends().is_some_and(|(local, _)| local.port() == port)
    };
    let entered = watch.wait_for("entry into TIME_WAIT", |event| {
        is_it(event) && event.to() == Some("time_wait")
    })?;
    ensure!(
        entered.pid() == Some(pid),
        "TIME_WAIT of process {:?}, not {pid}",
        entered.pid()
    );
    let peer = |event: &crate::wire::Event| event.peer_process.as_ref().map(|peer| peer.pid);
    ensure!(
        peer(&entered) == Some(server.pid()),
        "the other end is of {:?}",
        peer(&entered)
    );
    let server_pid = server.pid();
    server.tell("exit")?;
    server.end()?;
    client.end()?;
    namespace.delete()?;
    let left = watch.wait_for("end of TIME_WAIT", |event| {
        let from = event.transition.as_ref().map(|change| change.from);
        is_it(event) && from == Some("time_wait") && event.to() == Some("closed")
    })?;
    ensure!(
        left.seq > entered.seq && left.time >= entered.time,
        "TIME_WAIT ended before it began"
    );
    ensure!(
        left.pid() == Some(pid),
        "the end of TIME_WAIT has lost its process: {:?}",
        left.pid()
    );
    ensure!(
        peer(&left) == Some(server_pid),
        "the end of TIME_WAIT has lost the other end's process"
    );
    watch.finish()
}
