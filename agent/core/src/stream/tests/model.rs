//! A small kernel: what really happens to some connections, and the records that tell of it.

use super::*;

/// Sockets that the model's kernel has memory for; their addresses are reused.
pub(super) const SOCKETS: usize = 4;

/// Something that happens to a socket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Birth,
    /// A client's connection.
    Connect,
    /// The handshake of a client's connection ends.
    Answer,
    Accept,
    Fin,
    Read,
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
    client: bool,
    changed: u64,
    eof_told: bool,
    closed: bool,
    pub(super) life: Life,
}

impl Truth {
    fn role(&self) -> Role {
        if self.client {
            Role::Client
        } else {
            Role::Server
        }
    }

    /// Whether it goes on in any way.
    pub(super) fn is_alive(&self) -> bool {
        self.full && self.state != TcpState::Closed || self.minisock.is_some()
    }

    /// Its state, or that of the minisock that goes on in its place.
    pub(super) fn seen_state(&self) -> TcpState {
        self.minisock.map_or(self.state, |(substate, _)| substate)
    }

    /// As a look finds it, if a descriptor or an accept queue leads to it.
    pub(super) fn seen(&self) -> Option<SocketView> {
        let fin_at = self.life.fin_received;
        (self.full && self.open).then(|| SocketView {
            sock: self.key.sock,
            endpoints: self.ends,
            state: self.state,
            role: self.role(),
            opener: None,
            holders: self.accepted.then(|| holder(7, 5)).into_iter().collect(),
            queued: None,
            inode: None,
            cookie: None,
            half: fin_at.map(|fin_at| {
                Box::new(HalfClosed {
                    unread: 0,
                    ..HalfClosed::at(fin_at)
                })
            }),
            fin_behind_hole: false,
            halted: None,
            waiting: None,
            counters: None,
        })
    }

    /// As the list of what no descriptor refers to has it.
    pub(super) fn unheld(&self) -> Option<Unheld> {
        let endpoints = self.ends;
        if let Some((state, _)) = self.minisock {
            return Some(Unheld {
                endpoints,
                state,
                minisock: true,
            });
        }
        (self.full && !self.open).then_some(Unheld {
            endpoints,
            state: self.state,
            minisock: false,
        })
    }
}

/// The kernel.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) now: u64,
    pub(super) connections: Vec<Truth>,
    /// Records that the agent has not got yet.
    pub(super) ring: Vec<Observation>,
    /// What is asked for.
    pub(super) interest: Interest,
    /// Hooks tell of minisocks.
    pub(super) time_wait_hooks: bool,
    /// The lives that have ended.
    pub(super) lives: Vec<(SocketKey, Life)>,
}

impl Model {
    pub(super) fn act(&mut self, socket: usize, act: Act) {
        if matches!(act, Act::Birth | Act::Connect) {
            return self.birth(socket, matches!(act, Act::Connect));
        }
        let sock = sock(socket as u64);
        // The full socket; without one, the youngest minisock.
        let found = self
            .connections
            .iter()
            .rposition(|c| c.key.sock == sock && (c.full || c.minisock.is_some()));
        let Some(index) = found else { return };
        let connection = &mut self.connections[index];
        if let (Act::Fin, Some((substate, since))) = (act, &mut connection.minisock) {
            *substate = TcpState::TimeWait;
            *since = self.now;
            return;
        }
        let state = connection.state;
        match act {
            _ if !connection.full => {}
            Act::Fin => self.fin(index),
            Act::AckOfFin => self.ack_of_fin(index),
            Act::Answer if state == TcpState::SynSent => {
                self.turn(index, TcpState::Established, |_| {});
            }
            Act::Reset if state != TcpState::Closed => self.closed(index, |c| c.error = 104),
            Act::Accept if connection.open && !connection.accepted => {
                connection.accepted = true;
                self.opened(index);
            }
            _ => self.app(index, act),
        }
    }

    /// What the application does.
    fn app(&mut self, index: usize, act: Act) {
        let connection = &mut self.connections[index];
        let state = connection.state;
        if !connection.open || !connection.accepted {
            return;
        }
        match act {
            Act::Read if state == TcpState::CloseWait && !connection.eof_told => {
                connection.eof_told = true;
                let eof = Eof {
                    endpoints: connection.ends,
                    state,
                    fin_at: connection.life.fin_received,
                    pid: 7,
                    thread: 7,
                };
                if self.interest.eof {
                    self.record(index, What::Eof(eof));
                }
            }
            Act::Shutdown => self.send_fin(index, false),
            Act::Close if state == TcpState::SynSent => {
                self.connections[index].open = false;
                self.closed(index, |change| change.closed = true);
            }
            Act::Close => {
                self.send_fin(index, true);
                self.drop_descriptor(index);
            }
            _ => {}
        }
    }

