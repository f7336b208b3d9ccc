//! Connections in TIME_WAIT that use up the local ports toward one peer.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::finding::{Confidence, Severity};
use crate::model::look::{LocalPorts, Opener, Unheld};
use crate::settings::exception::Exception;
use crate::settings::verdict::{Level, VerdictSettings};

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

/// A look at everything comes every 15 seconds, one at minisocks every 30 until there are many.
fn world() -> World {
    let mut world = World::scanning(Settings::default());
    world.kernel.ports = vec![FEW];
    world
}

/// The n-th connection, which `opener` has made, goes into TIME_WAIT.
fn used_up(world: &mut World, n: u64, opener: Option<Owner>) {
    let endpoints = outward(n);
    let opener = opener.map(|owner| Opener {
        netns: endpoints.netns,
        peer: endpoints.peer,
        owner,
    });
    world.kernel.connected.extend(opener);
    minisocks(world).push(Unheld {
        endpoints,
        state: TcpState::TimeWait,
        minisock: true,
    });
}

fn left(world: &mut World, n: u64) {
    minisocks(world).retain(|unheld| unheld.endpoints != outward(n));
}

fn minisocks(world: &mut World) -> &mut Vec<Unheld> {
    world.kernel.unheld.as_mut().unwrap()
}

fn pass(world: &mut World, ms: u64) {
    world.run(ms, |_| Vec::new());
}

fn client(pid: u32) -> Owner {
    owner(pid, Attribution::Connect)
}

fn told(world: &World) -> Vec<(Action, Severity, Option<Resolution>)> {
    let findings = world.events.iter().filter_map(about_process);
    findings
        .map(|(_, finding)| {
            assert_eq!(finding.verdict, Verdict::TimeWaitPressure);
            (finding.action, finding.severity, finding.resolution)
        })
        .collect()
}

const OPENED: (Action, Severity, Option<Resolution>) = (Action::Opened, Severity::Warning, None);

#[test]
fn more_than_seventy_percent_for_the_threshold_is_pressure() {
    let mut world = world();
    for n in 0..29 {
        used_up(&mut world, n, Some(client(7)));
    }
    pass(&mut world, 39_000);
    assert_eq!(told(&world), [], "seen for less than ten seconds");
    assert_eq!(world.ports[0], (vec![1], vec![process(7).id]));
    pass(&mut world, 60_000);
    assert_eq!(told(&world), [OPENED]);
    let finding = &world.engine.findings()[0];
    let port_use = finding.evidence.port_use.unwrap();
    assert_eq!((port_use.time_wait, port_use.local_ports), (29, 40));
    assert_eq!(port_use.peer, addr("10.0.0.9:443"));
    assert_eq!(finding.confidence, Confidence::Proven);
    assert_eq!(
        finding.summary,
        "app7 (pid 7) has 29 connections to 10.0.0.9:443 in TIME_WAIT, which take 72 % of the 40 local ports that \
         connections to it can have"
    );
    for n in 0..29 {
        left(&mut world, n);
    }
    pass(&mut world, 70_000);
    let resumed = (
        Action::Resolved,
        Severity::Warning,
        Some(Resolution::Resumed),
    );
    assert_eq!(told(&world), [OPENED, resumed]);
    assert_eq!(world.engine.stats().findings, 0);
}

#[test]
fn the_last_ports_make_it_worse_and_less_pressure_ends_it() {
    let mut world = world();
    for n in 0..29 {
        used_up(&mut world, n, Some(client(7)));
    }
    pass(&mut world, 60_000);
    for n in 29..39 {
        used_up(&mut world, n, Some(client(7)));
    }
    pass(&mut world, 66_000);
    let worse = (Action::Updated, Severity::Critical, None);
    assert_eq!(told(&world), [OPENED, worse]);
    let slope = {
        let finding = &world.engine.findings()[0];
        finding.evidence.port_use.unwrap().time_wait_per_minute
    };
    assert!((10..=30).contains(&slope), "{slope}");
    // 26 of 40 are less than 70 %, but not less than 60 %.
    for n in 0..13 {
        left(&mut world, n);
    }
    pass(&mut world, 72_000);
    assert_eq!(told(&world).len(), 3, "no worse than before");
    left(&mut world, 13);
    left(&mut world, 14);
    pass(&mut world, 80_000);
    assert_eq!(
        told(&world).last().unwrap().2,
        Some(Resolution::Resumed),
        "24 of 40"
    );
}

