//! A small kernel with an engine that watches it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::engine::Engine;
use crate::model::event::{LostRequest, Output};
use crate::model::look::{Candidate, LocalPorts, Opener, Unheld, UnheldList};
use crate::model::observation::{End, Eof, Life, Observation, Open, ResetWrite};
use crate::model::process::{Descriptors, Identity, ProcessView};

/// What the kernel programs remember.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    /// What is half-closed.
    pub(super) half: BTreeMap<u64, HalfClosed>,
    /// Who opened what.
    pub(super) openers: BTreeMap<u64, Owner>,
    /// Sockets whose changes make records.
    pub(super) marked: BTreeSet<u64>,
    /// Sockets that no descriptor refers to, if they can be listed.
    pub(super) unheld: Option<Vec<Unheld>>,
    /// Who connected to whom lately.
    pub(super) connected: Vec<Opener>,
    /// The settings of namespaces that can be read.
    pub(super) ports: Vec<LocalPorts>,
    /// Processes that have ended.
    pub(super) ended: Vec<ProcessId>,
    /// What processes run, where that is known.
    pub(super) identities: BTreeMap<u32, Identity>,
    /// Descriptors of processes.
    pub(super) descriptors: BTreeMap<u32, Descriptors>,
    /// Addresses and role, where they are not those of a server's [`ends`].
    clients: BTreeMap<u64, Endpoints>,
    /// Written after the FIN: when first and how much.
    written: BTreeMap<u64, (Timestamp, u32)>,
    /// No record arrives.
    pub(super) records_lost: bool,
    /// Nothing is remembered.
    pub(super) places_lost: bool,
    /// So many milliseconds the host has slept, in which jiffies stood still.
    pub(super) slept: u64,
}

impl Kernel {
    fn process(&self, id: ProcessId) -> ProcessView {
        let ended = self.ended.contains(&id);
        ProcessView {
            id,
            ended,
            identity: (!ended).then(|| self.identities.get(&id.pid).cloned().unwrap_or_default()),
            descriptors: self.descriptors.get(&id.pid).copied(),
        }
    }

    /// The table of what is half-closed.
    pub(super) fn places(&self) -> Vec<Candidate> {
        let places = self.half.iter().map(|(&sock, half)| Candidate {
            sock,
            fin_at: half.fin_at,
        });
        places.collect()
    }
}

/// The kernel, an engine, and what it said.
pub(super) struct World {
    pub(super) kernel: Kernel,
    pub(super) engine: Engine,
    pub(super) events: Vec<Event>,
    /// Those about connections.
    pub(super) findings: Vec<Arc<Finding>>,
    /// When everything was looked at.
    pub(super) looks: Vec<u64>,
    pub(super) scans: usize,
    pub(super) lost: Vec<LostRequest>,
    pub(super) ports: Vec<(Vec<u32>, Vec<ProcessId>)>,
}

fn listed(sockets: Vec<Unheld>) -> UnheldList {
    UnheldList {
        namespaces: vec![1],
        sockets,
    }
}

impl World {
    /// Looked at only if somebody is due.
    pub(super) fn new() -> Self {
        Self::with(Settings::default())
    }

    /// As [`World::new`], with other settings.
    pub(super) fn with(settings: Settings) -> Self {
        Self::seeded(settings, &[])
    }

    /// As [`World::with`]; the first look finds these.
    pub(super) fn seeded(settings: Settings, sockets: &[SocketView]) -> Self {
        let settings = Settings {
            scan_interval: Duration::ZERO,
            ..settings
        };
        Self::begin(settings, sockets)
    }

    /// Looked at regularly.
    pub(super) fn scanning(settings: Settings) -> Self {
        Self::begin(settings, &[])
    }

    fn begin(settings: Settings, sockets: &[SocketView]) -> Self {
        let mut world = Self {
            kernel: Kernel {
                unheld: Some(Vec::new()),
                ..Kernel::default()
            },
            engine: Engine::new(settings),
            events: Vec::new(),
            findings: Vec::new(),
            looks: Vec::new(),
            scans: 0,
            lost: Vec::new(),
            ports: Vec::new(),
        };
        world.engine.handle_timeout(at(0));
        world.drain(at(0), &|_| sockets.to_vec());
        world
    }

