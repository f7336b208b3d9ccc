//! Events for tests: what the tracker could say.

mod lines;
mod stacks;

use std::sync::Arc;
use std::time::Duration;

use self::lines::{destroyed, remedy};
pub(crate) use self::lines::{incident_line, socket};
pub(crate) use self::stacks::stacks;
use super::clock::WallClock;
use super::json::{self, About, Body, Event, Hello, Means};
use crate::process::{Description, Descriptions, Users, Workload};
use finback_core::model::event as core;
use finback_core::model::event::{Connection, Transition, WholeLife};
use finback_core::model::finding::{
    Action, Confidence, Evidence, Finding, Resolution, Severity, Verdict, Weight,
};
use finback_core::model::incident::{self, DescriptorUse, Incident, IncidentId, Rate};
use finback_core::model::observation::Loss;
use finback_core::model::process::Descriptors;
use finback_core::model::socket::{
    Attribution, Endpoints, Holder, Owner, Process, ProcessId, Role, SocketKey,
};
use finback_core::model::state::{Cause, TcpState};
use finback_core::model::time::Timestamp;
use finback_core::model::waiting::WaitState;

const SECOND: u64 = 1_000_000_000;

/// When the samples happen, on the tracker's clock.
const NOW: Timestamp = Timestamp::from_nanos(12_345 * SECOND + 123_456_789);

/// Of a host booted 12,345 s before 2026-11-22 13:25:44 UTC.
pub(crate) const CLOCK: WallClock = WallClock::from_boot((1_795_353_944 - 12_345) * SECOND);

/// The incident of all samples.
const INCIDENT: IncidentId = IncidentId(0x1c5f_0d5e_8a53_4c3b);

fn process() -> Arc<Process> {
    Arc::new(Process {
        id: ProcessId {
            pid: 4711,
            start: Timestamp::from_nanos((12_345 - 344) * SECOND),
        },
        comm: "python3".into(),
        uid: Some(1000),
        cgroup: Some(5432),
        group: None,
    })
}

fn owner() -> Owner {
    Owner {
        process: process(),
        thread: Some(4713),
        attribution: Attribution::Accept,
        since: NOW - Duration::from_secs(2),
    }
}

fn connection(state: TcpState) -> Connection {
    Connection {
        key: SocketKey {
            sock: 0xffff_8880_0123_4580,
            birth: Timestamp::from_nanos(12_345 * SECOND - 1_376_543_691),
        },
        endpoints: Endpoints {
            local: "192.0.2.10:8080".parse().unwrap(),
            peer: "198.51.100.7:51234".parse().unwrap(),
            netns: 4_026_531_840,
        },
        role: Role::Server,
        state,
        owner: Some(owner()),
        peer_owner: None,
        peer_state: None,
        inode: Some(31_337),
        cookie: Some(4242),
    }
}

/// The peer hangs up.
pub(crate) fn transition() -> core::Event {
    core::Event {
        time: NOW,
        body: core::Body::Transition {
            connection: connection(TcpState::CloseWait),
            transition: Transition {
                from: TcpState::Established,
                to: TcpState::CloseWait,
                after: Some(Duration::from_millis(1500)),
                cause: Cause::FinReceived,
                segment_refused: None,
            },
        },
    }
}

/// Gives the process of a transition another name.
pub(crate) fn rename(event: &mut core::Event, name: &str) {
    if let core::Body::Transition { connection, .. } = &mut event.body
        && let Some(owner) = &mut connection.owner
    {
        owner.process = Arc::new(Process {
            comm: name.into(),
            ..(*owner.process).clone()
        });
    }
}

/// The application reads the end-of-stream.
pub(crate) fn eof() -> core::Event {
    core::Event {
        time: NOW + Duration::from_micros(80),
        body: core::Body::Eof {
            connection: connection(TcpState::CloseWait),
            after: Some(Duration::from_micros(80)),
            thread: 4713,
        },
    }
}

