//! A small kernel: what really happens to some connections, and the records that tell of it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "in most states most acts do nothing"
)]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::look::Candidate;
use crate::model::observation::{End, Life, Observation, ResetWrite};

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
    /// The end of the stream is seen and left where it is.
    Peek,
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
    pub(super) sock: u64,
    /// It is the n-th one.
    pub(super) number: u64,
    pub(super) ends: Endpoints,
    pub(super) state: TcpState,
    /// The full socket exists.
    pub(super) full: bool,
    /// A descriptor refers to it, or it waits in the accept queue.
    pub(super) open: bool,
    pub(super) accepted: bool,
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
    /// Last write after the FIN.
    pub(super) written: Option<u64>,
    pub(super) received: u64,
    acked: u64,
    pub(super) fin_at: u64,
    pub(super) sent: u64,
    pub(super) sent_at_fin: u64,
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

    fn opened_by(&self) -> Attribution {
        if self.client {
            Attribution::Connect
        } else {
            Attribution::Accept
        }
    }
}

/// What becomes of places in the kernel programs' tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Places {
    Kept,
    /// Those of every other FIN find no room.
    Some,
    /// Nothing is remembered.
    Lost,
}

/// The kernel.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: u64,
    pub(super) connections: Vec<Truth>,
    /// Records that the agent has not got yet.
    pub(super) ring: Vec<Observation>,
    /// Sockets whose changes make records.
    pub(super) marked: BTreeSet<u64>,
    half: BTreeMap<u64, HalfClosed>,
    openers: BTreeMap<u64, Owner>,
    places: Places,
    births: u64,
    /// The socket of every connection there was.
    pub(super) socks: BTreeMap<u64, u64>,
    fins: u64,
    /// Connections that were reset after a write that came after the FIN: which, when, and whether it should have
    /// known better.
    pub(super) refused: Vec<(u64, u64, bool)>,
}

impl Model {
    pub(super) const fn new(places: Places) -> Self {
        Self {
            now: 0,
            connections: Vec::new(),
            ring: Vec::new(),
            marked: BTreeSet::new(),
            half: BTreeMap::new(),
            openers: BTreeMap::new(),
            places,
            births: 0,
            socks: BTreeMap::new(),
            fins: 0,
            refused: Vec::new(),
        }
    }

    pub(super) fn act(&mut self, socket: usize, act: Act) {
        if matches!(act, Act::Birth | Act::Connect) {
            return self.birth(socket, matches!(act, Act::Connect));
        }
        let sock = sock(socket as u64);
        let found = self
            .connections
            .iter()
            .rposition(|c| c.sock == sock && c.full);
        let Some(index) = found else { return };
        match (act, self.connections[index].state) {
            (Act::Fin, _) => {
                self.answers(index);
                self.fin(index);
            }
            (Act::AckOfFin, _) => {
                self.answers(index);
                self.ack_of_fin(index);
            }
            (Act::Return, _) => self.answers(index),
            (Act::Flood, TcpState::Established) => {
                self.answers(index);
                self.flood(index);
            }
            (Act::Reset, TcpState::Closed) => {}
            (Act::Reset, _) => self.reset(index),
            _ => self.app(index, act),
        }
    }

    /// The peer resets it.
    fn reset(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        connection.error = 104;
        let (role, endpoints) = (connection.role(), connection.ends);
        let Truth { sock, sent, .. } = *connection;
        let half = self.half.get(&sock).copied();
        let queued = connection.open && !connection.accepted;
        let half = half.filter(|_| connection.state == TcpState::CloseWait);
        if let Some((half, written)) = half.zip(connection.written) {
            let told = connection.eof_at.is_some_and(|told| told <= written);
            let careless = told || (connection.client && written >= connection.fin_at + 100);
            self.refused.push((connection.number, self.now, careless));
            let reset = ResetWrite {
                endpoints,
                role,
                fin_at: half.fin_at,
                bytes: sent - u64::from(half.write_seq),
                sent_at: Some(at(written)),
                eof_at: half.eof_at,
                eof_by: half.eof_by,
                dead: false,
            };
            self.record(index, What::ResetWrite(reset));
        }
        if queued {
            self.record(index, What::ResetQueued { endpoints });
        }
        self.closed(index, |c| c.error = 104);
    }

