//! One pass over the kernel: every TCP socket with its holders, its numbers and what the hooks know of it.

use finback_common::entry::{SocketEntry, Tuple, flag};
use finback_common::row::{HolderRow, QueueRow, SocketView as RowView, WaitRow};
use finback_common::tcp;
use rustc_hash::FxHashMap;

use super::address::endpoints;
use super::clock::now;
use super::decode::role;
use super::intern::Processes;
use super::rows::Row;
use super::waiters::Functions;
use finback_core::model::observation::{Queued, Snapshot, SocketCounters, SocketView};
use finback_core::model::socket::{Holder, SocketKey};
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;
use finback_core::model::waiting::{Waiter, Waiting};

/// What the iterator said of one socket.
struct Found {
    birth_ns: u64,
    state: u8,
    tuple: Tuple,
    cookie: u64,
    inode: u64,
    /// The numbers; a connection in an accept queue comes without.
    counters: Option<SocketCounters>,
    holders: Vec<Holder>,
    listener: Option<u64>,
    /// Who waits for it; `None` if it was not asked, and as soon as one of them cannot be told.
    waiters: Option<Vec<Waiter>>,
}

/// A listener, for the connections in its queue.
struct Listener {
    tuple: Tuple,
    holders: Vec<Holder>,
}

/// Collects rows, then joins them with the entries of the map.
pub(super) struct Join<'a> {
    taken: Timestamp,
    processes: &'a mut Processes,
    found: FxHashMap<u64, Found>,
    listeners: FxHashMap<u64, Listener>,
    sockets: Vec<SocketView>,
    functions: &'a mut Functions,
    unborn: Vec<(u64, SocketEntry)>,
}

impl<'a> Join<'a> {
    pub(super) fn new(processes: &'a mut Processes, functions: &'a mut Functions) -> Self {
        Self {
            taken: now(),
            processes,
            functions,
            unborn: Vec::new(),
            found: FxHashMap::default(),
            listeners: FxHashMap::default(),
            sockets: Vec::new(),
        }
    }

    /// One row of the iterator.
    pub(super) fn row(&mut self, row: &Row) {
        match row {
            Row::Holder(row) => self.holder(row),
            Row::Queued(row) => self.queued(row),
            Row::Wait(row) => self.wait(row),
        }
    }

    fn holder(&mut self, row: &HolderRow) {
        let view = &row.socket;
        let holder = Holder {
            process: self.processes.holder(row),
            fd: row.fd,
        };
        if view.state == tcp::LISTEN {
            let listener = self.listeners.entry(view.sock).or_insert_with(|| Listener {
                tuple: view.tuple,
                holders: Vec::new(),
            });
            listener.holders.push(holder.clone());
        }
        let found = self.found.entry(view.sock).or_insert_with(|| Found {
            birth_ns: view.birth_ns,
            state: view.state,
            tuple: view.tuple,
            cookie: view.cookie,
            inode: row.inode,
            counters: Some(counters(view)),
            holders: Vec::new(),
            listener: None,
            waiters: view.shows_waiters().then(Vec::new),
        });
        found.holders.push(holder);
    }

    /// The kernel writes a socket's waiters after each of its descriptors: those after the first are repetitions.
    fn wait(&mut self, row: &WaitRow) {
        let Some(found) = self.found.get_mut(&row.sock) else {
            return;
        };
        if found.holders.len() > 1 {
            return;
        }
        let Some(mut waiters) = found.waiters.take() else {
            return;
        };
        if let Some(waiter) = self.functions.waiter(row) {
            waiters.push(waiter);
            found.waiters = Some(waiters);
        }
    }

    /// Connections in accept queues that no hook has seen, with the entries they need to be followed.
    pub(super) fn unborn(&mut self) -> Vec<(u64, SocketEntry)> {
        std::mem::take(&mut self.unborn)
    }

    /// The kernel visits a listener's descriptor before it writes its queue: the listener is known.
    fn queued(&mut self, row: &QueueRow) {
        let Some(listener) = self.listeners.get(&row.listener) else {
            return;
        };
        let tuple = row.tuple(&listener.tuple);
        let mut birth_ns = row.birth_ns;
        if birth_ns == 0 {
            birth_ns = self.taken.as_nanos();
            let entry = SocketEntry {
                birth_ns,
                changed_ns: birth_ns,
                listener: row.listener,
                tuple,
                state: row.state,
                flags: flag::SERVER | flag::SEEDED,
                ..SocketEntry::BLANK
            };
            self.unborn.push((row.sock, entry));
        }
        self.found.entry(row.sock).or_insert_with(|| Found {
            birth_ns,
            state: row.state,
            tuple,
            cookie: row.cookie,
            inode: 0,
            counters: None,
            holders: Vec::new(),
            listener: Some(row.listener),
            waiters: None,
        });
    }

