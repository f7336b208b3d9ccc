//! Tests of the tracker as a whole: a small world to tell it about, and what it must say.

mod accept;
mod both;
mod crowd;
mod growth;
mod justice;
mod life;
mod model;
mod open;
mod order;
mod particular;
mod pooled;
mod pressure;
mod properties;
mod repair;
mod run;
mod spin;
mod time_wait;
mod verdicts;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::settings::Settings;
use super::tracker::Tracker;
use crate::model::event::{Body, Event, Output, Transition};
use crate::model::finding::{Action, Finding, Resolution, Severity, Verdict};
use crate::model::observation::{
    Observation, Snapshot, SocketCounters, SocketView, StateChange, What,
};
use crate::model::socket::{
    Attribution, Endpoints, Holder, Owner, Process, ProcessId, Role, SocketKey,
};
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;

const EVERY_STATE: [TcpState; 11] = [
    TcpState::Closed,
    TcpState::Listen,
    TcpState::SynSent,
    TcpState::SynReceived,
    TcpState::Established,
    TcpState::CloseWait,
    TcpState::LastAck,
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::Closing,
    TcpState::TimeWait,
];

/// Milliseconds since a moment long after the boot.
fn at(ms: u64) -> Timestamp {
    Timestamp::from_nanos(1_000_000_000_000 + ms * 1_000_000)
}