    /// A look that began at `ms` and found this, and what is remembered of it.
    pub(super) fn snapshot(&self, ms: u64, mut sockets: Vec<SocketView>) -> Snapshot {
        for view in &mut sockets {
            let (half, opener) = (&self.kernel.half, &self.kernel.openers);
            let half = view.half().or_else(|| half.get(&view.sock).copied());
            view.half = half.map(Box::new);
            let opener = || opener.get(&view.sock).cloned();
            view.opener = view.opener.take().or_else(opener);
        }
        sockets.sort_unstable_by_key(|view| view.sock);
        Snapshot {
            taken: at(ms),
            took: Duration::from_millis(1),
            cost: Duration::from_millis(1),
            jiffies: Some(jiffies(ms - self.kernel.slept)),
            sockets,
            unheld: None,
            openers: Vec::new(),
        }
    }

    /// Carries out what the engine wants; a look finds what `answer` says.
    pub(super) fn drain(&mut self, now: Timestamp, answer: &dyn Fn(u64) -> Vec<SocketView>) {
        while let Some(output) = self.engine.next_output() {
            match output {
                Output::Event(event) => {
                    if let Some((_, finding)) = about_connection(&event) {
                        self.findings.push(Arc::clone(finding));
                    }
                    self.events.push(event);
                }
                Output::Scan => {
                    self.scans += 1;
                    self.engine.handle_scan(&self.kernel.places());
                }
                Output::Look { unheld } => {
                    self.looks.push(ms(now));
                    let mut snapshot = self.snapshot(ms(now), answer(ms(now)));
                    if unheld {
                        snapshot.unheld = self.kernel.unheld.clone().map(listed);
                        snapshot.openers.clone_from(&self.kernel.connected);
                    }
                    self.engine.handle_look(&snapshot, at(ms(now)));
                }
                Output::Mark(sock) => assert!(self.kernel.marked.insert(sock), "marked twice"),
                Output::Unmark(sock) => assert!(self.kernel.marked.remove(&sock), "never marked"),
                Output::Clear(place) => {
                    let half = self.kernel.half.get(&place.sock);
                    if half.is_some_and(|half| half.fin_at == place.fin_at) {
                        self.kernel.half.remove(&place.sock);
                    }
                }
                Output::SweepTimeWait(_) => {}
                Output::LostRequest(lost) => self.lost.push(lost),
                Output::LookAtPorts {
                    namespaces,
                    processes,
                } => {
                    self.ports.push((namespaces, processes));
                    let (ports, ended) = (&self.kernel.ports, &self.kernel.ended);
                    self.engine.handle_ports(ports, ended, now);
                }
                Output::LookAtProcesses(processes) => {
                    let known = processes.into_iter().map(|id| self.kernel.process(id));
                    let found: Vec<ProcessView> = known.collect();
                    self.engine.handle_processes(&found, now);
                }
            }
        }
    }

    /// Lets time pass to `ms`; a look finds what `answer` says for that moment.
    pub(super) fn run(&mut self, ms: u64, answer: impl Fn(u64) -> Vec<SocketView>) {
        loop {
            let due = self.engine.poll_timeout();
            if due > at(ms) {
                return;
            }
            self.engine.handle_timeout(due);
            self.drain(due, &answer);
        }
    }

    /// A record, if the socket is marked or the harm is rare.
    pub(super) fn tell(&mut self, ms: u64, n: u64, what: What) {
        let (time, sock) = (at(ms), sock(n));
        let rare = matches!(what, What::ResetWrite(_) | What::ResetQueued { .. });
        if !self.kernel.records_lost && (rare || self.kernel.marked.contains(&sock)) {
            self.engine.handle(&Observation { time, sock, what }, time);
            self.drain(time, &|_| Vec::new());
        }
    }

    /// A change of state.
    pub(super) fn state(&mut self, ms: u64, n: u64, from: TcpState, to: TcpState) {
        self.change(ms, n, change(n, from, to));
    }

    /// A change of state in every detail. The peer's FIN takes a place, the application's frees it.
    pub(super) fn change(&mut self, ms: u64, n: u64, mut change: StateChange) {
        let half = &mut self.kernel.half;
        if change.to == TcpState::CloseWait && !self.kernel.places_lost {
            half.insert(sock(n), fin(ms));
        } else if change.to == TcpState::LastAck {
            half.remove(&sock(n));
        }
        (change.endpoints, change.role) = (self.ends(n), self.role(n));
        self.tell(ms, n, What::State(change));
    }

    /// A process opens it.
    pub(super) fn opened(&mut self, ms: u64, n: u64, owner: Owner) {
        if !self.kernel.places_lost {
            self.kernel.openers.insert(sock(n), owner.clone());
        }
        let open = Open {
            endpoints: self.ends(n),
            state: TcpState::CloseWait,
            role: self.role(n),
            owner,
            inode: None,
        };
        self.tell(ms, n, What::Open(open));
    }

