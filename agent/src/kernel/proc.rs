//! Snapshots without the iterator: descriptors from `/proc`, sockets from `sock_diag`, joined by inode number, and
//! by address with the map.
//!
//! What only the iterator knows is missing: the address of a socket that no hook has seen (its cookie stands in
//! for it), the holders of sockets that are closed but still open as a descriptor, and the accept queues, which are
//! guessed by address.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use finback_common::entry::SocketEntry;
use finback_common::tcp;
use rustc_hash::FxHashMap;

use super::clock::now;
use super::diag::{self, Listed, Query};
use super::error::KernelError;
use super::intern::Processes;
use super::snapshot::from_entry;
use finback_core::model::observation::{Queued, Snapshot, SocketView};
use finback_core::model::socket::{Endpoints, Holder, Role, SocketKey};
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;

/// Everything but minisocks and requests, which no descriptor refers to.
const STATES: u32 =
    !(diag::bit(tcp::TIME_WAIT) | diag::bit(tcp::SYN_RECV) | diag::bit(tcp::NEW_SYN_RECV));

/// Collects both lists, then joins them with the entries of the map.
pub(super) struct Join<'a> {
    taken: Timestamp,
    processes: &'a mut Processes,
    holders: FxHashMap<u32, Vec<Holder>>,
    listed: FxHashMap<Endpoints, Vec<Listed>>,
    /// Listeners with their inode numbers.
    listeners: Vec<(Endpoints, u32)>,
    sockets: Vec<SocketView>,
}

impl<'a> Join<'a> {
    pub(super) fn new(processes: &'a mut Processes) -> Result<Self, KernelError> {
        let taken = now();
        let failed = |what| move |source| KernelError::Io { what, source };
        let holders = holders(processes).map_err(failed("list the descriptors in /proc"))?;
        let query = Query {
            states: STATES,
            counters: true,
        };
        let (sockets, failures) =
            diag::list(query, &[]).map_err(failed("list the sockets of a network namespace"))?;
        for (namespace, error) in failures {
            tracing::debug!(netns = namespace.id, %error, "this network namespace's sockets cannot be listed");
        }
        let mut listed: FxHashMap<Endpoints, Vec<Listed>> = FxHashMap::default();
        let mut listeners = Vec::new();
        for socket in sockets.into_iter().filter(|socket| !socket.minisock) {
            if socket.state == TcpState::Listen {
                listeners.push((socket.endpoints, socket.inode));
            }
            listed.entry(socket.endpoints).or_default().push(socket);
        }
        Ok(Self {
            taken,
            processes,
            holders,
            listed,
            listeners,
            sockets: Vec::new(),
        })
    }

    /// One entry of the map.
    pub(super) fn entry(&mut self, sock: u64, entry: &SocketEntry) {
        let Some(known) = from_entry(sock, entry, self.processes) else {
            return;
        };
        let live = self.listed.get_mut(&known.endpoints).and_then(Vec::pop);
        let listener = (entry.listener != 0).then_some(entry.listener);
        let view = match live {
            Some(live) => self.seen(known, &live, listener),
            None => known,
        };
        self.sockets.push(view);
    }

    /// The whole picture, sorted.
    pub(super) fn finish(mut self) -> Snapshot {
        let rest: Vec<Listed> = self
            .listed
            .drain()
            .flat_map(|(_, sockets)| sockets)
            .collect();
        for live in rest {
            let view = self.seen(unknown(&live), &live, None);
            self.sockets.push(view);
        }
        self.sockets.sort_unstable_by_key(|socket| socket.key);
        Snapshot {
            taken: self.taken,
            took: now().since(self.taken),
            sockets: self.sockets,
            time_wait: None,
        }
    }

    fn seen(&self, known: SocketView, live: &Listed, listener: Option<u64>) -> SocketView {
        // Without a file, but not an orphan: those have closed, so their state is one after a FIN of our own.
        let waits =
            live.inode == 0 && matches!(live.state, TcpState::Established | TcpState::CloseWait);
        // The entry is read later: what happened in between is in it, with its moment.
        let later = known.changed.is_some_and(|changed| changed > self.taken);
        SocketView {
            state: if later { known.state } else { live.state },
            holders: self.holders_of(live.inode),
            queued: waits.then(|| Queued {
                listener,
                listeners: self.listeners_of(&live.endpoints),
                proven: listener.is_some(),
            }),
            inode: (live.inode != 0).then_some(u64::from(live.inode)),
            cookie: (live.cookie != 0).then_some(live.cookie),
            counters: Some(live.counters),
            ..known
        }
    }

    fn holders_of(&self, inode: u32) -> Vec<Holder> {
        if inode == 0 {
            return Vec::new();
        }
        self.holders.get(&inode).cloned().unwrap_or_default()
    }

    /// Holders of the listener that such a connection came in by: the one bound to the address itself, else to all.
    fn listeners_of(&self, child: &Endpoints) -> Vec<Holder> {
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
        best.map_or_else(Vec::new, |(_, inode)| self.holders_of(*inode))
    }
}

/// A socket that no hook has seen. Addresses of kernel objects are never as small as a cookie.
fn unknown(live: &Listed) -> SocketView {
    SocketView {
        key: SocketKey {
            sock: live.cookie,
            birth: Timestamp::default(),
        },
        endpoints: live.endpoints,
        state: live.state,
        changed: None,
        role: Role::Unknown,
        owner: None,
        holders: Vec::new(),
        queued: None,
        inode: None,
        cookie: None,
        fin_at: None,
        eof_at: None,
        eof_count: 0,
        fin_with_data: false,
        write_at: None,
        write_bytes: 0,
        refused_at: None,
        sent_at_fin: None,
        waiting: None,
        counters: None,
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
fn socket_inode(target: &[u8]) -> Option<u32> {
    let number = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// What `/proc/PID/stat` says (`man 5 proc_pid_stat`).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    comm: [u8; 16],
    start_ns: u64,
}

impl Stat {
    fn parse(text: &[u8]) -> Option<Self> {
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
        let snapshot = Join::new(&mut processes).unwrap().finish();
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
