//! The ways in which a finding ends; each exactly once.

use std::net::Shutdown;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::silence::stays_silent;
use crate::netns::Netns;
use crate::program::Did;
use crate::proof::Leak;
use crate::traffic::{Pair, reset};
use crate::trial::skip;
use crate::watch::{Ends, Watch};
use crate::wire::{Event, Finding};

/// `kill -9` of the program.
pub(crate) fn process_exited(mut watch: Watch<'_>) -> Result<()> {
    let mut pair = Pair::new("never_reads", "127.0.0.1")?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    drop(pair.client);
    let opened = watch.expect(ends, &Leak::of_server(&watch, &conn))?;
    pair.server.kill()?;
    watch.expect_end(&opened, &["process_exited"])?;
    watch.finish()
}

/// The peer sends RST after its FIN: until then it waited for an answer, from then on nobody is left.
pub(crate) fn peer_reset(mut watch: Watch<'_>) -> Result<()> {
    let mut pair = Pair::new("never_reads", "127.0.0.1")?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    pair.client.shutdown(Shutdown::Write)?;
    watch.transition(ends, "close_wait")?;
    stays_silent(&mut watch, ends)?;
    reset(pair.client)?;
    let opened = dead_open(&mut watch, ends, &conn)?;
    pair.server.tell("close")?;
    watch.expect_end(&opened, &["closed_by_app"])?;
    let closed = watch.transition(ends, "closed")?;
    let cause = closed.transition.as_ref().map(|change| change.cause);
    ensure!(cause == Some("rst_received"), "closed because of {cause:?}");
    watch.finish()
}

/// Over, and the descriptor is kept.
fn dead_open(watch: &mut Watch<'_>, ends: Ends, conn: &Did) -> Result<(Event, Finding)> {
    let (event, finding) = watch.opened(ends)?;
    ensure!(
        finding.verdict == "dead_open",
        "verdict {}",
        finding.verdict
    );
    ensure!(event.pid() == Some(conn.pid), "process {:?}", event.pid());
    Ok((event, finding))
}

/// An administrator destroys the connection with `ss -K`: it is over, and its descriptor still open.
pub(crate) fn destroyed(mut watch: Watch<'_>) -> Result<()> {
    let namespace = Netns::new()?;
    let mut pair = namespace.inside(|| Pair::new("never_reads", "127.0.0.1"))?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    // The reset that the other end gets must find nobody there.
    drop(pair.client);
    watch.transition(ends, "close_wait")?;
    let filter = format!("sport = :{}", conn.port);
    let output = namespace.inside(|| {
        let output = Command::new("ss")
            .args(["-K", "-tnH", "state", "close-wait", &filter])
            .output();
        output.context("cannot run ss (package iproute2)")
    })?;
    if output.stdout.is_empty() {
        return skip(
            "this kernel does not let ss destroy sockets (CONFIG_INET_DIAG_DESTROY is off)",
        );
    }
    let opened = dead_open(&mut watch, ends, &conn)?;
    pair.server.tell("close")?;
    watch.expect_end(&opened, &["closed_by_app"])?;
    watch.finish()
}