/// The n-th connection.
fn key(n: u64) -> SocketKey {
    SocketKey {
        sock: 0xffff_8880_0000_0000 + n * 0x1000,
        birth: at(0),
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The n-th connection's addresses.
fn ends(n: u64) -> Endpoints {
    Endpoints {
        local: addr("10.0.0.2:80"),
        peer: SocketAddr::new(addr("10.0.0.1:0").ip(), 1000 + u16::try_from(n).unwrap()),
        netns: 1,
    }
}

fn process(pid: u32) -> Arc<Process> {
    Arc::new(Process {
        id: ProcessId {
            pid,
            start: Timestamp::from_nanos(u64::from(pid)),
        },
        comm: format!("app{pid}").into(),
        uid: Some(0),
        cgroup: None,
        group: None,
    })
}

fn owner(pid: u32, attribution: Attribution) -> Owner {
    Owner {
        process: process(pid),
        thread: Some(pid),
        attribution,
        since: at(0),
    }
}

fn holder(pid: u32, fd: u32) -> Holder {
    Holder {
        process: process(pid),
        fd,
    }
}

fn change(n: u64, from: TcpState, to: TcpState) -> StateChange {
    StateChange {
        endpoints: ends(n),
        from,
        to,
        role: Role::Server,
        error: 0,
        dead: false,
        fin_received: false,
        shutdown: false,
        closed: false,
        exiting: false,
        unattached: false,
        unread: u32::from(to == TcpState::CloseWait),
        actor: None,
        cookie: None,
    }
}

/// The n-th connection as a look finds it: in CLOSE_WAIT, its FIN unread, held by process 7 as descriptor 5.
fn view(n: u64) -> SocketView {
    SocketView {
        key: key(n),
        endpoints: ends(n),
        state: TcpState::CloseWait,
        changed: None,
        role: Role::Server,
        owner: None,
        holders: vec![holder(7, 5)],
        queued: None,
        inode: Some(4000 + n),
        cookie: None,
        fin_at: None,
        eof_at: None,
        eof_count: 0,
        fin_with_data: false,
        write_at: None,
        write_bytes: 0,
        refused_at: None,
        sent_at_fin: Some(0),
        waiting: None,
        counters: Some(SocketCounters {
            unread: 1,
            ..SocketCounters::default()
        }),
    }
}

/// As [`view`], with everything read.
fn drained(n: u64) -> SocketView {
    SocketView {
        fin_with_data: true,
        counters: Some(SocketCounters::default()),
        ..view(n)
    }
}

fn snapshot(ms: u64, mut sockets: Vec<SocketView>) -> Snapshot {
    sockets.sort_unstable_by_key(|view| view.key);
    Snapshot {
        taken: at(ms),
        took: Duration::from_millis(1),
        sockets,
        time_wait: None,
    }
}

/// A tracker with its outputs sorted into what they are.
struct World {
    tracker: Tracker,
    transitions: Vec<(TcpState, TcpState, Cause)>,
    events: Vec<Event>,
    findings: Vec<Arc<Finding>>,
    inspect: Vec<Vec<SocketKey>>,
    sweeps: Vec<Vec<u32>>,
    ports: Vec<(Vec<u32>, Vec<ProcessId>)>,
    resyncs: usize,
}

impl World {
    /// Seeded with nothing, telling every state.
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        Self::seeded(settings, Vec::new())
    }

    fn seeded(settings: Settings, sockets: Vec<SocketView>) -> Self {
        let mut world = Self {
            tracker: Tracker::new(Settings {
                reported: BTreeSet::from(EVERY_STATE),
                scan_interval: Duration::ZERO,
                ..settings
            }),
            transitions: Vec::new(),
            events: Vec::new(),
            findings: Vec::new(),
            inspect: Vec::new(),
            sweeps: Vec::new(),
            ports: Vec::new(),
            resyncs: 0,
        };
        world.tracker.handle_snapshot(&snapshot(0, sockets), at(0));
        world.drain();
        world
    }

    fn drain(&mut self) {
        while let Some(output) = self.tracker.next_output() {
            match output {
                Output::Event(event) => {
                    if let Body::Transition { transition, .. } = &event.body {
                        let Transition {
                            from, to, cause, ..
                        } = *transition;
                        self.transitions.push((from, to, cause));
                    }
                    if let Body::Finding { finding, .. } = &event.body {
                        self.findings.push(Arc::clone(finding));
                    }
                    self.events.push(event);
                }
                Output::Inspect(keys) => self.inspect.push(keys),
                Output::SweepTimeWait(namespaces) => self.sweeps.push(namespaces),
                Output::LookAtPorts {
                    namespaces,
                    processes,
                } => self.ports.push((namespaces, processes)),
                Output::Resync => self.resyncs += 1,
            }
        }
    }

    fn tell(&mut self, ms: u64, key: SocketKey, what: What) {
        let time = at(ms);
        self.tracker.handle(Observation { time, key, what }, time);
        self.drain();
    }

    fn state(&mut self, ms: u64, n: u64, from: TcpState, to: TcpState) {
        self.tell(ms, key(n), What::State(change(n, from, to)));
    }

    fn owned(&mut self, ms: u64, n: u64, owner: Owner) {
        let what = What::Owner {
            endpoints: ends(n),
            state: TcpState::Established,
            role: Role::Server,
            owner,
            inode: None,
        };
        self.tell(ms, key(n), what);
    }

    fn eof(&mut self, ms: u64, n: u64) {
        self.tell(ms, key(n), What::Eof { pid: 7, thread: 7 });
    }

    /// A connection accepted by process 7 whose peer hangs up at `fin`.
    fn half_closed(&mut self, n: u64, fin: u64) {
        self.state(0, n, TcpState::SynReceived, TcpState::Established);
        self.owned(0, n, owner(7, Attribution::Accept));
        self.state(fin, n, TcpState::Established, TcpState::CloseWait);
    }

    /// Lets time pass to `ms`, answering every question with what `answer` finds at that moment.
    fn run(&mut self, ms: u64, answer: impl Fn(u64) -> Vec<SocketView>) {
        while let Some(due) = self.tracker.poll_timeout().filter(|&due| due <= at(ms)) {
            self.tracker.handle_timeout(due);
            let looks = self.inspect.len();
            self.drain();
            if self.inspect.len() > looks {
                let now = (due.as_nanos() - at(0).as_nanos()).div_ceil(1_000_000);
                self.tracker
                    .handle_snapshot(&snapshot(now, answer(now)), at(now));
                self.drain();
            }
        }
    }

    fn verdicts(&self) -> Vec<(Action, Verdict)> {
        self.findings
            .iter()
            .map(|f| (f.action, f.verdict))
            .collect()
    }

    fn last(&self) -> &Finding {
        self.findings.last().unwrap()
    }

    fn resolution(&self) -> Option<Resolution> {
        self.findings.last().and_then(|finding| finding.resolution)
    }
}
