//! A small kernel: what really happens to some connections, and the records that tell of it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "in most states most acts do nothing"
)]

use super::*;
use crate::model::observation::Minisock;

mod app;
mod view;

/// Sockets that the model's kernel has memory for; their addresses are reused.
pub(super) const SOCKETS: usize = 4;

/// Something that happens to a socket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Birth,
    /// A client's connection.
    Connect,
    Accept,
    Fin,
    Read,
    /// The queue is emptied in a way that no hook sees.
    Splice,
    Write,
    Shutdown,
    Close,
    AckOfFin,
    Reset,
    /// A question of ours and its answer, all of which is read.
    Exchange,
    /// More arrives than is ever read at once.
    Flood,
    /// The peer acknowledges nothing any more.
    Silence,
    /// It does again.
    Return,
    /// Another process gets the descriptor, and the opener closes its own.
    Hand,
    /// The end-of-stream is read a thousand times in a second, until this act comes again.
    Spin,
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
    /// A read that returned data took the FIN as well.
    pub(super) fin_with_data: bool,
    /// The last moment at which the application or the peer did anything.
    pub(super) busy_at: u64,
    /// `sk_err`.
    pub(super) error: u32,
    pub(super) client: bool,
    /// The process that has the descriptor.
    pub(super) holder: u32,
    /// Since when, if that is not its opener.
    pub(super) handed_at: u64,
    /// The process that the end-of-stream was first delivered to.
    pub(super) eof_by: u32,
    /// The peer acknowledges nothing since, with data under way.
    pub(super) silent: bool,
    pub(super) spinning: Option<u64>,
    /// Spins that are over.
    pub(super) spins: Vec<(u64, u64)>,
    /// First write after the FIN.
    pub(super) written: Option<u64>,
    pub(super) received: u64,
    acked: u64,
    eof_count: u32,
    fin_at: Option<u64>,
    changed: u64,
    pub(super) sent: u64,
    pub(super) sent_at_fin: Option<u64>,
}

impl Truth {
    pub(super) fn role(&self) -> Role {
        if self.client {
            Role::Client
        } else {
            Role::Server
        }
    }

    /// How often the end-of-stream was read in spins: once in a millisecond.
    pub(super) fn spun(&self, from: u64, to: u64) -> u64 {
        let all = self
            .spins
            .iter()
            .copied()
            .chain(self.spinning.map(|since| (since, to)));
        all.map(|(since, until)| until.min(to).saturating_sub(since.max(from)))
            .sum()
    }

    fn opened(&self) -> Attribution {
        if self.client {
            Attribution::Connect
        } else {
            Attribution::Accept
        }
    }
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
    /// Connections that were reset after a write that came after the FIN.
    pub(super) refused: Vec<SocketKey>,
}

impl Model {
    pub(super) fn act(&mut self, socket: usize, act: Act) {
        if matches!(act, Act::Birth | Act::Connect) {
            return self.birth(socket, matches!(act, Act::Connect));
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
            (Act::Fin, _, true) => {
                self.answers(index);
                self.fin(index);
            }
            (Act::AckOfFin, _, true) => {
                self.answers(index);
                self.ack_of_fin(index);
            }
            (Act::Return, _, true) => self.answers(index),
            (Act::Flood, TcpState::Established, true) => {
                self.answers(index);
                self.flood(index);
            }
            (Act::Reset, TcpState::Closed, true) => {}
            (Act::Reset, state, true) => {
                let connection = &mut self.connections[index];
                connection.error = 104;
                if state == TcpState::CloseWait && connection.written.is_some() {
                    self.refused.push(connection.key);
                }
                self.closed(index, |c| c.error = 104);
            }
            (_, _, true) => self.app(index, act),
        }
    }

    fn birth(&mut self, socket: usize, client: bool) {
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
            state: if client {
                TcpState::SynSent
            } else {
                TcpState::SynReceived
            },
            full: true,
            open: true,
            accepted: client,
            minisock: None,
            unread: 0,
            eof_at: None,
            fin_with_data: false,
            busy_at: self.now,
            error: 0,
            client,
            holder: 7,
            handed_at: 0,
            eof_by: 0,
            silent: false,
            spinning: None,
            spins: Vec::new(),
            written: None,
            received: 0,
            acked: u64::from(client),
            eof_count: 0,
            fin_at: None,
            changed: self.now,
            sent: 0,
            sent_at_fin: None,
        });
        let index = self.connections.len() - 1;
        if client {
            self.owned(index);
        }
        self.turn(index, TcpState::Established, |_| {});
    }

    /// The peer's FIN arrives.
    fn fin(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        match connection.state {
            TcpState::Established => {
                connection.unread += 1;
                connection.received += 1;
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
        change.role = connection.role();
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
