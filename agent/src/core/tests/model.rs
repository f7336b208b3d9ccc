//! A small kernel: what really happens to some connections, and the records that tell of it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "in most states most acts do nothing"
)]

use super::*;
use crate::core::observation::{Minisock, Queued};

/// Sockets that the model's kernel has memory for; their addresses are reused.
pub(super) const SOCKETS: usize = 4;
const LISTENER: u64 = 0xffff_8880_0fff_f000;

/// Something that happens to a socket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Birth,
    Accept,
    Fin,
    Read,
    Write,
    Shutdown,
    Close,
    AckOfFin,
    Reset,
}

/// What is true of one connection.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    pub(super) key: SocketKey,
    pub(super) ends: Endpoints,
    pub(super) state: TcpState,
    /// The full socket exists.
    pub(super) full: bool,
    /// A descriptor refers to it, or it waits in the accept queue.
    pub(super) open: bool,
    pub(super) accepted: bool,
    /// Substate and beginning of the minisock.
    pub(super) minisock: Option<(TcpState, u64)>,
    pub(super) unread: u32,
    pub(super) eof_at: Option<u64>,
    /// The last moment at which the application or the peer did anything.
    pub(super) busy_at: u64,
    /// `sk_err`.
    pub(super) error: u32,
    eof_count: u32,
    fin_at: Option<u64>,
    changed: u64,
    sent: u64,
    sent_at_fin: Option<u64>,
}

/// The kernel.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) now: u64,
    pub(super) connections: Vec<Truth>,
    /// Records that the agent has not got yet.
    pub(super) ring: Vec<Observation>,
    /// Hooks tell of minisocks.
    pub(super) time_wait_hooks: bool,
}

impl Model {
    pub(super) fn act(&mut self, socket: usize, act: Act) {
        if matches!(act, Act::Birth) {
            return self.birth(socket);
        }
        let sock = key(socket as u64).sock;
        // The full socket; without one, the youngest minisock.
        let found = self
            .connections
            .iter()
            .rposition(|c| c.key.sock == sock && (c.full || c.minisock.is_some()));
        let Some(index) = found else { return };
        let connection = &self.connections[index];
        match (act, connection.state, connection.full) {
            (Act::Fin, _, _) if connection.minisock.is_some() => {
                if let Some((substate, since)) = &mut self.connections[index].minisock {
                    *substate = TcpState::TimeWait;
                    *since = self.now;
                }
            }
            (_, _, false) => {}
            (Act::Fin, _, true) => self.fin(index),
            (Act::AckOfFin, _, true) => self.ack_of_fin(index),
            (Act::Reset, TcpState::Closed, true) => {}
            (Act::Reset, _, true) => {
                self.connections[index].error = 104;
                self.closed(index, |c| c.error = 104);
            }
            (_, _, true) => self.app(index, act),
        }
    }

    fn birth(&mut self, socket: usize) {
        let sock = key(socket as u64).sock;
        if self
            .connections
            .iter()
            .any(|c| c.full && c.key.sock == sock)
        {
            return;
        }
        self.now += 1;
        let ends = ends(socket as u64);
        self.leave_time_wait(|c| c.ends == ends);
        self.connections.retain(|c| c.full || c.minisock.is_some());
        let birth = at(self.now);
        self.connections.push(Truth {
            key: SocketKey { sock, birth },
            ends,
            state: TcpState::SynReceived,
            full: true,
            open: true,
            accepted: false,
            minisock: None,
            unread: 0,
            eof_at: None,
            busy_at: self.now,
            error: 0,
            eof_count: 0,
            fin_at: None,
            changed: self.now,
            sent: 0,
            sent_at_fin: None,
        });
        let index = self.connections.len() - 1;
        self.turn(index, TcpState::Established, |_| {});
    }

