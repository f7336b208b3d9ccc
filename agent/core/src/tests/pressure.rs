//! Connections in TIME_WAIT that use up the local ports toward one peer.

use proptest::prelude::*;

use super::*;
use crate::model::observation::LocalPorts;
use crate::settings::exception::Exception;

const FEW: LocalPorts = LocalPorts {
    netns: 1,
    low: 40_000,
    high: 40_049,
    reserved: 10,
};

/// The n-th connection of a client to one server.
fn outward(n: u64) -> Endpoints {
    Endpoints {
        local: SocketAddr::new(addr("10.0.0.2:0").ip(), 40_000 + u16::try_from(n).unwrap()),
        peer: addr("10.0.0.9:443"),
        netns: 1,
    }
}

/// A connection that `opener` has made, and that goes into TIME_WAIT at `ms`.
fn used_up(world: &mut World, n: u64, ms: u64, role: Role, opener: Option<Owner>) {
    let endpoints = outward(n);
    let of = |from, to| {
        What::State(StateChange {
            endpoints,
            role,
            ..change(0, from, to)
        })
    };
    world.tell(ms - 2, key(n), of(TcpState::SynSent, TcpState::Established));
    if let Some(owner) = opener {
        let what = What::Owner {
            endpoints,
            state: TcpState::Established,
            role,
            owner,
            inode: None,
        };
        world.tell(ms - 1, key(n), what);
    }
    let what = What::TimeWaitEntered {
        endpoints,
        substate: TcpState::TimeWait,
    };
    world.tell(ms, key(n), what);
}

fn left(world: &mut World, n: u64, ms: u64) {
    let endpoints = outward(n);
    world.tell(ms, key(99), What::TimeWaitLeft { endpoints });
}

/// Lets time pass to `ms`; every question about ports is answered so.
fn pass(world: &mut World, ms: u64, ports: &[LocalPorts], ended: &[ProcessId]) {
    while let Some(due) = world.tracker.poll_timeout().filter(|&due| due <= at(ms)) {
        // The first count is due at once, whenever that is.
        let due = due.max(at(100));
        world.tracker.handle_timeout(due);
        let asked = world.ports.len();
        world.drain();
        if world.ports.len() > asked {
            world.tracker.handle_ports(ports, ended, due);
            world.drain();
        }
    }
}

fn client(pid: u32) -> Owner {
    owner(pid, Attribution::Connect)
}

