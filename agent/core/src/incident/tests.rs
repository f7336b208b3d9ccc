use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::model::event::{Connection, Event, LostRequest};
use crate::model::finding::{Confidence, Evidence, Resolution, Verdict};
use crate::model::incident::Reason;
use crate::model::process::{Descriptors, Identity};
use crate::model::socket::{Attribution, Endpoints, Holder, Owner, SocketKey};
use crate::model::state::TcpState;
use crate::tests::cases;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos((1_000_000 + seconds) * 1_000_000_000)
}

fn process(pid: u32) -> Arc<Process> {
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
struct Told {
    id: u64,
    action: Action,
    verdict: Verdict,
    pid: u32,
    port: u16,
    since: u64,
}

const fn told(id: u64, action: Action, since: u64) -> Told {
    Told {
        id,
        action,
        verdict: Verdict::NotClosed,
        pid: 7,
        port: 80,
        since,
    }
}

fn body(told: Told) -> Body {
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
            severity: Severity::Warning,
            confidence: Confidence::Proven,
            opened: at(told.since),
            half_closed_since: Some(at(told.since)),
            half_closed: None,
            summary: String::new(),
            hint: String::new(),
            evidence: Evidence::default(),
            holders: vec![holder],
            history: Vec::new(),
            verdict_changes: 0,
            resolution: resolved.then_some(Resolution::ClosedByApp),
        }),
    }
}

fn event(second: u64, body: Body) -> Event {
    let time = at(second);
    Event { time, body }
}

/// Incidents, and what they have said.
#[derive(Default)]
struct World {
    incidents: Incidents,
    settings: Settings,
    out: Outbox,
    events: Vec<(u64, Arc<Incident>)>,
    descriptors: Option<Descriptors>,
    ended: bool,
    looked_at: usize,
}

impl World {
    fn new() -> Self {
        let mut world = Self::default();
        world.tick(0);
        world
    }

    fn hear(&mut self, second: u64, what: Told) {
        self.take(second, &Output::Event(event(second, body(what))));
    }

    fn take(&mut self, second: u64, output: &Output) {
        self.incidents.hear(output, &self.settings, at(second));
    }