/// A finding at this point of its life.
pub(crate) fn finding(action: Action) -> core::Event {
    let opened = NOW + Duration::from_secs(10);
    let resolved = action == Action::Resolved;
    core::Event {
        time: if resolved {
            opened + Duration::from_secs(5)
        } else {
            opened
        },
        body: core::Body::Finding {
            connection: connection(if resolved {
                TcpState::LastAck
            } else {
                TcpState::CloseWait
            }),
            finding: Arc::new(Finding {
                id: 1,
                action,
                verdict: Verdict::EofUnread,
                severity: Severity::Info,
                weight: Weight::Shared,
                incident: Some(INCIDENT),
                confidence: Confidence::Proven,
                opened,
                half_closed_since: Some(NOW),
                half_closed: Some(Duration::from_secs(if resolved { 15 } else { 10 })),
                summary:
                    "python3[4711] has not read from 198.51.100.7:51234 since it hung up 10 s ago"
                        .into(),
                hint: "read until the end-of-stream and close, or set a read timeout".into(),
                evidence: Evidence {
                    state: Some(TcpState::CloseWait),
                    unread_bytes: Some(1),
                    unacked_bytes: Some(0),
                    sent_since_fin_bytes: Some(0),
                    eof_deliveries: Some(0),
                    accepted: Some(true),
                    observed: Some(opened),
                    threshold: Duration::from_secs(10),
                    ..Evidence::default()
                },
                holders: vec![Holder {
                    process: process(),
                    fd: 7,
                }],
                history: Vec::new(),
                verdict_changes: 0,
                resolution: resolved.then_some(Resolution::ClosedByApp),
                ended_after: None,
            }),
        },
    }
}

/// An incident that becomes worse.
pub(crate) fn incident() -> core::Event {
    let time = NOW + Duration::from_mins(7);
    let id = process().id;
    core::Event {
        time,
        body: core::Body::Incident(Arc::new(Incident {
            id: INCIDENT,
            action: Action::Updated,
            severity: Severity::Warning,
            reason: Some(incident::Reason::Rising),
            severity_change: Some(incident::SeverityChange::Raised),
            cause: incident::Cause {
                workload: "shop.service".into(),
                program: "python shop".into(),
                role: Role::Server,
                port: Some(8080),
            },
            opened: NOW + Duration::from_secs(10),
            connections: 14,
            total: 15,
            verdicts: vec![(Verdict::EofUnread, 13), (Verdict::NotClosed, 1)],
            waits: vec![(WaitState::EpollEdgeDelivered, 13), (WaitState::NobodyWaits, 1)],
            oldest: Some(NOW),
            rising: true,
            rate: Some(Rate {
                settled: 11,
                within: Duration::from_secs(312),
            }),
            processes: vec![(process(), 14)],
            process_count: 1,
            peers: vec![
                ("198.51.100.7:0".parse().unwrap(), 12),
                ("198.51.100.8:0".parse().unwrap(), 2),
            ],
            relays_for: Vec::new(),
            descriptors: Some(DescriptorUse {
                process: id,
                descriptors: Descriptors {
                    open: 211,
                    limit: 1024,
                },
                full_in: Some(Duration::from_mins(384)),
            }),
            queue: None,
            lost_requests: 0,
            caused_by: None,
            summary: "python shop has 14 connections on port 8080 that it does not deal with; 2.1 more settle \
                      every minute; no descriptor is left in 6 h"
                .into(),
            hint: "read until the end-of-stream and close, or set a read timeout".into(),
            findings: vec![1, 4, 5, 7, 8, 9, 12, 13, 14, 17, 18, 20, 21, 23],
        })),
    }
}