    /// The end-of-stream is handed to process 7.
    pub(super) fn eof(&mut self, ms: u64, n: u64) {
        self.eof_by(ms, n, 7);
    }

    /// The end-of-stream is handed to a process.
    pub(super) fn eof_by(&mut self, ms: u64, n: u64, pid: u32) {
        let half = self.kernel.half.get_mut(&sock(n));
        let fin_at = half.as_ref().map(|half| half.fin_at);
        if let Some(half) = half {
            half.eof_at = half.eof_at.or(Some(at(ms)));
            half.eof_by = half.eof_by.or(Some(pid));
            half.eof_count += 1;
        }
        let eof = Eof {
            endpoints: self.ends(n),
            state: TcpState::CloseWait,
            fin_at,
            pid,
            thread: pid,
        };
        self.tell(ms, n, What::Eof(eof));
    }

    /// A receive takes the last data and the FIN.
    pub(super) fn takes_all(&mut self, n: u64) {
        if let Some(half) = self.kernel.half.get_mut(&sock(n)) {
            half.fin_with_data = true;
        }
    }

    /// Data are written after the FIN.
    pub(super) fn write(&mut self, ms: u64, n: u64, bytes: u32) {
        let written = &mut self.kernel.written;
        written.entry(sock(n)).or_insert((at(ms), 0)).1 += bytes;
    }

    /// The peer resets it, in CLOSE_WAIT.
    pub(super) fn reset(&mut self, ms: u64, n: u64) {
        self.reset_write(ms, n);
        let mut end = change(n, TcpState::CloseWait, TcpState::Closed);
        end.error = 32;
        self.change(ms, n, end);
    }

    /// What is told of a reset if data had been written after the FIN.
    pub(super) fn reset_write(&mut self, ms: u64, n: u64) {
        let half = self.kernel.half.get(&sock(n));
        let Some((half, &(sent_at, bytes))) = half.zip(self.kernel.written.get(&sock(n))) else {
            return;
        };
        let reset = ResetWrite {
            endpoints: self.ends(n),
            role: self.role(n),
            fin_at: half.fin_at,
            bytes: u64::from(bytes),
            sent_at: Some(sent_at),
            eof_at: half.eof_at,
            eof_by: half.eof_by,
            dead: false,
        };
        self.tell(ms, n, What::ResetWrite(reset));
    }

    /// The memory of its socket is freed.
    pub(super) fn end(&mut self, ms: u64, n: u64) {
        let end = End {
            endpoints: self.ends(n),
            role: self.role(n),
            life: Life::default(),
            bytes_sent: 0,
            bytes_received: 0,
            cookie: None,
        };
        self.kernel.half.remove(&sock(n));
        self.tell(ms, n, What::End(end));
    }

    /// A connection accepted by process 7 whose peer hangs up at `fin`.
    pub(super) fn half_closed(&mut self, n: u64, fin: u64) {
        self.opened(0, n, owner(7, Attribution::Accept));
        self.state(fin, n, TcpState::Established, TcpState::CloseWait);
    }

    /// A connection opened by process 7 whose server hangs up at `fin`.
    pub(super) fn client_half_closed(&mut self, n: u64, fin: u64) {
        self.kernel.clients.insert(sock(n), ends(n).reversed());
        self.opened(0, n, owner(7, Attribution::Connect));
        self.state(fin, n, TcpState::Established, TcpState::CloseWait);
    }

    fn ends(&self, n: u64) -> Endpoints {
        let client = self.kernel.clients.get(&sock(n));
        client.copied().unwrap_or_else(|| ends(n))
    }

    fn role(&self, n: u64) -> Role {
        match self.kernel.clients.get(&sock(n)) {
            Some(_) => Role::Client,
            None => Role::Server,
        }
    }

    pub(super) fn verdicts(&self) -> Vec<(Action, Verdict)> {
        self.findings
            .iter()
            .map(|f| (f.action, f.verdict))
            .collect()
    }

    pub(super) fn last(&self) -> &Finding {
        self.findings.last().unwrap()
    }

    /// The connection in the last finding's event.
    pub(super) fn shown(&self) -> &Connection {
        let last = self.events.iter().rev().find_map(about_connection);
        last.expect("there is a finding").0
    }

    pub(super) fn resolution(&self) -> Option<Resolution> {
        self.findings.last().and_then(|finding| finding.resolution)
    }
}
