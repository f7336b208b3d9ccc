//! Joins the rows of the iterator with what the kernel programs remember.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use finback_common::place::{HalfPlace, OpenerPlace};
use finback_common::row::{HolderRow, QueueRow, SocketView as RowView, WaitRow};
use finback_common::socket::Tuple;
use finback_common::tcp;
use rustc_hash::FxHashMap;

use super::half;
use super::rows::Row;
use super::waiters::Functions;
use crate::kernel::address::endpoints;
use crate::kernel::clock::{jiffy, now};
use crate::kernel::processes::Processes;
use crate::kernel::table::Tables;
use finback_core::model::guard::Guard;
use finback_core::model::index::Index;
use finback_core::model::look::{
    HalfClosed, Jiffies, Queued, Snapshot, SocketCounters, SocketView,
};
use finback_core::model::socket::{Attribution, Endpoints, Holder, Owner, Role};
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;
use finback_core::model::waiting::{Waiter, Waiting};

/// `SOCK_DONE` of `enum sock_flags`: the peer's FIN was accepted.
const SOCK_DONE: u8 = 1 << 1;

/// What is remembered of sockets, by their address.
pub(super) trait Memory {
    fn half(&self, sock: u64) -> Option<HalfPlace>;
    fn opener(&self, sock: u64) -> Option<OpenerPlace>;
}

impl Memory for Tables {
    fn half(&self, sock: u64) -> Option<HalfPlace> {
        self.half(sock)
    }

    fn opener(&self, sock: u64) -> Option<OpenerPlace> {
        self.opener(sock)
    }
}

/// A listener, for the connections in its queue.
struct Listener {
    tuple: Tuple,
    holders: Vec<Holder>,
}

/// Collects rows.
pub(super) struct Join<'a, M> {
    taken: Timestamp,
    jiffies: Option<Jiffies>,
    memory: &'a M,
    processes: &'a mut Processes,
    functions: &'a mut Functions,
    /// In the order in which they came. Not kept a second time: there may be a hundred thousand.
    views: Vec<SocketView>,
    /// Where each is, by the socket.
    places: Index,
    /// Who waits for those of which it was asked and all could be told.
    waiters: FxHashMap<u64, Vec<Waiter>>,
    listeners: BTreeMap<u64, Listener>,
}

/// A socket that no row was about yet.
struct New<'r> {
    sock: u64,
    tuple: &'r Tuple,
    state: u8,
    cookie: u64,
    inode: u64,
    counters: SocketCounters,
    connected: bool,
    fin_behind_hole: bool,
    listener: Option<u64>,
}

impl<'a, M: Memory> Join<'a, M> {
    pub(super) fn new(
        memory: &'a M,
        processes: &'a mut Processes,
        functions: &'a mut Functions,
    ) -> Self {
        Self {
            taken: now(),
            jiffies: None,
            memory,
            processes,
            functions,
            views: Vec::new(),
            places: Index::default(),
            waiters: FxHashMap::default(),
            listeners: BTreeMap::new(),
        }
    }

