//! What must be found: what the actors say that they left, as far as the kernel still has it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use anyhow::{Context as _, Result};

use crate::actor::Script;
use crate::program::Did;
use crate::replay::Picture;
use crate::ss::Sockets;

/// What an end that was left open deserves to be called.
fn verdicts(script: Script, local_is_server: bool) -> &'static [&'static str] {
    match script {
        Script::KeepUnread | Script::KeepDuplicated | Script::ClientKeepsUnread => &["eof_unread"],
        Script::KeepRead => &["not_closed"],
        // The FIN came alone, or was read together with the answer.
        Script::ClientPools => &["stale_pooled", "eof_not_requested"],
        // Its client waits for the rest of an answer.
        Script::KeepHalf if local_is_server => &[],
        Script::KeepHalf => &["peer_not_closing"],
        // Where no hook sees who accepts it is not known that another process did.
        Script::KeepInherited => &["inherited", "eof_unread"],
        // A client's idle connection, however it ended, may be a pool's.
        Script::KeepDead => &["dead_open", "stale_pooled"],
        Script::NeverAccepted => &["never_accepted"],
        Script::ClientCloses
        | Script::ServerCloses
        | Script::ClientResets
        | Script::ServerResets
        | Script::Unread
        | Script::Drained
        | Script::Duplicated
        | Script::KeepBoth => &[],
    }
}

type Ends = (SocketAddr, SocketAddr);
pub(super) type Wanted = BTreeMap<Ends, (&'static [&'static str], Vec<(u32, u32)>)>;

/// An end whose peer's port came into use again was reset (RFC 5961): the kernel has it no more, its holder does not know.
pub(super) fn wanted(kept: &[Did], servers: &[u16], open: &Sockets) -> Result<Wanted> {
    let open: BTreeSet<Ends> = open.iter().map(|&(local, peer, _)| (local, peer)).collect();
    let mut wanted = Wanted::new();
    for end in kept {
        let ends = end.local.zip(end.peer).context("no addresses")?;
        let script = Script::ALL.get(usize::from(end.script)).copied();
        let script = script.context("no such script")?;
        let verdicts = match (verdicts(script, servers.contains(&ends.0.port())), script) {
            (verdicts, _) if verdicts.is_empty() || open.contains(&ends) => verdicts,
            (_, Script::NeverAccepted) => continue,
            _ => &["dead_open", "stale_pooled"],
        };
        let mut holders: Vec<_> = end.fds.iter().map(|&fd| (end.pid, fd)).collect();
        holders.sort_unstable();
        if !verdicts.is_empty() {
            wanted.insert(ends, (verdicts, holders));
        }
    }
    Ok(wanted)
}

/// What is found and not wanted, and the other way round.
pub(super) fn differs(picture: &Picture, netns: u32, wanted: &Wanted) -> String {
    let mut text = Vec::new();
    let mut missing = wanted.clone();
    for finding in picture.open.values() {
        let Some(socket) = finding.socket.as_ref().filter(|s| s.netns == netns) else {
            continue;
        };
        let found = missing.remove(&(socket.local, socket.peer));
        let right = found.as_ref().is_some_and(|(verdicts, holders)| {
            verdicts.contains(&&*finding.verdict) && *holders == finding.holders
        });
        if !right {
            text.push(format!("{finding:?} instead of {found:?}"));
        }
    }
    let missing = missing.iter();
    text.extend(missing.map(|(ends, wanted)| format!("no finding about {ends:?}: {wanted:?}")));
    text.join("\n")
}
