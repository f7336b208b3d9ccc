//! Both ends on this host: each event names the process at the other end, a finding also its state.

use std::net::{IpAddr, TcpStream};

use anyhow::{Context as _, Result, ensure};

use crate::netns::Netns;
use crate::program::Program;
use crate::proof::Leak;
use crate::traffic::Pair;
use crate::watch::{Ends, Watch};
use crate::wire::Event;

/// Over loopback: the peer is this test.
pub(crate) fn on_loopback(mut watch: Watch<'_>) -> Result<()> {
    let pair = Pair::new("never_reads", "127.0.0.1")?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    drop(pair.client);
    let opened = watch.expect(ends, &Leak::of_server(&watch, &conn))?;
    check(&opened.0, std::process::id(), "fin_wait_2")?;
    let closing = watch.transition(ends, "close_wait")?;
    check_peer(&closing, std::process::id())?;
    let far = watch.transition(ends.reversed(), "established")?;
    check_peer_if_known(&far, conn.pid)?;
    drop(pair.server);
    watch.resolved(&opened.1)?;
    watch.finish()
}

/// Between two network namespaces, as between two containers; the peer closes for good.
pub(crate) fn between_namespaces(mut watch: Watch<'_>) -> Result<()> {
    let (near, far) = (Netns::new()?, Netns::new()?);
    near.join(&far, "10.77.0.1", "10.77.0.2")?;
    let server = near.inside(|| Program::start("server.py", ["never_reads", "10.77.0.1"]))?;
    let listening = server.did("listening")?;
    let address: IpAddr = "10.77.0.1".parse()?;
    let client = far.inside(|| Ok(TcpStream::connect((address, listening.port))?))?;
    let conn = server.did("accepted")?;
    let ends = Ends::new(listening.port, client.local_addr()?.port()).within(near.inode()?);
    drop(client);
    let opened = watch.expect(ends, &Leak::of_server(&watch, &conn))?;
    check(&opened.0, std::process::id(), "fin_wait_2")?;
    drop(server);
    watch.resolved(&opened.1)?;
    watch.finish()
}

fn check(event: &Event, pid: u32, state: &str) -> Result<()> {
    check_peer(event, pid)?;
    let network = event.network.as_ref().context("no network")?;
    let found = network.connection.peer_state.as_deref();
    ensure!(
        found == Some(state),
        "the other end is in {found:?}, not {state}"
    );
    Ok(())
}

fn check_peer(event: &Event, pid: u32) -> Result<()> {
    let peer = event.peer_process.as_ref().map(|peer| peer.pid);
    ensure!(peer == Some(pid), "the other end is of {peer:?}, not {pid}");
    Ok(())
}

/// The server may accept later than the handshake ends.
fn check_peer_if_known(event: &Event, pid: u32) -> Result<()> {
    if event.peer_process.is_some() {
        check_peer(event, pid)?;
    }
    Ok(())
}
