//! The ways in which a finding ends; each exactly once.

use std::net::Shutdown;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::netns::Netns;
use crate::proof::Leak;
use crate::traffic::{Pair, reset};
use crate::trial::skip;
use crate::watch::Watch;

/// `kill -9` of the program.
pub(crate) fn process_exited(mut watch: Watch<'_>) -> Result<()> {
    let mut pair = Pair::new("never_reads", "127.0.0.1")?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    pair.client.shutdown(Shutdown::Write)?;
    let opened = watch.expect(ends, &Leak::of_server(&watch, &conn))?;
    pair.server.kill()?;
    watch.expect_end(&opened, &["process_exited"])?;
    watch.finish()
}

/// The peer sends RST after its FIN.
pub(crate) fn peer_reset(mut watch: Watch<'_>) -> Result<()> {
    let pair = Pair::new("never_reads", "127.0.0.1")?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    pair.client.shutdown(Shutdown::Write)?;
    let opened = watch.expect(ends, &Leak::of_server(&watch, &conn))?;
    reset(pair.client)?;
    watch.expect_end(&opened, &["reset"])?;
    let closed = watch.transition(ends, "closed")?;
    let cause = closed.transition.as_ref().map(|change| change.cause);
    ensure!(cause == Some("rst_received"), "closed because of {cause:?}");
    watch.finish()
}

/// An administrator destroys the connection with `ss -K`.
pub(crate) fn destroyed(mut watch: Watch<'_>) -> Result<()> {
    let namespace = Netns::new()?;
    let pair = namespace.inside(|| Pair::new("never_reads", "127.0.0.1"))?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    pair.client.shutdown(Shutdown::Write)?;
    let opened = watch.expect(ends, &Leak::of_server(&watch, &conn))?;
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
    watch.expect_end(&opened, &["destroyed"])?;
    watch.finish()
}
