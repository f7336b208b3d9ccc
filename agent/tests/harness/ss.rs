//! The kernel's own list of a namespace's connections, and whether a stream says the same.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::netns::Netns;
use super::replay::{Picture, Replay};
use super::setting::setting;

/// Both ends and the state, sorted.
pub(crate) type Sockets = Vec<(SocketAddr, SocketAddr, String)>;

/// Few TIME_WAIT and orphans for a short time, so that the kernel's table stands still soon.
pub(crate) fn brief_ends(namespace: &Netns) -> Result<()> {
    namespace.inside(|| {
        fs::write("/proc/sys/net/ipv4/tcp_fin_timeout", "3")?;
        if setting().guest.is_none() {
            fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", "500")?;
        }
        Ok(())
    })
}

/// The open sockets of the stream are those of `ss`, each once. Of a connection all of whose records were lost there is
/// nothing left to know it by once it is in TIME_WAIT. What was there before the stream and has not changed since, no
/// stream tells.
pub(crate) fn compare(
    replay: &Replay,
    namespace: &Netns,
    before: &Sockets,
    patience: Duration,
) -> Result<()> {
    let netns = namespace.inode()?;
    let mut difference = String::new();
    let equal = until(patience, "equality with ss", || {
        let theirs = from_ss(namespace)?;
        let ours = from_stream(&replay.picture(), netns);
        let single = ours.windows(2).all(|two| two[0] != two[1]);
        let (more, less) = (without(&ours, &theirs), without(&theirs, &ours));
        let less = without(&less, before);
        difference = format!(
            "{} in the stream (each once: {single}), {} in ss; only in the stream: {:?}; only in ss: {:?}",
            ours.len(),
            theirs.len(),
            more.iter().take(5).collect::<Vec<_>>(),
            less.iter().take(5).collect::<Vec<_>>()
        );
        let unknown = less.iter().all(|(.., state)| state == "time_wait");
        Ok(single && more.is_empty() && unknown)
    });
    equal.with_context(|| difference)
}

/// Those of the first that are not among the others.
pub(crate) fn without(all: &Sockets, others: &Sockets) -> Sockets {
    let rest = all.iter().filter(|one| others.binary_search(one).is_err());
    rest.cloned().collect()
}

fn from_stream(picture: &Picture, netns: u32) -> Sockets {
    let open = picture
        .sockets
        .values()
        .filter(|socket| socket.netns == netns && socket.state != "closed");
    let mut sockets: Sockets = open
        .map(|socket| (socket.local, socket.peer, socket.state.clone()))
        .collect();
    sockets.sort_unstable();
    sockets
}

/// All but listeners.
pub(crate) fn from_ss(namespace: &Netns) -> Result<Sockets> {
    let output = namespace.inside(|| {
        let ss = Command::new("ss").arg("-tanH").output();
        ss.context("cannot run ss (package iproute2)")
    })?;
    let mut sockets = Sockets::new();
    for row in String::from_utf8(output.stdout)?.lines() {
        let words: Vec<_> = row.split_whitespace().collect();
        let [state, _, _, local, peer, ..] = words[..] else {
            bail!("ss says {row}");
        };
        let state = match state {
            "LISTEN" => continue,
            "ESTAB" => "established",
            "CLOSE-WAIT" => "close_wait",
            "FIN-WAIT-2" => "fin_wait_2",
            "TIME-WAIT" => "time_wait",
            other => other,
        };
        sockets.push((local.parse()?, peer.parse()?, state.to_owned()));
    }
    sockets.sort_unstable();
    Ok(sockets)
}

/// Waits until it is so.
pub(crate) fn until(
    patience: Duration,
    what: &str,
    mut so: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !so()? {
        ensure!(Instant::now() < deadline, "no {what} within {patience:?}");
        thread::sleep(Duration::from_millis(300));
    }
    Ok(())
}
