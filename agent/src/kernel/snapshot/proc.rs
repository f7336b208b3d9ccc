//! A look without the iterator: descriptors from `/proc`, sockets from `sock_diag`, joined by inode number.
//!
//! What only the iterator knows is missing: the address of a socket (its cookie stands in for it) and with it what the
//! kernel programs remember, sockets that are closed but still open as a descriptor, and the accept queues, which are
//! guessed by address.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use finback_common::tcp;
use rustc_hash::FxHashMap;

use crate::kernel::clock::now;
use crate::kernel::error::KernelError;
use crate::kernel::netns::sock_diag::{self, Listed, Query};
use crate::kernel::processes::Processes;
use finback_core::model::look::{Queued, Snapshot, SocketView};
use finback_core::model::socket::{Endpoints, Holder, Role};
use finback_core::model::state::TcpState;

/// Everything but minisocks and requests, which no descriptor refers to.
const STATES: u32 = !(sock_diag::bit(tcp::TIME_WAIT)
    | sock_diag::bit(tcp::SYN_RECV)
    | sock_diag::bit(tcp::NEW_SYN_RECV));

/// Looks at both and joins them.
pub(super) fn look(processes: &mut Processes) -> Result<Snapshot, KernelError> {
    let taken = now();
    let failed = |what| move |source| KernelError::Io { what, source };
    let holders = holders(processes).map_err(failed("list the descriptors in /proc"))?;
    let query = Query {
        states: STATES,
        counters: true,
    };
    let listing =
        sock_diag::list(query, &[]).map_err(failed("list the sockets of a network namespace"))?;
    let mut listed = listing.sockets;
    listed.retain(|socket| !socket.minisock);
    let is_listener = |socket: &&Listed| socket.state == TcpState::Listen;
    let listeners = listed
        .iter()
        .filter(is_listener)
        .map(|socket| (socket.endpoints, socket.inode));
    let join = Join {
        listeners: listeners.collect(),
        holders,
    };
    let mut sockets: Vec<SocketView> = listed.iter().map(|socket| join.view(socket)).collect();
    sockets.sort_unstable_by_key(|socket| socket.sock);
    Ok(Snapshot {
        taken,
        took: now().since(taken),
        cost: Duration::ZERO,
        jiffies: None,
        sockets,
        unheld: None,
        openers: Vec::new(),
    })
}

/// Both lists.
struct Join {
    holders: FxHashMap<u32, Vec<Holder>>,
    /// Listeners with their inode numbers.
    listeners: Vec<(Endpoints, u32)>,
}

impl Join {
    fn view(&self, live: &Listed) -> SocketView {
        // Without a file, but not an orphan: those have closed, so their state is one after a FIN of our own.
        let waits =
            live.inode == 0 && matches!(live.state, TcpState::Established | TcpState::CloseWait);
        let is_child = live.state != TcpState::Listen && self.listener(&live.endpoints).is_some();
        SocketView {
            sock: live.cookie,
            endpoints: live.endpoints,
            state: live.state,
            role: if is_child {
                Role::Server
            } else {
                Role::Unknown
            },
            opener: None,
            holders: self.holders_of(live.inode),
            queued: waits.then(|| {
                Box::new(Queued {
                    listener: None,
                    listeners: self.listeners_of(&live.endpoints),
                    proven: false,
                })
            }),
            inode: (live.inode != 0).then_some(u64::from(live.inode)),
            cookie: (live.cookie != 0).then_some(live.cookie),
            half: None,
            fin_behind_hole: false,
            halted: None,
            waiting: None,
            counters: Some(live.counters),
        }
    }

    fn holders_of(&self, inode: u32) -> Vec<Holder> {
        if inode == 0 {
            return Vec::new();
        }
        self.holders.get(&inode).cloned().unwrap_or_default()
    }

    /// Holders of the listener that such a connection came in by.
    fn listeners_of(&self, child: &Endpoints) -> Vec<Holder> {
        self.listener(child)
            .map_or_else(Vec::new, |inode| self.holders_of(inode))
    }

    /// Inode number of the listener with this local end: the one bound to the address itself, else to all.
    fn listener(&self, child: &Endpoints) -> Option<u32> {
        let serves = |endpoints: &Endpoints| {
            let local = endpoints.local;
            let bound = local.ip() == child.local.ip() || local.ip().is_unspecified();
            bound && endpoints.netns == child.netns && local.port() == child.local.port()
        };
        let candidates = self
            .listeners
            .iter()
            .filter(|(endpoints, _)| serves(endpoints));
        let best = candidates.min_by_key(|(endpoints, _)| endpoints.local.ip().is_unspecified());
        best.map(|(_, inode)| *inode)
    }
}