    /// The peer's FIN arrives.
    fn fin(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        match connection.state {
            TcpState::Established => {
                connection.unread += 1;
                connection.fin_at = Some(self.now);
                connection.sent_at_fin = Some(connection.sent);
                connection.busy_at = self.now;
                self.turn(index, TcpState::CloseWait, |_| {});
            }
            TcpState::FinWait1 => self.turn(index, TcpState::Closing, |_| {}),
            TcpState::FinWait2 => self.time_wait(index, TcpState::TimeWait),
            _ => {}
        }
    }

    fn ack_of_fin(&mut self, index: usize) {
        match self.connections[index].state {
            TcpState::FinWait1 => {
                self.turn(index, TcpState::FinWait2, |_| {});
                if !self.connections[index].open {
                    self.time_wait(index, TcpState::FinWait2);
                }
            }
            TcpState::Closing => self.time_wait(index, TcpState::TimeWait),
            TcpState::LastAck => self.closed(index, |_| {}),
            _ => {}
        }
    }

    /// The application acts.
    fn app(&mut self, index: usize, act: Act) {
        let connection = &mut self.connections[index];
        let state = connection.state;
        if matches!(act, Act::Accept) {
            if connection.open && !connection.accepted {
                connection.accepted = true;
                connection.busy_at = self.now;
                let what = What::Owner {
                    endpoints: connection.ends,
                    state,
                    role: Role::Server,
                    owner: owner(7, Attribution::Accept),
                    inode: None,
                };
                self.record(index, what);
            }
            return;
        }
        if !connection.open || !connection.accepted {
            return;
        }
        match act {
            Act::Read if connection.unread > 0 => {
                // Data and FIN together.
                connection.unread = 0;
                connection.busy_at = self.now;
            }
            Act::Read if state == TcpState::CloseWait => {
                connection.eof_count += 1;
                if connection.eof_at.is_none() {
                    connection.eof_at = Some(self.now);
                    connection.busy_at = self.now;
                    self.record(index, What::Eof { pid: 7, thread: 7 });
                }
            }
            Act::Read if state == TcpState::Closed && connection.error != 0 => {
                connection.error = 0;
                connection.busy_at = self.now;
            }
            Act::Write if matches!(state, TcpState::Established | TcpState::CloseWait) => {
                connection.sent += 10;
                connection.busy_at = self.now;
            }
            Act::Shutdown => self.send_fin(index, false),
            Act::Close => {
                self.send_fin(index, true);
                self.drop_descriptor(index);
            }
            _ => {}
        }
    }

    fn send_fin(&mut self, index: usize, closed: bool) {
        let to = match self.connections[index].state {
            TcpState::Established => TcpState::FinWait1,
            TcpState::CloseWait => TcpState::LastAck,
            _ => return,
        };
        self.turn(index, to, |change| change.closed = closed);
    }

    fn drop_descriptor(&mut self, index: usize) {
        self.connections[index].open = false;
        match self.connections[index].state {
            TcpState::Closed => {
                self.connections[index].full = false;
                self.record(index, What::Gone);
            }
            TcpState::FinWait2 => self.time_wait(index, TcpState::FinWait2),
            _ => {}
        }
    }

    /// A minisock takes over.
    fn time_wait(&mut self, index: usize, substate: TcpState) {
        let connection = &mut self.connections[index];
        connection.minisock = Some((substate, self.now));
        let endpoints = connection.ends;
        if self.time_wait_hooks {
            self.record(
                index,
                What::TimeWaitEntered {
                    endpoints,
                    substate,
                },
            );
        }
        self.closed(index, |c| c.fin_received = substate == TcpState::TimeWait);
    }

    fn closed(&mut self, index: usize, edit: impl FnOnce(&mut StateChange)) {
        self.turn(index, TcpState::Closed, edit);
        let connection = &mut self.connections[index];
        connection.full = connection.open;
    }

    fn turn(&mut self, index: usize, to: TcpState, edit: impl FnOnce(&mut StateChange)) {
        let connection = &mut self.connections[index];
        let mut change = change(0, connection.state, to);
        change.endpoints = connection.ends;
        change.dead = !connection.open;
        change.unattached = !connection.accepted;
        change.unread = connection.unread;
        edit(&mut change);
        connection.state = to;
        connection.changed = self.now;
        connection.busy_at = self.now;
        self.record(index, What::State(change));
    }

