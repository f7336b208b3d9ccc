//! IPv6, and IPv4 through an IPv6 socket.

use std::net::IpAddr;

use anyhow::{Result, ensure};

use crate::proof::Leak;
use crate::scenario::verdict::close_and_finish;
use crate::traffic::Pair;
use crate::watch::Watch;

/// Both ends on `::1`.
pub(crate) fn ipv6(watch: Watch<'_>) -> Result<()> {
    leak(watch, Pair::new("never_reads", "::1")?, "::1")
}

/// An IPv6 listener that takes an IPv4 client: the addresses are shown as the IPv4 that they are.
pub(crate) fn v4_mapped(watch: Watch<'_>) -> Result<()> {
    leak(
        watch,
        Pair::reached_at("never_reads", "::", "127.0.0.1")?,
        "127.0.0.1",
    )
}

fn leak(mut watch: Watch<'_>, pair: Pair, address: &str) -> Result<()> {
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    drop(pair.client);
    let opened = watch.expect(ends, &Leak::of_server(&watch, &conn))?;
    let address: IpAddr = address.parse()?;
    let shown = opened.0.ends().map(|(local, peer)| (local.ip(), peer.ip()));
    ensure!(shown == Some((address, address)), "addresses {shown:?}");
    close_and_finish(watch, pair.server, &opened)
}