/// Every descriptor that refers to a socket, by the socket's inode number, sorted.
fn holders(processes: &mut Processes) -> std::io::Result<FxHashMap<u32, Vec<Holder>>> {
    let mut found: FxHashMap<u32, Vec<Holder>> = FxHashMap::default();
    for entry in fs::read_dir("/proc")?.filter_map(Result::ok) {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        // A process can end, or be none of our business, at any point: then it has no descriptors for us.
        let path = entry.path();
        let Some(inodes) = sockets_of(&path) else {
            continue;
        };
        if inodes.is_empty() {
            continue;
        }
        let Some(stat) = fs::read(path.join("stat"))
            .ok()
            .and_then(|text| Stat::parse(&text))
        else {
            continue;
        };
        let process = processes.listed(pid, stat.start_ns, tick_ns(), stat.comm);
        for (inode, fd) in inodes {
            let process = std::sync::Arc::clone(&process);
            found.entry(inode).or_default().push(Holder { process, fd });
        }
    }
    for holders in found.values_mut() {
        holders.sort_unstable_by_key(|holder| (holder.process.id, holder.fd));
    }
    Ok(found)
}

/// (inode number, descriptor) of a process's sockets.
fn sockets_of(process: &Path) -> Option<Vec<(u32, u32)>> {
    let entries = fs::read_dir(process.join("fd"))
        .ok()?
        .filter_map(Result::ok);
    let inodes = entries.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        let inode = socket_inode(target.as_os_str().as_bytes())?;
        Some((inode, entry.file_name().to_str()?.parse().ok()?))
    });
    Some(inodes.collect())
}

/// `socket:[N]`.
pub(super) fn socket_inode(target: &[u8]) -> Option<u32> {
    let number = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// What `/proc/PID/stat` says (`man 5 proc_pid_stat`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stat {
    comm: [u8; 16],
    start_ns: u64,
}

impl Stat {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        // The name stands in parentheses and may itself contain any character: the last one closes it.
        let open = text.iter().position(|byte| *byte == b'(')?;
        let close = text.iter().rposition(|byte| *byte == b')')?;
        let name = text.get(open + 1..close)?;
        let mut comm = [0; 16];
        let length = name.len().min(15);
        comm[..length].copy_from_slice(&name[..length]);
        // Field 22 of the line, and the state after the name is field 3.
        let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
        let ticks: u64 = rest.split_ascii_whitespace().nth(19)?.parse().ok()?;
        Some(Self {
            comm,
            start_ns: ticks.checked_mul(tick_ns())?,
        })
    }
}

fn tick_ns() -> u64 {
    1_000_000_000 / rustix::param::clock_ticks_per_second().max(1)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn an_inode_is_read_from_a_link() {
        assert_eq!(socket_inode(b"socket:[123]"), Some(123));
        assert_eq!(socket_inode(b"pipe:[123]"), None);
        assert_eq!(socket_inode(b"socket:[x]"), None);
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = b"7 (a) b (c) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 250 1000 1 2";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(&stat.comm[..7], b"a) b (c");
        assert_eq!(stat.start_ns, 250 * tick_ns());
        assert_eq!(Stat::parse(b"7 (a"), None);
        assert_eq!(Stat::parse(b""), None);
    }

    #[test]
    fn an_own_socket_is_found_with_descriptor_and_a_waiting_one_with_its_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut processes = Processes::default();
        let snapshot = look(&mut processes).unwrap();
        let me = std::process::id();
        let find = |local, peer| {
            let is_it =
                |view: &&SocketView| view.endpoints.local == local && view.endpoints.peer == peer;
            snapshot.sockets.iter().find(is_it).unwrap()
        };
        let held = |holders: &[Holder], fd: i32| {
            let is_mine =
                |holder: &Holder| (holder.process.id.pid, holder.fd) == (me, fd.cast_unsigned());
            holders.iter().any(is_mine)
        };
        let (from, to) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let mine = find(from, to);
        assert!(held(&mine.holders, client.as_raw_fd()), "{mine:?}");
        assert!(mine.queued.is_none());
        let waiting = find(to, from);
        let queued = waiting.queued.as_ref().unwrap();
        assert!(held(&queued.listeners, listener.as_raw_fd()), "{waiting:?}");
        assert!(!queued.proven);
    }
}