    fn record(&mut self, index: usize, what: What) {
        let (time, key) = (at(self.now), self.connections[index].key);
        self.ring.push(Observation { time, key, what });
    }

    /// Ends these minisocks.
    pub(super) fn leave_time_wait(&mut self, which: impl Fn(&Truth) -> bool) {
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            if connection.minisock.is_none() || !which(connection) {
                continue;
            }
            connection.minisock = None;
            let what = What::TimeWaitLeft {
                endpoints: connection.ends,
            };
            if self.time_wait_hooks {
                self.record(index, what);
            }
        }
    }

    /// What a pass finds that began when this was true and ends now: the live sockets are visited first, what the
    /// hooks noted of them comes last.
    pub(super) fn snapshot_since(&self, (began, before): &(u64, Vec<Truth>)) -> Snapshot {
        let full = |key| self.connections.iter().find(|c| c.full && c.key == key);
        let visited = before.iter().filter(|c| c.full);
        let mut sockets: Vec<SocketView> = visited
            .map(|truth| match full(truth.key) {
                Some(noted) => join(truth, noted, *began),
                None => forgotten(truth),
            })
            .collect();
        let born = self
            .connections
            .iter()
            .filter(|c| c.full && !before.iter().any(|b| b.full && b.key == c.key));
        sockets.extend(born.map(unvisited));
        let mut snapshot = snapshot(*began, sockets);
        snapshot.time_wait = Some(self.minisocks());
        snapshot
    }

    pub(super) fn minisocks(&self) -> Vec<Minisock> {
        let minisock = |c: &Truth| {
            let (substate, _) = c.minisock?;
            let endpoints = c.ends;
            Some(Minisock {
                endpoints,
                substate,
            })
        };
        self.connections.iter().filter_map(minisock).collect()
    }
}

/// A live socket and what the hooks have noted of it, a little later.
fn join(live: &Truth, noted: &Truth, began: u64) -> SocketView {
    let (live, noted) = (seen(live), seen(noted));
    let later = noted.changed > Some(at(began));
    SocketView {
        state: if later { noted.state } else { live.state },
        holders: live.holders,
        queued: live.queued,
        counters: live.counters,
        ..noted
    }
}

/// A live socket that was gone when the notes were read.
fn forgotten(live: &Truth) -> SocketView {
    SocketView {
        changed: None,
        role: Role::Unknown,
        owner: None,
        fin_at: None,
        eof_at: None,
        eof_count: 0,
        sent_at_fin: None,
        ..seen(live)
    }
}

/// A socket that was born after the visit.
fn unvisited(noted: &Truth) -> SocketView {
    SocketView {
        holders: Vec::new(),
        queued: None,
        counters: None,
        ..seen(noted)
    }
}

/// As a look finds it.
fn seen(truth: &Truth) -> SocketView {
    let queued = (truth.open && !truth.accepted).then(|| Queued {
        listener: Some(LISTENER),
        listeners: vec![holder(3, 3)],
        proven: true,
    });
    SocketView {
        key: truth.key,
        endpoints: truth.ends,
        state: truth.state,
        changed: Some(at(truth.changed)),
        role: Role::Server,
        owner: truth.accepted.then(|| owner(7, Attribution::Accept)),
        holders: if truth.open && truth.accepted {
            vec![holder(7, 5)]
        } else {
            Vec::new()
        },
        queued,
        inode: None,
        cookie: None,
        fin_at: truth.fin_at.map(at),
        eof_at: truth.eof_at.map(at),
        eof_count: truth.eof_count,
        fin_with_data: truth.unread == 0,
        write_at: None,
        write_bytes: 0,
        refused_at: None,
        sent_at_fin: truth.sent_at_fin,
        waiting: None,
        counters: Some(SocketCounters {
            unread: truth.unread,
            bytes_sent: truth.sent,
            bytes_acked: truth.sent,
            error: truth.error,
            ..SocketCounters::default()
        }),
    }
}