    fn birth(&mut self, socket: usize, client: bool) {
        let sock = sock(socket as u64);
        let mut all = self.connections.iter();
        if all.any(|c| c.full && c.key.sock == sock) {
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
                TcpState::Closed
            } else {
                TcpState::Listen
            },
            full: true,
            open: true,
            accepted: client,
            minisock: None,
            client,
            changed: self.now,
            eof_told: false,
            closed: false,
            life: Life {
                opened: Some(birth),
                ..Life::default()
            },
        });
        let index = self.connections.len() - 1;
        if client {
            self.turn(index, TcpState::SynSent, |_| {});
            self.opened(index);
        } else {
            self.turn(index, TcpState::SynReceived, |_| {});
            self.turn(index, TcpState::Established, |_| {});
        }
    }

    /// The peer's FIN arrives.
    fn fin(&mut self, index: usize) {
        match self.connections[index].state {
            TcpState::Established => self.turn(index, TcpState::CloseWait, |_| {}),
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
        if !self.connections[index].open {
            self.freed(index);
        }
    }

    fn turn(&mut self, index: usize, to: TcpState, edit: impl FnOnce(&mut StateChange)) {
        let now = at(self.now);
        let connection = &mut self.connections[index];
        let mut change = change(0, connection.state, to);
        change.endpoints = connection.ends;
        change.role = connection.role();
        let born = matches!(connection.state, TcpState::Closed | TcpState::Listen);
        change.entered = (!born).then(|| at(connection.changed));
        change.dead = !connection.open;
        change.unattached = !connection.accepted;
        edit(&mut change);
        connection.state = to;
        connection.changed = self.now;
        connection.closed |= change.closed;
        let life = &mut connection.life;
        match to {
            TcpState::Established => life.established = Some(now),
            TcpState::CloseWait | TcpState::Closing => life.fin_received = Some(now),
            TcpState::FinWait1 | TcpState::LastAck => life.fin_sent = Some(now),
            TcpState::FinWait2 => life.fin_acked = Some(now),
            TcpState::Closed => {
                life.last = Some(LastChange {
                    time: now,
                    from: change.from,
                    error: change.error,
                    fin_received: change.fin_received,
                    shutdown: false,
                    closed: connection.closed || change.dead,
                    exiting: false,
                });
            }
            _ => {}
        }
        if self.interest.tells(to) || to == TcpState::Closed && !self.time_wait_hooks {
            self.record(index, What::State(change));
        }
    }

    /// The opener is seen.
    fn opened(&mut self, index: usize) {
        let connection = &self.connections[index];
        let open = Open {
            endpoints: connection.ends,
            state: connection.state,
            role: connection.role(),
            owner: owner(7, Attribution::Accept),
            inode: None,
        };
        self.record(index, What::Open(open));
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
        let connection = &mut self.connections[index];
        connection.open = false;
        connection.closed = true;
        match connection.state {
            TcpState::Closed => self.freed(index),
            TcpState::FinWait2 => self.time_wait(index, TcpState::FinWait2),
            _ => {}
        }
    }

    /// The full socket's memory is freed.
    fn freed(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        connection.full = false;
        let end = End {
            endpoints: connection.ends,
            role: connection.role(),
            life: connection.life.clone(),
            bytes_sent: 0,
            bytes_received: 0,
            cookie: None,
        };
        self.lives.push((connection.key, connection.life.clone()));
        self.record(index, What::End(end));
    }

    fn record(&mut self, index: usize, what: What) {
        let (time, sock) = (at(self.now), self.connections[index].key.sock);
        self.ring.push(Observation { time, sock, what });
    }

    /// Ends these minisocks.
    pub(super) fn leave_time_wait(&mut self, which: impl Fn(&Truth) -> bool) {
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            if connection.minisock.is_none() || !which(connection) {
                continue;
            }
            connection.minisock = None;
            let endpoints = connection.ends;
            if self.time_wait_hooks {
                let (time, sock) = (at(self.now), 0);
                let what = What::TimeWaitLeft { endpoints };
                self.ring.push(Observation { time, sock, what });
            }
        }
    }

    /// What a pass finds that began when this was true and ends now, and what is true of each socket when it comes to
    /// it: of half of them at its beginning, of the others at its end.
    pub(super) fn look<'a>(
        &'a self,
        (began, before): &'a (u64, Vec<Truth>),
    ) -> (Snapshot, Vec<&'a Truth>) {
        let early = |truth: &&Truth| truth.key.sock.is_multiple_of(0x2000);
        let first = before.iter().filter(early);
        let second = self.connections.iter().filter(|c| !early(c));
        let visited: Vec<&Truth> = first.chain(second).collect();
        let sockets = visited.iter().filter_map(|truth| truth.seen()).collect();
        let look = Snapshot {
            took: Duration::from_millis(self.now - began),
            cost: Duration::from_millis(self.now - began),
            unheld: Some(listed(
                self.connections.iter().filter_map(Truth::unheld).collect(),
            )),
            ..snapshot(*began, sockets)
        };
        (look, visited)
    }
}