    /// One row of the iterator.
    pub(super) fn row(&mut self, row: &Row) {
        match row {
            Row::Start(row) => {
                self.jiffies = Some(Jiffies {
                    now: row.jiffies,
                    at: Timestamp::from_nanos(row.now_ns),
                    length: jiffy(),
                });
            }
            Row::Holder(row) => self.holder(row),
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
        let known = self.place(view.sock);
        let place = known.or_else(|| {
            if view.shows_waiters() {
                self.waiters.insert(view.sock, Vec::new());
            }
            self.add(&New {
                sock: view.sock,
                tuple: &view.tuple,
                state: view.state,
                cookie: view.cookie,
                inode: row.inode,
                counters: counters(view),
                connected: view.connected != 0,
                fin_behind_hole: view.fin_behind_hole != 0,
                listener: None,
            })
        });
        if let Some(view) = place.and_then(|place| self.views.get_mut(place)) {
            if view.holders.is_empty() {
                view.holders.reserve_exact(1);
            }
            view.holders.push(holder);
        }
    }

    /// The kernel writes a socket's waiters after each of its descriptors: those after the first are repetitions.
    fn wait(&mut self, row: &WaitRow) {
        let place = self.place(row.sock);
        let view = place.and_then(|place| self.views.get(place));
        if view.is_none_or(|view| view.holders.len() > 1) {
            return;
        }
        let Some(waiters) = self.waiters.get_mut(&row.sock) else {
            return;
        };
        match self.functions.waiter(row) {
            Some(waiter) => waiters.push(waiter),
            None => drop(self.waiters.remove(&row.sock)),
        }
    }

    /// One connection in an accept queue; all rows of the iterator come before.
    pub(super) fn queued(&mut self, row: &QueueRow) {
        let Some(listener) = self.listeners.get(&row.listener) else {
            return;
        };
        if self.place(row.sock).is_some() {
            return;
        }
        let tuple = row.tuple(&listener.tuple);
        self.add(&New {
            sock: row.sock,
            tuple: &tuple,
            state: row.state,
            cookie: row.cookie,
            inode: 0,
            counters: SocketCounters {
                unread: row.unread,
                error: row.error,
                shutdown: row.shutdown,
                fin_received: row.sock_flags & SOCK_DONE != 0,
                ..SocketCounters::default()
            },
            connected: false,
            fin_behind_hole: false,
            listener: Some(row.listener),
        });
    }

    /// The whole picture, sorted.
    pub(super) fn finish(self) -> Snapshot {
        let ports = ports(&self.listeners);
        let (mut sockets, mut waiters) = (self.views, self.waiters);
        drop(self.places);
        for view in &mut sockets {
            view.holders
                .sort_unstable_by_key(|holder| (holder.process.id, holder.fd));
            // A thread with a descriptor table of its own can show the same descriptor again.
            view.holders.dedup();
            let is_server = view.queued.is_some() || is_served(&ports, &view.endpoints);
            if view.role == Role::Unknown && is_server {
                view.role = Role::Server;
            }
            let ended = matches!(view.state, TcpState::CloseWait | TcpState::Closed);
            let unread = view.counters.is_some_and(|counters| counters.unread > 0);
            let waiters = waiters.remove(&view.sock);
            view.waiting = waiters.map(|waiters| Waiting::of(&waiters, ended || unread));
        }
        sockets.sort_unstable_by_key(|socket| socket.sock);
        Snapshot {
            taken: self.taken,
            took: now().since(self.taken),
            cost: Duration::ZERO,
            jiffies: self.jiffies,
            sockets,
            unheld: None,
            openers: Vec::new(),
        }
    }

    /// Where a socket is, if a row was about it.
    fn place(&self, sock: u64) -> Option<usize> {
        let name = |place| name(&self.views, place);
        self.places.find(&Some(sock), name)
    }

    /// Where it is from now on; `None` for what has no addresses or a state that is not known.
    fn add(&mut self, new: &New<'_>) -> Option<usize> {
        let endpoints = endpoints(new.tuple)?;
        let state = TcpState::from_kernel(new.state)?;
        let half = remembered(self.memory, new.sock, new.state, self.taken);
        let opener = self.opener(new.sock, new.tuple);
        let role = match &opener {
            Some(owner) if owner.attribution == Attribution::Connect => Role::Client,
            Some(_) => Role::Server,
            None if new.connected || half.is_some_and(|half| half.connected) => Role::Client,
            // Which ports are listened on is known when all rows have come.
            None => Role::Unknown,
        };
        let place = self.views.len();
        self.views.push(SocketView {
            sock: new.sock,
            endpoints,
            state,
            role,
            opener,
            holders: Vec::new(),
            queued: new.listener.map(|listener| Box::new(self.queue(listener))),
            inode: (new.inode != 0).then_some(new.inode),
            cookie: (new.cookie != 0).then_some(new.cookie),
            half: half.map(Box::new),
            fin_behind_hole: new.fin_behind_hole,
            halted: None,
            waiting: None,
            counters: Some(new.counters),
        });
        self.places.add(place, |place| name(&self.views, place));
        Some(place)
    }

    /// Its opener, if the one that is remembered at its place opened a connection to the same peer before the look
    /// began: a place is not cleared with its socket.
    fn opener(&mut self, sock: u64, tuple: &Tuple) -> Option<Owner> {
        let place = self.memory.opener(sock)?;
        let peer = (place.netns, place.family, place.peer_port, place.peer_addr);
        if peer != (tuple.netns, tuple.family, tuple.peer_port, tuple.peer_addr) {
            return None;
        }
        let at = Timestamp::from_nanos(place.time_ns);
        if at > self.taken {
            return None;
        }
        self.processes.owner(&place.owner, at)
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

fn name(views: &[SocketView], place: usize) -> Option<u64> {
    views.get(place).map(|view| view.sock)
}

/// What is remembered of a socket in this state. What came later than the look began may be another connection's, at an
/// address that was used again.
fn remembered(memory: &impl Memory, sock: u64, state: u8, taken: Timestamp) -> Option<HalfClosed> {
    if !matches!(state, tcp::CLOSE_WAIT | tcp::LAST_ACK | tcp::CLOSE) {
        return None;
    }
    let place = memory.half(sock)?;
    (place.fin_ns <= taken.as_nanos()).then(|| half::words(&place))
}

/// Addresses on which somebody listens, by network namespace and port.
type Ports = FxHashMap<(u32, u16), Vec<IpAddr>>;

fn ports(listeners: &BTreeMap<u64, Listener>) -> Ports {
    let mut ports = Ports::default();
    for endpoints in listeners
        .values()
        .filter_map(|listener| endpoints(&listener.tuple))
    {
        let local = endpoints.local;
        ports
            .entry((endpoints.netns, local.port()))
            .or_default()
            .push(local.ip());
    }
    ports
}

/// Whether a listener has this connection's local end.
fn is_served(ports: &Ports, endpoints: &Endpoints) -> bool {
    let local = endpoints.local;
    let listening = ports.get(&(endpoints.netns, local.port()));
    let serves = |ip: &IpAddr| ip.is_unspecified() || *ip == local.ip();
    endpoints.peer.port() != 0 && listening.is_some_and(|ips| ips.iter().any(serves))
}

/// Only a listener has one.
const fn head(address: u64) -> Option<u64> {
    if address == 0 { None } else { Some(address) }
}

const fn counters(view: &RowView) -> SocketCounters {
    SocketCounters {
        unread: view.unread,
        unacked: view.write_seq.wrapping_sub(view.snd_una),
        snd_una: Some(view.snd_una),
        write_seq: Some(view.write_seq),
        bytes_sent: view.bytes_sent,
        bytes_acked: view.bytes_acked,
        bytes_received: view.bytes_received,
        last_sent: view.last_sent,
        last_received: view.last_received,
        last_heard: view.last_heard,
        error: view.error,
        shutdown: view.shutdown,
        fin_received: view.sock_flags & SOCK_DONE != 0,
        backlog: view.backlog,
        max_backlog: view.max_backlog,
        accept_head: head(view.accept_head),
        port_chosen: view.port_chosen != 0,
        window: Some(view.window),
        retransmits: view.retransmits,
        backoff: view.backoff,
        probes: view.probes,
        upper_layer: view.upper_layer != 0,
        guard: guard(view),
    }
}

const fn guard(view: &RowView) -> Option<Guard> {
    if view.guard_read == 0 {
        return None;
    }
    Some(Guard {
        keep_alive: view.sock_flags & tcp::SOCK_KEEPOPEN != 0,
        time: view.keep_alive_time,
        interval: view.keep_alive_interval,
        probes: view.keep_alive_probes,
        user_timeout: view.user_timeout,
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
