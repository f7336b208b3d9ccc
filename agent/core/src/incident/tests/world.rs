//! Incidents, told of findings and asked what they say.

use std::net::SocketAddr;

use super::super::*;
use crate::model::event::{Connection, Event};
use crate::model::finding::{Confidence, Evidence, Resolution, Severity, Verdict, Weight};
use crate::model::process::{Descriptors, Identity};
use crate::model::run::Halt;
use crate::model::socket::{Attribution, Endpoints, Holder, Owner, SocketKey};
use crate::model::state::TcpState;

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos((1_000_000 + seconds) * 1_000_000_000)
}

pub(super) fn process(pid: u32) -> Arc<Process> {
    Arc::new(Process {
        id: ProcessId {
            pid,
            start: Timestamp::from_nanos(u64::from(pid)),
        },
        comm: format!("app-{}", pid % 3).into(),
        uid: None,
        cgroup: None,
        group: None,
    })
}

/// What is said of one finding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) id: u64,
    pub(super) action: Action,
    pub(super) verdict: Verdict,
    pub(super) pid: u32,
    pub(super) port: u16,
    pub(super) since: u64,
    pub(super) halted: bool,
    pub(super) weight: Weight,
}

pub(super) const fn told(id: u64, action: Action, since: u64) -> Told {
    Told {
        id,
        action,
        verdict: Verdict::NotClosed,
        pid: 7,
        port: 80,
        since,
        halted: false,
        weight: Weight::Shared,
    }
}

pub(super) fn body(told: Told) -> Body {
    let resolved = told.action == Action::Resolved;
    let owner = Owner {
        process: process(told.pid),
        thread: None,
        attribution: Attribution::Accept,
        since: at(0),
    };
    let holder = Holder {
        process: Arc::clone(&owner.process),
        fd: 5,
    };
    Body::Finding {
        connection: Connection {
            key: SocketKey {
                sock: told.id,
                birth: at(0),
            },
            endpoints: Endpoints {
                local: SocketAddr::new([10, 0, 0, 2].into(), told.port),
                peer: "10.0.0.1:5000".parse().unwrap(),
                netns: 1,
            },
            role: Role::Server,
            state: TcpState::CloseWait,
            owner: Some(owner),
            peer_owner: None,
            peer_state: None,
            inode: None,
            cookie: None,
        },
        finding: Arc::new(Finding {
            id: told.id,
            action: told.action,
            verdict: told.verdict,
            severity: Severity::Info,
            weight: told.weight,
            incident: None,
            confidence: Confidence::Proven,
            opened: at(told.since),
            half_closed_since: Some(at(told.since)),
            half_closed: None,
            summary: String::new(),
            hint: String::new(),
            evidence: Evidence {
                halted: told.halted.then_some(Halt::Stopped),
                ..Evidence::default()
            },
            holders: vec![holder],
            history: Vec::new(),
            verdict_changes: 0,
            resolution: resolved.then_some(Resolution::ClosedByApp),
            ended_after: None,
        }),
    }
}

pub(super) fn event(second: u64, body: Body) -> Event {
    let time = at(second);
    Event { time, body }
}

/// Incidents, and what they have said.
#[derive(Default)]
pub(super) struct World {
    pub(super) incidents: Incidents,
    pub(super) settings: Settings,
    pub(super) out: Outbox,
    pub(super) events: Vec<(u64, Arc<Incident>)>,
    pub(super) descriptors: Option<Descriptors>,
    pub(super) ended: bool,
    pub(super) looked_at: usize,
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self::default();
        world.tick(0);
        world
    }

    pub(super) fn hear(&mut self, second: u64, what: Told) {
        self.take(second, Output::Event(event(second, body(what))));
    }

    /// Takes it; what it is told as.
    pub(super) fn take(&mut self, second: u64, mut output: Output) -> Output {
        self.incidents.hear(&mut output, &self.settings, at(second));
        output
    }

    /// Takes it; how severe it is told to be.
    pub(super) fn severity(&mut self, second: u64, what: Told) -> Severity {
        let output = Output::Event(event(second, body(what)));
        let Output::Event(Event {
            body: Body::Finding { finding, .. },
            ..
        }) = self.take(second, output)
        else {
            unreachable!("it is one");
        };
        finding.severity
    }

    /// Tells and answers until there is nothing left to do.
    pub(super) fn tick(&mut self, second: u64) {
        let now = at(second);
        self.incidents.tell(&self.settings, now, &mut self.out);
        while let Some(output) = self.out.pop() {
            match output {
                Output::Event(Event {
                    body: Body::Incident(incident),
                    ..
                }) => self.events.push((second, incident)),
                Output::LookAtProcesses(processes) => {
                    self.looked_at += processes.len();
                    let found: Vec<_> = processes.into_iter().map(|id| self.found(id)).collect();
                    let settings = &self.settings;
                    self.incidents.handle_processes(&found, settings, now);
                    self.incidents.tell(settings, now, &mut self.out);
                }
                Output::Event(_)
                | Output::Scan
                | Output::Look { .. }
                | Output::Mark(_)
                | Output::Unmark(_)
                | Output::Clear(_)
                | Output::SweepTimeWait(_)
                | Output::LookAtPorts { .. }
                | Output::LostRequest(_) => panic!("incidents want nothing of the kind"),
            }
        }
    }

    pub(super) fn found(&self, id: ProcessId) -> ProcessView {
        ProcessView {
            id,
            ended: self.ended,
            identity: Some(Identity {
                executable: Some(format!("/usr/bin/app{}", id.pid % 3).into()),
                arguments: Vec::new(),
                cgroup: Some(format!("/system.slice/unit-{}.service", id.pid % 3).into()),
                container: None,
            }),
            descriptors: self.descriptors,
        }
    }

    pub(super) fn run(&mut self, seconds: std::ops::RangeInclusive<u64>) {
        for second in seconds {
            self.tick(second);
        }
    }

    pub(super) fn actions(&self) -> Vec<(u64, Action, Severity)> {
        let told = self.events.iter();
        told.map(|(at, incident)| (*at, incident.action, incident.severity))
            .collect()
    }

    pub(super) fn last(&self) -> &Incident {
        &self.events.last().unwrap().1
    }
}