    /// One entry of the map; all rows come before the first entry.
    pub(super) fn entry(&mut self, sock: u64, entry: &SocketEntry) {
        // The kernel reuses addresses at once: a row of another birth tells of an older connection that has gone
        // since the iterator saw it.
        let found = self
            .found
            .remove(&sock)
            .filter(|found| found.birth_ns == entry.birth_ns);
        let view = match found {
            Some(found) => self.seen(sock, found, Some(entry)),
            None => from_entry(sock, entry, self.processes),
        };
        self.sockets.extend(view);
    }

    /// The whole picture, sorted.
    pub(super) fn finish(mut self) -> Snapshot {
        // What is left has no entry: the map was full when it was first seen.
        let rest: Vec<(u64, Found)> = self.found.drain().collect();
        for (sock, found) in rest {
            let view = self.seen(sock, found, None);
            self.sockets.extend(view);
        }
        self.sockets.sort_unstable_by_key(|socket| socket.key);
        Snapshot {
            taken: self.taken,
            took: now().since(self.taken),
            sockets: self.sockets,
            time_wait: None,
        }
    }

    /// A socket that the iterator saw, with what the hooks know of it.
    fn seen(&mut self, sock: u64, found: Found, entry: Option<&SocketEntry>) -> Option<SocketView> {
        let Found {
            birth_ns,
            state,
            tuple,
            cookie,
            inode,
            counters,
            mut holders,
            listener,
            waiters,
        } = found;
        holders.sort_unstable_by_key(|holder| (holder.process.id, holder.fd));
        // A thread with a descriptor table of its own can show the same descriptor again.
        holders.dedup();
        let tuple = complete(&tuple, entry);
        let blank = SocketEntry {
            birth_ns,
            tuple,
            state,
            ..SocketEntry::default()
        };
        // The entry is read after the row: what happened in between is in it, with its moment.
        let state = entry
            .filter(|entry| entry.changed_ns > self.taken.as_nanos())
            .map_or(state, |entry| entry.state);
        let known = from_entry(sock, entry.unwrap_or(&blank), self.processes)?;
        Some(SocketView {
            endpoints: endpoints(&tuple)?,
            state: TcpState::from_kernel(state)?,
            holders,
            queued: listener.map(|listener| self.queue(listener)),
            inode: (inode != 0).then_some(inode),
            cookie: (cookie != 0).then_some(cookie),
            waiting: waiters.map(|waiters| {
                let ended = matches!(state, tcp::CLOSE_WAIT | tcp::CLOSE);
                let to_tell = ended || counters.is_some_and(|counters| counters.unread > 0);
                Waiting::of(&waiters, to_tell)
            }),
            counters,
            ..known
        })
    }

    fn queue(&self, listener: u64) -> Queued {
        let holders = self
            .listeners
            .get(&listener)
            .map(|listener| listener.holders.clone());
        Queued {
            listener: Some(listener),
            listeners: holders.unwrap_or_default(),
            proven: true,
        }
    }
}

/// A closed socket has given its local port back; the entry remembers it.
fn complete(live: &Tuple, entry: Option<&SocketEntry>) -> Tuple {
    match entry {
        Some(entry) if live.local_port == 0 && entry.tuple.local_port != 0 => entry.tuple,
        _ => *live,
    }
}

const fn counters(view: &RowView) -> SocketCounters {
    SocketCounters {
        unread: view.unread,
        unacked: view.unacked,
        bytes_sent: view.bytes_sent,
        bytes_acked: view.bytes_acked,
        bytes_received: view.bytes_received,
        error: view.error,
        backlog: view.backlog,
        window: Some(view.window),
        retransmits: view.retransmits,
        backoff: view.backoff,
        probes: view.probes,
        upper_layer: view.upper_layer != 0,
    }
}

/// What the hooks alone know; `None` if the entry makes no sense.
pub(super) fn from_entry(
    sock: u64,
    entry: &SocketEntry,
    processes: &mut Processes,
) -> Option<SocketView> {
    let has = |bit| entry.flags & bit != 0;
    let fin_seen = has(flag::FIN_SEEN);
    Some(SocketView {
        key: SocketKey {
            sock,
            birth: Timestamp::from_nanos(entry.birth_ns),
        },
        endpoints: endpoints(&entry.tuple)?,
        state: TcpState::from_kernel(entry.state)?,
        changed: Timestamp::from_abi(entry.changed_ns),
        role: role(has(flag::CLIENT), has(flag::SERVER)),
        owner: processes.owner(&entry.owner, Timestamp::from_nanos(entry.owned_ns)),
        holders: Vec::new(),
        queued: None,
        inode: None,
        cookie: None,
        fin_at: Timestamp::from_abi(entry.fin_ns).filter(|_| fin_seen),
        eof_at: Timestamp::from_abi(entry.eof_ns),
        eof_count: entry.eof_count,
        fin_with_data: has(flag::FIN_WITH_DATA),
        write_at: Timestamp::from_abi(entry.write_ns),
        write_bytes: entry.write_bytes,
        refused_at: Timestamp::from_abi(entry.segment_ns),
        sent_at_fin: fin_seen.then_some(entry.sent_at_fin),
        waiting: None,
        counters: None,
    })
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
