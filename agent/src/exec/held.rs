//! What processes that live on still hold, as `/proc` shows it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process};

use super::judge::Held;
use crate::output::clock::WallClock;
use crate::output::json::{Executable, Holder, State};
use crate::process::birth;

/// Sockets that are told at most.
const MOST: usize = 10_000;

/// Every connection of these processes, each once; not their listeners.
pub(super) fn by(pids: &[u32], clock: WallClock) -> Vec<Held> {
    let mut all: BTreeMap<u64, Held> = BTreeMap::new();
    for pid in pids {
        // One that ends meanwhile holds nothing.
        let found = look(*pid, clock).unwrap_or_default();
        for held in found {
            let room = all.len() < MOST;
            match all.entry(held.inode) {
                Entry::Occupied(mut known) => known.get_mut().holders.extend(held.holders),
                Entry::Vacant(place) if room => {
                    place.insert(held);
                }
                Entry::Vacant(_) => {}
            }
        }
    }
    all.into_values().collect()
}

fn look(pid: u32, clock: WallClock) -> Option<Vec<Held>> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    let descriptors = sockets(&process);
    if descriptors.is_empty() {
        return Some(Vec::new());
    }
    let netns = fs::metadata(format!("/proc/{pid}/ns/net")).ok()?.ino();
    let start = clock.at(birth(pid)?.start);
    let name = process.stat().ok()?.comm;
    let four = process.tcp().unwrap_or_default();
    let six = process.tcp6().unwrap_or_default();
    let entries = four.into_iter().chain(six);
    let held = entries.filter_map(|entry| {
        let fds = descriptors.get(&entry.inode)?;
        let holder = |fd: &u32| Holder {
            pid,
            start_time: start,
            fd: *fd,
            comm: name.clone().into(),
            executable: Executable {
                name: name.clone().into(),
                path: None,
            },
        };
        Some(Held {
            local: canonical(entry.local_address).into(),
            peer: canonical(entry.remote_address).into(),
            netns: u32::try_from(netns).ok()?,
            state: state(&entry)?,
            inode: entry.inode,
            holders: fds.iter().map(holder).collect(),
        })
    });
    Some(held.collect())
}

/// The descriptors of each socket.
fn sockets(process: &Process) -> BTreeMap<u64, Vec<u32>> {
    let mut sockets: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for descriptor in process.fd().into_iter().flatten().flatten() {
        if let FDTarget::Socket(inode) = descriptor.target {
            let fd = u32::try_from(descriptor.fd).unwrap_or(0);
            sockets.entry(inode).or_default().push(fd);
        }
    }
    sockets
}

/// IPv4 in an IPv6 socket is IPv4.
fn canonical(address: std::net::SocketAddr) -> std::net::SocketAddr {
    std::net::SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// `None` for a listener.
const fn state(entry: &TcpNetEntry) -> Option<State> {
    Some(match entry.state {
        TcpState::Established => State::Established,
        TcpState::SynSent => State::SynSent,
        TcpState::SynRecv | TcpState::NewSynRecv => State::SynReceived,
        TcpState::FinWait1 => State::FinWait1,
        TcpState::FinWait2 => State::FinWait2,
        TcpState::TimeWait => State::TimeWait,
        TcpState::Close => State::Closed,
        TcpState::CloseWait => State::CloseWait,
        TcpState::LastAck => State::LastAck,
        TcpState::Closing => State::Closing,
        TcpState::Listen => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_is_held_once_with_every_descriptor() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let again = client.try_clone().unwrap();
        let found = by(&[std::process::id()], WallClock::measure());
        let local = client.local_addr().unwrap().into();
        let held: Vec<_> = found.iter().filter(|held| held.local == local).collect();
        assert_eq!(held.len(), 1);
        assert_eq!(held[0].state, State::Established);
        assert_eq!(held[0].peer, address.into());
        assert_eq!(held[0].holders.len(), 2);
        assert!(!found.iter().any(|held| held.peer.port == 0), "a listener");
        drop(again);
    }
}