    /// Tells and answers until there is nothing left to do.
    fn tick(&mut self, second: u64) {
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

    fn found(&self, id: ProcessId) -> ProcessView {
        ProcessView {
            id,
            ended: self.ended,
            identity: Some(Identity {
                executable: Some(format!("/usr/bin/app{}", id.pid % 3).into()),
                arguments: Vec::new(),
                cgroup: Some(format!("/system.slice/unit-{}.service", id.pid % 3).into()),
            }),
            descriptors: self.descriptors,
        }
    }

    fn run(&mut self, seconds: std::ops::RangeInclusive<u64>) {
        for second in seconds {
            self.tick(second);
        }
    }

    fn actions(&self) -> Vec<(u64, Action, Severity)> {
        let told = self.events.iter();
        told.map(|(at, incident)| (*at, incident.action, incident.severity))
            .collect()
    }

    fn last(&self) -> &Incident {
        &self.events.last().unwrap().1
    }
}

#[test]
fn an_incident_opens_with_its_first_finding_and_is_resolved_a_minute_after_its_last() {
    let mut world = World::new();
    world.hear(1, told(1, Action::Opened, 0));
    world.run(1..=20);
    world.hear(21, told(1, Action::Resolved, 0));
    world.run(21..=90);
    let info = Severity::Info;
    assert_eq!(
        world.actions(),
        [
            (1, Action::Opened, info),
            (21, Action::Updated, info),
            (81, Action::Resolved, info)
        ]
    );
    assert_eq!(world.incidents.due(), None, "nothing is left to do");
    let (opened, last) = (&world.events[0].1, world.last());
    assert_eq!(opened.id, last.id);
    assert_eq!(&*opened.cause.workload, "unit-1.service");
    assert_eq!(&*opened.cause.program, "app");
    assert_eq!(
        (opened.cause.role, opened.cause.port),
        (Role::Server, Some(80))
    );
    assert_eq!(opened.oldest, Some(at(0)));
    assert_eq!((last.connections, last.total), (0, 1));
}

#[test]
fn numbers_that_change_are_told_every_ten_seconds_at_most() {
    let mut world = World::new();
    for second in 1..=60 {
        world.hear(second, told(second, Action::Opened, second));
        world.tick(second);
    }
    let times: Vec<u64> = world.actions().iter().map(|(at, _, _)| *at).collect();
    assert_eq!(times, [1, 11, 21, 31, 41, 51]);
    world.run(61..=130);
    let after: Vec<_> = world.actions().split_off(6);
    assert_eq!(after[0], (61, Action::Updated, Severity::Info), "the rest");
    assert_eq!(world.last().connections, 60);
}

#[test]
fn an_incident_that_had_warned_stays_for_ten_minutes_while_its_processes_live() {
    for (ended, patience) in [(false, 600), (true, 60)] {
        let mut world = World::new();
        for id in 1..=10 {
            world.hear(1, told(id, Action::Opened, 1));
        }
        world.run(1..=400);
        assert_eq!(world.last().severity, Severity::Warning);
        assert_eq!(world.last().reason, Some(Reason::Crowd));
        for id in 1..=10 {
            world.hear(400, told(id, Action::Resolved, 1));
        }
        world.ended = ended;
        world.run(401..=1_300);
        let (at, last) = world.events.last().unwrap();
        assert_eq!(last.action, Action::Resolved);
        assert!((400 + patience..=412 + patience).contains(at), "{at}");
    }
}

#[test]
fn nothing_is_due_at_once_after_the_host_has_slept() {
    let mut world = World::new();
    for id in 1..=10 {
        world.hear(1, told(id, Action::Opened, 1));
    }
    world.run(1..=100);
    // It sleeps for a day; found after it, with a FIN from before.
    world.hear(86_400, told(11, Action::Opened, 90));
    world.run(86_400..=86_590);
    assert!(
        world
            .events
            .iter()
            .all(|(_, told)| told.severity == Severity::Info)
    );
    world.run(86_591..=86_610);
    assert_eq!(world.last().reason, Some(Reason::Crowd));
}

#[test]
fn ten_thousand_findings_in_one_look_are_one_incident_with_exact_counts() {
    let mut world = World::new();
    for id in 1..=10_000 {
        let verdict = if id % 4 == 0 {
            Verdict::EofUnread
        } else {
            Verdict::NotClosed
        };
        let pid = 7 + 3 * u32::from(id % 10 == 0);
        world.hear(
            1,
            Told {
                verdict,
                pid,
                ..told(id, Action::Opened, 0)
            },
        );
    }
    world.tick(1);
    assert_eq!(world.events.len(), 1);
    let incident = world.last();
    assert_eq!((incident.connections, incident.total), (10_000, 10_000));
    let verdicts = [(Verdict::NotClosed, 7_500), (Verdict::EofUnread, 2_500)];
    assert_eq!(incident.verdicts, verdicts);
    assert_eq!(incident.findings.len(), 100);
    assert_eq!(incident.process_count, 2);
    let entry = world.incidents.entries.values().next().unwrap();
    assert_eq!(entry.listed.len(), entry::LISTED);
    // The listed ones end: others take their places.
    for id in 1..=1_000 {
        world.hear(2, told(id, Action::Resolved, 0));
    }
    assert!(world.incidents.want_list());
    for id in 1_001..=10_000 {
        let Body::Finding { finding, .. } = body(told(id, Action::Opened, 0)) else {
            unreachable!("it is one");
        };
        world.incidents.list(&finding);
    }
    assert!(!world.incidents.want_list());
    world.run(2..=20);
    assert_eq!(world.last().connections, 9_000);
    assert_eq!(world.last().findings[0], 1_001);
}

#[test]
fn causes_without_number_are_counted_in_one_incident() {
    let mut world = World::new();
    let pids = 1_500;
    world.tick(0);
    for pid in 0..pids {
        let process = Process {
            comm: format!("p{}x", char::from_u32(0x4e00 + pid).unwrap()).into(),
            ..(*process(pid)).clone()
        };
        let Body::Finding {
            mut connection,
            finding,
        } = body(Told {
            pid,
            ..told(u64::from(pid), Action::Opened, 0)
        })
        else {
            unreachable!("it is one");
        };
        if let Some(owner) = &mut connection.owner {
            owner.process = Arc::new(process);
        }
        let body = Body::Finding {
            connection,
            finding,
        };
        world.take(1, &Output::Event(event(1, body)));
    }
    // Nobody says what they run.
    world.incidents.tell(&world.settings, at(1), &mut world.out);
    world.out = Outbox::default();
    world.tick(6);
    let told: Vec<_> = world.incidents.incidents().collect();
    assert_eq!(told.len(), MAX + 1);
    let counted: u32 = told.iter().map(|incident| incident.connections).sum();
    assert_eq!(counted, pids);
    assert!(told.iter().any(|incident| &*incident.cause.program == "*"));
}

#[test]
fn descriptors_are_read_of_accused_processes_only_and_forecast_their_end() {
    let mut world = World::new();
    world.run(0..=100);
    assert_eq!(world.looked_at, 0);
    world.descriptors = Some(Descriptors {
        open: 100,
        limit: 1_024,
    });
    for second in 101..=800 {
        if second % 4 == 0 {
            world.hear(second, told(second, Action::Opened, second - 10));
        }
        world.tick(second);
    }
    let last = world.last();
    assert!(last.rising);
    let tenths = last.rate.unwrap().tenths_per_minute();
    assert!((130..=160).contains(&tenths), "{tenths}");
    let used = last.descriptors.unwrap();
    let minutes = used.full_in.unwrap().as_secs() / 60;
    assert!((57..=72).contains(&minutes), "{minutes}");
    assert_eq!(
        (last.severity, last.reason),
        (Severity::Warning, Some(Reason::Rising))
    );
    world.descriptors = Some(Descriptors {
        open: 850,
        limit: 1_000,
    });
    world.run(801..=815);
    let last = world.last();
    assert_eq!(last.severity, Severity::Critical);
    assert_eq!(last.reason, Some(Reason::Descriptors));
    assert!(
        world.looked_at < 100,
        "every ten seconds: {}",
        world.looked_at
    );
}

#[test]
fn lost_requests_alone_are_told_once_they_are_many() {
    let Body::Finding { connection, .. } = body(told(1, Action::Opened, 0)) else {
        unreachable!("it is one");
    };
    let lost = |second| LostRequest {
        time: at(second),
        endpoints: connection.endpoints,
        owner: connection.owner.clone(),
        bytes: 100,
    };
    let lose = |every: u64| {
        let mut world = World::new();
        for second in 1..=600 {
            if second % every == 0 {
                world.take(second, &Output::LostRequest(lost(second)));
            }
            world.tick(second);
        }
        world
    };
    assert!(lose(6).events.is_empty(), "ten a minute");
    let mut world = lose(3);
    let opened = &world.events[0].1;
    assert_eq!(
        (opened.action, opened.severity),
        (Action::Opened, Severity::Warning)
    );
    assert_eq!(opened.reason, Some(Reason::LostRequests));
    assert_eq!((opened.connections, opened.total), (0, 0));
    assert_eq!(
        (opened.cause.role, opened.cause.port),
        (Role::Client, Some(5000))
    );
    assert!(
        opened.hint.starts_with("The peer had closed"),
        "{}",
        opened.hint
    );
    assert!(world.last().lost_requests >= 190);
    world.run(601..=2_000);
    assert_eq!(world.last().action, Action::Resolved);
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let all = Verdict::ALL.iter().copied();
    let of_connections = all.filter(|verdict| *verdict != Verdict::TimeWaitPressure);
    prop::sample::select(of_connections.collect::<Vec<_>>())
}

/// What may be told of findings, in any order, with nonsense in between.
fn stories() -> impl Strategy<Value = Vec<(u64, Told)>> {
    let actions = prop::sample::select(vec![Action::Opened, Action::Updated, Action::Resolved]);
    let one = (
        0_u64..40,
        actions,
        verdicts(),
        1_u32..6,
        80_u16..83,
        0_u64..30,
    );
    let one = one.prop_map(|(id, action, verdict, pid, port, pause)| {
        let told = Told {
            id,
            action,
            verdict,
            pid,
            port,
            since: 0,
        };
        (pause, told)
    });
    prop::collection::vec(one, 1..200)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn incidents_count_what_is_open_whatever_is_told_in_whatever_order(story in stories()) {
        let mut world = World::new();
        let mut open: BTreeMap<u64, Verdict> = BTreeMap::new();
        let (mut now, mut total) = (1, 0);
        for (pause, what) in story {
            world.run(now..=now + pause);
            now += pause;
            world.hear(now, Told { since: now.saturating_sub(20), ..what });
            if what.action == Action::Resolved {
                open.remove(&what.id);
            } else if open.insert(what.id, what.verdict).is_none() {
                total += 1;
            }
            let entries = || world.incidents.entries.values();
            let waiting = open.keys().filter(|id| world.incidents.processes.awaits(**id)).count();
            let counted: u32 = entries().map(|entry| entry.connections).sum();
            // What waits for its process may have ended meanwhile.
            prop_assert!(counted as usize + waiting == open.len());
        }
        world.run(now..=now + 20);
        let told = || world.incidents.incidents();
        let mut counts: BTreeMap<Verdict, u32> = BTreeMap::new();
        for (verdict, count) in told().flat_map(|incident| incident.verdicts.clone()) {
            *counts.entry(verdict).or_default() += count;
        }
        let mut expected: BTreeMap<Verdict, u32> = BTreeMap::new();
        for verdict in open.into_values() {
            *expected.entry(verdict).or_default() += 1;
        }
        prop_assert_eq!(counts, expected);
        let known: u64 = world.incidents.entries.values().map(|entry| entry.total).sum();
        prop_assert!(known <= total);
    }

    #[test]
    fn one_leak_is_one_incident(
        pauses in prop::collection::vec(0_u64..100, 5..60),
        pids in prop::collection::vec(prop::sample::select(vec![3_u32, 6, 9]), 60),
    ) {
        let mut world = World::new();
        let mut now = 1;
        for (n, (pause, pid)) in pauses.iter().zip(pids).enumerate() {
            world.run(now..=now + pause);
            now += pause;
            let opened = told(n as u64, Action::Opened, now);
            world.hear(now, Told { pid, ..opened });
        }
        world.run(now..=now + 3_000);
        let opened = world.events.iter().filter(|(_, told)| told.action == Action::Opened);
        prop_assert_eq!(opened.count(), 1, "whichever worker has them");
        prop_assert_eq!(world.last().connections as usize, pauses.len());
    }
}