#[test]
fn a_process_that_has_ended_presses_no_more() {
    let mut world = world();
    for n in 0..35 {
        used_up(&mut world, n, Some(client(7)));
    }
    pass(&mut world, 60_000);
    world.kernel.ended = vec![process(7).id];
    pass(&mut world, 66_000);
    let exited = Some(Resolution::ProcessExited);
    assert_eq!(told(&world).last().unwrap().2, exited);
    pass(&mut world, 200_000);
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
    let cases: [(Option<Owner>, &[LocalPorts]); 4] = [
        // Those of a server's clients have no opener here.
        (None, &[FEW]),
        (Some(client(7)), &[]),
        (Some(client(7)), &[elsewhere]),
        // Ports that were bound by the application itself.
        (Some(client(7)), &[others]),
    ];
    for (opener, ports) in cases {
        let mut world = world();
        world.kernel.ports = ports.to_vec();
        for n in 0..40 {
            used_up(&mut world, n, opener.clone());
        }
        pass(&mut world, 200_000);
        assert_eq!(told(&world), []);
    }
}

#[test]
fn ports_that_the_kernel_does_not_choose_do_not_count_even_without_a_threshold() {
    let mut settings = Settings::default();
    let at_once = VerdictSettings {
        after: Duration::ZERO,
        level: Level::Auto,
    };
    settings.verdicts.insert(Verdict::TimeWaitPressure, at_once);
    let mut world = World::scanning(settings);
    world.kernel.ports = vec![LocalPorts {
        low: 50_000,
        high: 50_039,
        ..FEW
    }];
    for n in 0..40 {
        used_up(&mut world, n, Some(client(7)));
    }
    pass(&mut world, 5_000);
    assert_eq!(told(&world), []);
}

#[test]
fn two_processes_that_share_the_ports_are_counted_each_for_its_part() {
    let share = |parts: u64| {
        let mut world = world();
        for n in 0..40 {
            let pid = if n % parts == 0 { 8 } else { 7 };
            used_up(&mut world, n, Some(client(pid)));
        }
        pass(&mut world, 100_000);
        world
    };
    assert_eq!(told(&share(2)), []);
    let world = share(5);
    assert_eq!(told(&world), [OPENED], "32 of 40");
    assert_eq!(world.engine.findings()[0].evidence.missing, ["holders"]);
}

#[test]
fn who_was_only_seen_holding_a_connection_is_likely_at_most() {
    let mut world = world();
    for n in 0..40 {
        used_up(&mut world, n, None);
    }
    world.run(100_000, |_| {
        vec![SocketView {
            role: Role::Client,
            endpoints: outward(50),
            state: TcpState::Established,
            ..view(1)
        }]
    });
    assert_eq!(told(&world).len(), 1);
    let finding = &world.engine.findings()[0];
    assert_eq!(finding.confidence, Confidence::Likely);
}

#[test]
fn a_process_can_have_a_threshold_of_its_own() {
    let exception = Exception {
        process: Some("app7".to_owned()),
        thresholds: [(Verdict::TimeWaitPressure, Duration::from_secs(30))].into(),
        severities: [(Verdict::TimeWaitPressure, Level::Fixed(Severity::Info))].into(),
        ..Exception::default()
    };
    let mut world = World::scanning(Settings {
        exceptions: vec![exception],
        ..Settings::default()
    });
    world.kernel.ports = vec![FEW];
    for n in 0..30 {
        used_up(&mut world, n, Some(client(7)));
    }
    pass(&mut world, 59_000);
    assert_eq!(told(&world), []);
    pass(&mut world, 80_000);
    assert_eq!(told(&world), [(Action::Opened, Severity::Info, None)]);
}

proptest! {
    #![proptest_config(cases(300))]

    /// Whatever comes and goes: open exactly while it holds, opened and resolved once each.
    #[test]
    fn it_is_open_only_while_it_holds(
        steps in prop::collection::vec((0_u64..40, any::<bool>(), 0_u64..8_000), 1..200),
    ) {
        let mut world = world();
        let mut present = BTreeSet::new();
        let mut now = 100;
        for (n, enters, wait) in steps {
            now += wait;
            pass(&mut world, now);
            if enters && present.insert(n) {
                used_up(&mut world, n, Some(client(7)));
            } else if present.remove(&n) {
                left(&mut world, n);
            }
            let told = told(&world);
            let balance = |action| told.iter().filter(|told| told.0 == action).count();
            let open = balance(Action::Opened) - balance(Action::Resolved);
            prop_assert!(open <= 1);
            prop_assert_eq!(world.engine.findings().len(), open);
            prop_assert_eq!(world.engine.stats().findings, open as u64);
            for finding in world.engine.findings() {
                let share = finding.evidence.port_use.unwrap().time_wait * 100 / 40;
                prop_assert!(share > 60, "{share} %");
            }
        }
        for n in present {
            left(&mut world, n);
        }
        pass(&mut world, now + 40_000);
        prop_assert_eq!(world.engine.findings().len(), 0);
    }
}