    fn birth(&mut self, socket: usize, client: bool) {
        let sock = sock(socket as u64);
        if self.connections.iter().any(|c| c.full && c.sock == sock) {
            return;
        }
        self.now += 1;
        self.connections.retain(|c| c.full);
        self.births += 1;
        self.socks.insert(self.births, sock);
        self.openers.remove(&sock);
        self.connections.push(Truth {
            sock,
            number: self.births,
            // A server's next connection comes from another port.
            ends: ends(if client {
                socket as u64
            } else {
                10 + self.births
            }),
            state: if client {
                TcpState::SynSent
            } else {
                TcpState::SynReceived
            },
            full: true,
            open: true,
            accepted: client,
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
            acked: 0,
            fin_at: 0,
            sent: 0,
            sent_at_fin: 0,
        });
        let index = self.connections.len() - 1;
        if client {
            self.opened(index);
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
                connection.fin_at = self.now;
                connection.sent_at_fin = connection.sent;
                connection.busy_at = self.now;
                self.remember_fin(index);
                self.turn(index, TcpState::CloseWait, |_| {});
            }
            TcpState::FinWait1 => self.turn(index, TcpState::Closing, |_| {}),
            TcpState::FinWait2 => self.time_wait(index, TcpState::TimeWait),
            _ => {}
        }
    }

    fn remember_fin(&mut self, index: usize) {
        let connection = &self.connections[index];
        self.fins += 1;
        let kept = match self.places {
            Places::Kept => true,
            Places::Some => self.fins.is_multiple_of(2),
            Places::Lost => false,
        };
        let sequence = |bytes| u32::try_from(bytes).unwrap();
        let place = HalfClosed {
            snd_una: sequence(connection.acked),
            write_seq: sequence(connection.sent),
            unread: connection.unread,
            ..fin(self.now)
        };
        if kept {
            self.half.insert(connection.sock, place);
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
        let endpoints = self.connections[index].ends;
        let what = What::TimeWaitEntered {
            endpoints,
            substate,
        };
        self.record(index, what);
        self.closed(index, |c| c.fin_received = substate == TcpState::TimeWait);
    }

    fn closed(&mut self, index: usize, edit: impl FnOnce(&mut StateChange)) {
        self.turn(index, TcpState::Closed, edit);
        if !self.connections[index].open {
            self.release(index);
        }
    }

    /// The memory of the socket is freed.
    fn release(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        connection.full = false;
        let (sock, role) = (connection.sock, connection.role());
        let end = End {
            endpoints: connection.ends,
            role,
            life: Life::default(),
            bytes_sent: connection.sent,
            bytes_received: connection.received,
            cookie: None,
        };
        self.record(index, What::End(end));
        self.half.remove(&sock);
        self.marked.remove(&sock);
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
        connection.busy_at = self.now;
        self.record(index, What::State(change));
    }

    fn record(&mut self, index: usize, what: What) {
        let (time, sock) = (at(self.now), self.connections[index].sock);
        let rare = matches!(what, What::ResetWrite(_) | What::ResetQueued { .. });
        if rare || self.marked.contains(&sock) {
            self.ring.push(Observation { time, sock, what });
        }
    }

    /// From now on every change of this socket makes a record, if it still exists.
    pub(super) fn mark(&mut self, sock: u64) {
        if self.connections.iter().any(|c| c.full && c.sock == sock) {
            self.marked.insert(sock);
        }
    }

    /// The table of what is half-closed.
    pub(super) fn scan(&self) -> Vec<Candidate> {
        let places = self.half.iter().map(|(&sock, half)| Candidate {
            sock,
            fin_at: half.fin_at,
        });
        places.collect()
    }

    /// Frees a place unless it was taken anew.
    pub(super) fn clear(&mut self, place: Candidate) {
        let half = self.half.get(&place.sock);
        if half.is_some_and(|half| half.fin_at == place.fin_at) {
            self.half.remove(&place.sock);
        }
    }

    /// Whether what the kernel programs should have noted is there.
    pub(super) fn remembers(&self, sock: u64) -> bool {
        self.half.contains_key(&sock)
    }
}