/// The whole life of a connection.
pub(crate) fn whole_life() -> core::Event {
    let closed = NOW + Duration::from_millis(3);
    core::Event {
        time: closed,
        body: core::Body::Connection {
            connection: connection(TcpState::Closed),
            life: WholeLife {
                opened: Some(NOW - Duration::from_millis(1500)),
                closed,
                bytes_sent: 5120,
                bytes_received: 337,
                states: vec![
                    (TcpState::SynReceived, Duration::from_micros(90)),
                    (TcpState::Established, Duration::from_micros(1_499_910)),
                    (TcpState::CloseWait, Duration::from_millis(2)),
                    (TcpState::LastAck, Duration::from_millis(1)),
                ],
                cause: Cause::Finished,
            },
        },
    }
}

/// The ring was full.
pub(crate) fn lost() -> core::Event {
    core::Event {
        time: NOW,
        body: core::Body::Lost {
            loss: Loss {
                records: 117,
                reason: "ring_full".into(),
            },
            since: NOW - Duration::from_millis(40),
        },
    }
}

/// And was repaired.
pub(crate) fn resync() -> core::Event {
    core::Event {
        time: NOW + Duration::from_millis(10),
        body: core::Body::Resync {
            sockets: 2048,
            corrected: 3,
            took: Duration::from_micros(4200),
        },
    }
}

/// What subscribers are greeted with.
pub(crate) fn hello() -> Hello<'static> {
    let signals = finback_common::hook::Signal::ALL.iter().map(|signal| {
        let flavour = match signal.name() {
            "open" | "accept" | "shutdown" | "close" => Some(Means::Fentry),
            "time_wait" => Some(Means::Sweep),
            "segment" => None,
            _ => Some(Means::Tracepoint),
        };
        (signal.name().into(), flavour)
    });
    Hello {
        version: "0.1.0".into(),
        host: "web-1".into(),
        kernel: "6.12.48+deb13-amd64".into(),
        boot_id: "5f1c0d5e-8a53-4c3b-9f6d-0f3a1f9f2a10".into(),
        signals: signals.collect(),
        next_seq: 8,
    }
}

/// What `/proc` knows of the samples' process.
pub(crate) fn descriptions() -> &'static Descriptions {
    static KNOWN: std::sync::LazyLock<Descriptions> = std::sync::LazyLock::new(|| {
        described(Workload {
            cgroup: "/system.slice/shop.service".into(),
            unit: Some("shop.service".into()),
            ..Workload::default()
        })
    });
    &KNOWN
}

/// The same of a process that is part of this.
pub(crate) fn described(workload: Workload) -> Descriptions {
    let known = Description {
        path: Some("/usr/bin/python3.13".into()),
        command_line: Some("python3 -m shop --port 8080".into()),
        users: Some(Users {
            effective: 1000,
            real: 1000,
        }),
        vpid: None,
        workload: Some(Arc::new(workload)),
    };
    Descriptions::with([(process().id, known)])
}

/// An example of every event, by name, as the documentation shows them.
pub(crate) fn wire() -> Vec<(&'static str, Event<'static>)> {
    let known = About {
        stacks: &[],
        opened_at: &[],
        processes: Some(descriptions()),
    };
    let encode = |event: core::Event, seq, about| {
        let event = Box::leak(Box::new(event));
        json::event(event, seq, CLOCK, about)
    };
    let greeting = Event {
        schema: json::SCHEMA,
        seq: 7,
        time: CLOCK.at(NOW - Duration::from_secs(1)),
        body: Body::Hello { hello: hello() },
    };
    vec![
        ("hello", greeting),
        ("transition", encode(transition(), 8, About::default())),
        ("eof", encode(eof(), 9, About::default())),
        ("finding", encode(finding(Action::Opened), 10, known)),
        ("resolved", encode(finding(Action::Resolved), 11, known)),
        ("incident", encode(incident(), 16, known)),
        ("connection", encode(whole_life(), 15, About::default())),
        ("destroyed", destroyed()),
        ("remedy", remedy()),
        ("lost", encode(lost(), 12, About::default())),
        ("resync", encode(resync(), 13, About::default())),
        (
            "stacks",
            encode(
                finding(Action::Opened),
                14,
                About {
                    stacks: stacks(),
                    ..known
                },
            ),
        ),
    ]
}
