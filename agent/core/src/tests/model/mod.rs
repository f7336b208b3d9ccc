//! A small kernel: what really happens to some connections, and the records that tell of it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "in most states most acts do nothing"
)]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::look::Candidate;
use crate::model::observation::Observation;

mod app;
mod end;
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
    pub(super) acked: u64,
    pub(super) fin_at: u64,
    pub(super) sent: u64,
    pub(super) acked_at_fin: u64,
    /// When its peer ended it, or it ended.
    pub(super) ended_at: u64,
    /// When it came into its state.
    pub(super) over_at: u64,
    pub(super) fin_received: bool,
    /// When it was accepted.
    pub(super) accepted_at: u64,
    /// When something was last read.
    pub(super) read_at: u64,
    /// `lsndtime`, `lrcvtime`, and when anything was heard.
    pub(super) stamps: Stamps,
    /// As they were when its peer ended it.
    pub(super) at_end: Stamps,
}

/// When data was last sent and received, and anything heard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamps {
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) heard: u64,
}

impl Truth {
    pub(super) fn role(&self) -> Role {
        if self.client {
            Role::Client
        } else {
            Role::Server
        }
    }

    /// Who has its descriptor: the opener, or the child that was started when it was handed over.
    pub(super) fn holder(&self) -> Holder {
        if self.holder == 7 {
            return holder(7, 5);
        }
        Holder {
            process: heir(self.holder, self.handed_at),
            fd: 5,
        }
    }

    /// Somebody has taken data that were sent after the FIN, and waits for nothing more.
    pub(super) fn is_read(&self) -> bool {
        self.acked > self.acked_at_fin && self.acked == self.sent
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

impl Stamps {
    const fn at(now: u64) -> Self {
        Self {
            sent: now,
            received: now,
            heard: now,
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
    /// When writes that came after the FIN were answered by a reset, and whether a client's that should have known
    /// better.
    pub(super) refused: Vec<(u64, bool)>,
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
            acked_at_fin: 0,
            ended_at: 0,
            over_at: 0,
            fin_received: false,
            accepted_at: 0,
            read_at: 0,
            stamps: Stamps::at(self.now),
            at_end: Stamps::default(),
        });
        let index = self.connections.len() - 1;
        if client {
            self.opened(index);
        }
        self.turn(index, TcpState::Established, |_| {});
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
        connection.over_at = self.now;
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