fn told(world: &World) -> Vec<(Action, Severity, Option<Resolution>)> {
    let findings = world.events.iter().filter_map(|event| match &event.body {
        Body::ProcessFinding { finding, .. } => Some(finding),
        Body::Transition { .. }
        | Body::Eof { .. }
        | Body::Finding { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => None,
    });
    findings
        .map(|finding| {
            assert_eq!(finding.verdict, Verdict::TimeWaitPressure);
            (finding.action, finding.severity, finding.resolution)
        })
        .collect()
}

const OPENED: (Action, Severity, Option<Resolution>) = (Action::Opened, Severity::Warning, None);

#[test]
fn more_than_seventy_percent_for_the_threshold_is_pressure() {
    let mut world = World::new();
    for n in 0..29 {
        used_up(&mut world, n, 100, Role::Client, Some(client(7)));
    }
    pass(&mut world, 9_900, &[FEW], &[]);
    assert_eq!(told(&world), []);
    assert_eq!(world.ports[0], (vec![1], vec![process(7).id]));
    pass(&mut world, 16_000, &[FEW], &[]);
    assert_eq!(told(&world), [OPENED]);
    let finding = world.tracker.findings().next().unwrap();
    let port_use = finding.evidence.port_use.unwrap();
    assert_eq!((port_use.time_wait, port_use.local_ports), (29, 40));
    assert_eq!(port_use.peer, addr("10.0.0.9:443"));
    assert_eq!(
        finding.summary,
        "app7 (pid 7) has 29 connections to 10.0.0.9:443 in TIME_WAIT, which take 72 % of the 40 local ports that \
         connections to it can have"
    );
    for n in 0..29 {
        left(&mut world, n, 60_100);
    }
    pass(&mut world, 70_000, &[FEW], &[]);
    let resumed = (
        Action::Resolved,
        Severity::Warning,
        Some(Resolution::Resumed),
    );
    assert_eq!(told(&world), [OPENED, resumed]);
    assert_eq!(world.tracker.stats().findings, 0);
    assert_eq!(world.tracker.poll_timeout(), None);
}

#[test]
fn the_last_ports_make_it_worse_and_less_pressure_ends_it() {
    let mut world = World::new();
    for n in 0..29 {
        used_up(&mut world, n, 100, Role::Client, Some(client(7)));
    }
    pass(&mut world, 16_000, &[FEW], &[]);
    for n in 29..39 {
        used_up(&mut world, n, 16_100, Role::Client, Some(client(7)));
    }
    pass(&mut world, 22_000, &[FEW], &[]);
    let worse = (Action::Updated, Severity::Critical, None);
    assert_eq!(told(&world), [OPENED, worse]);
    let finding = world.tracker.findings().next().unwrap();
    let slope = finding.evidence.port_use.unwrap().time_wait_per_minute;
    assert!((25..=50).contains(&slope), "{slope}");
    // 26 of 40 are less than 70 %, but not less than 60 %.
    for n in 0..13 {
        left(&mut world, n, 23_000);
    }
    pass(&mut world, 30_000, &[FEW], &[]);
    assert_eq!(told(&world).len(), 3, "no worse than before");
    left(&mut world, 13, 31_000);
    left(&mut world, 14, 31_000);
    pass(&mut world, 40_000, &[FEW], &[]);
    assert_eq!(
        told(&world).last().unwrap().2,
        Some(Resolution::Resumed),
        "24 of 40"
    );
}

#[test]
fn a_process_that_has_ended_presses_no_more() {
    let mut world = World::new();
    for n in 0..35 {
        used_up(&mut world, n, 100, Role::Client, Some(client(7)));
    }
    pass(&mut world, 16_000, &[FEW], &[]);
    pass(&mut world, 22_000, &[FEW], &[process(7).id]);
    let exited = Some(Resolution::ProcessExited);
    assert_eq!(told(&world).last().unwrap().2, exited);
    pass(&mut world, 50_000, &[FEW], &[process(7).id]);
    assert_eq!(told(&world).len(), 2, "once");
}

#[test]
fn nobody_is_blamed_without_proof() {
    let elsewhere = LocalPorts { netns: 2, ..FEW };
    let others = LocalPorts {
        low: 50_000,
        high: 50_039,
        ..FEW
    };
    let cases: [(Role, Option<Owner>, &[LocalPorts]); 5] = [
        (Role::Client, None, &[FEW]),
        (Role::Server, Some(owner(7, Attribution::Accept)), &[FEW]),
        (Role::Client, Some(client(7)), &[]),
        (Role::Client, Some(client(7)), &[elsewhere]),
        // Ports that were bound by the application itself.
        (Role::Client, Some(client(7)), &[others]),
    ];
    for (role, opener, ports) in cases {
        let mut world = World::new();
        for n in 0..40 {
            used_up(&mut world, n, 100, role, opener.clone());
        }
        pass(&mut world, 50_000, ports, &[]);
        assert_eq!(told(&world), []);
    }
}

#[test]
fn two_processes_that_share_the_ports_are_counted_each_for_itself() {
    let mut world = World::new();
    for n in 0..40 {
        let pid = if n % 2 == 0 { 7 } else { 8 };
        used_up(&mut world, n, 100, Role::Client, Some(client(pid)));
    }
    pass(&mut world, 50_000, &[FEW], &[]);
    assert_eq!(told(&world), []);
}

#[test]
fn a_process_can_have_a_threshold_of_its_own() {
    let exception = Exception {
        process: Some("app7".to_owned()),
        thresholds: [(Verdict::TimeWaitPressure, Duration::from_secs(30))].into(),
        severities: [(Verdict::TimeWaitPressure, Severity::Info)].into(),
        ..Exception::default()
    };
    let mut world = World::with(Settings {
        exceptions: vec![exception],
        ..Settings::default()
    });
    for n in 0..30 {
        used_up(&mut world, n, 100, Role::Client, Some(client(7)));
    }
    pass(&mut world, 29_000, &[FEW], &[]);
    assert_eq!(told(&world), []);
    pass(&mut world, 36_000, &[FEW], &[]);
    assert_eq!(told(&world), [(Action::Opened, Severity::Info, None)]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        ..ProptestConfig::default()
    })]

    /// Whatever comes and goes: open exactly while it holds, opened and resolved once each.
    #[test]
    fn it_is_open_only_while_it_holds(
        steps in prop::collection::vec((0_u64..40, any::<bool>(), 0_u64..8_000), 1..200),
    ) {
        let mut world = World::new();
        let mut present = BTreeSet::new();
        let mut now = 100;
        for (n, enters, wait) in steps {
            now += 3 + wait;
            pass(&mut world, now - 3, &[FEW], &[]);
            if enters && present.insert(n) {
                let key = SocketKey { birth: at(now), ..key(n) };
                let endpoints = outward(n);
                let what = What::Owner {
                    endpoints,
                    state: TcpState::Established,
                    role: Role::Client,
                    owner: owner(7, Attribution::Connect),
                    inode: None,
                };
                world.tell(now, key, what);
                let substate = TcpState::TimeWait;
                world.tell(now + 1, key, What::TimeWaitEntered { endpoints, substate });
            } else if present.remove(&n) {
                left(&mut world, n, now);
            }
            let told = told(&world);
            let balance = |action| told.iter().filter(|told| told.0 == action).count();
            let open = balance(Action::Opened) - balance(Action::Resolved);
            prop_assert!(open <= 1);
            prop_assert_eq!(world.tracker.findings().count(), open);
            prop_assert_eq!(world.tracker.stats().findings, open as u64);
            for finding in world.tracker.findings() {
                let share = finding.evidence.port_use.unwrap().time_wait * 100 / 40;
                prop_assert!(share > 60, "{share} %");
            }
        }
        for n in present {
            left(&mut world, n, now + 10);
        }
        pass(&mut world, now + 10_000, &[FEW], &[]);
        prop_assert_eq!(world.tracker.findings().count(), 0);
        prop_assert_eq!(world.tracker.poll_timeout(), None);
    }
}
