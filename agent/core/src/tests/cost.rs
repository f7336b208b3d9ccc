//! What things cost: how often everything is looked at, and how much work grows with what there is. Counted, never
//! timed.

use super::*;
use crate::effort;
use crate::engine::Engine;
use crate::model::event::Output;
use crate::model::interest::Interest;
use crate::model::observation::Loss;
use crate::model::process::Identity;
use crate::settings::exception::Exception;
use crate::settings::verdict::{Level, VerdictSettings};

#[test]
fn thresholds_of_nothing_do_not_make_thousands_of_passes() {
    let mut settings = Settings::default();
    for verdict in Verdict::ALL {
        let at_once = VerdictSettings {
            after: Duration::ZERO,
            level: Level::Auto,
        };
        settings.verdicts.insert(*verdict, at_once);
    }
    let mut world = World::scanning(settings);
    world.half_closed(1, 0);
    world.run(10_000, |_| vec![view(1)]);
    assert!(world.looks.len() < 200, "{}", world.looks.len());
}

#[test]
fn a_pass_that_fails_is_asked_for_again_once_a_second() {
    let mut engine = Engine::new(Settings::default());
    let mut asked = 0;
    loop {
        let now = engine.poll_timeout().max(at(0));
        if now > at(3_600_000) {
            break;
        }
        engine.handle_timeout(now);
        let mut waiting = 0;
        while let Some(output) = engine.next_output() {
            if let Output::Look { .. } = output {
                waiting += 1;
                engine.handle_failed_look(now);
            }
        }
        assert!(waiting <= 1);
        asked += waiting;
    }
    assert!((3_500..=3_601).contains(&asked), "{asked}");
}

#[test]
fn slow_looks_have_their_part_of_the_time_whoever_wants_them() {
    let mut engine = Engine::new(Settings::default());
    let mut world = World::new();
    for n in 0..200 {
        world.half_closed(n, n);
    }
    let (mut looks, mut now) = (0_u32, at(0));
    while now < at(600_000) {
        engine.handle_timeout(now);
        while let Some(output) = engine.next_output() {
            if let Output::Look { .. } = output {
                looks += 1;
                let slow = Snapshot {
                    took: Duration::from_millis(500),
                    cost: Duration::from_millis(500),
                    ..world.snapshot(ms(now), (0..200).map(view).collect())
                };
                engine.handle_look(&slow, now);
            } else if output == Output::Scan {
                engine.handle_scan(&world.kernel.places());
            }
        }
        now = engine.poll_timeout();
    }
    assert!(looks <= 26, "{looks} of half a second in ten minutes");
}

/// Each comparison repairs what was lost before it; more of them would only make the agent lose more.
#[test]
fn a_minute_of_loss_is_repaired_in_the_part_of_the_time_that_looks_may_take() {
    let mut engine = Engine::new(Settings::default());
    engine.set_interest(Interest::in_states([TcpState::CloseWait]), at(0));
    let world = World::new();
    let mut looks = 0_u32;
    for now in (0..60_000).step_by(100) {
        let reason = "ring_full";
        engine.handle_loss(
            Loss {
                records: 1,
                reason: reason.into(),
            },
            at(now),
        );
        engine.handle_timeout(at(now));
        while let Some(output) = engine.next_output() {
            if let Output::Look { .. } = output {
                looks += 1;
                let slow = Snapshot {
                    took: Duration::from_millis(500),
                    cost: Duration::from_millis(500),
                    unheld: Some(UnheldList::default()),
                    ..world.snapshot(now, Vec::new())
                };
                engine.handle_look(&slow, at(now));
            }
        }
    }
    assert!((2..=4).contains(&looks), "{looks} of half a second");
}

#[test]
fn among_thousands_of_processes_with_the_same_addresses_each_is_charged_with_its_own() {
    const PROCESSES: u32 = 4_000;
    let crowd = |pid: u32| SocketView {
        endpoints: Endpoints {
            netns: pid,
            ..ends(1)
        },
        ..held_by(pid, view(u64::from(pid)))
    };
    let mut world = World::scanning(Settings::default());
    world.run(40_000, |_| (1..=PROCESSES).map(crowd).collect());
    let mut charged: Vec<_> = world
        .events
        .iter()
        .filter_map(about_connection)
        .map(|(connection, finding)| {
            let pids = finding.holders.iter().map(|holder| holder.process.id.pid);
            (connection.endpoints.netns, pids.collect::<Vec<_>>())
        })
        .collect();
    charged.sort_unstable();
    let expected: Vec<_> = (1..=PROCESSES).map(|pid| (pid, vec![pid])).collect();
    assert_eq!(charged, expected);
}

fn patient(process: usize) -> Exception {
    Exception {
        process: Some(format!("p{process}")),
        thresholds: Verdict::ALL
            .iter()
            .map(|verdict| (*verdict, Duration::from_hours(1)))
            .collect(),
        ..Exception::default()
    }
}

/// An engine with so many exceptions that has seen a thousand half-closed connections.
fn busy(exceptions: usize) -> Engine {
    let mut engine = Engine::new(Settings {
        exceptions: (0..exceptions).map(patient).collect(),
        ..Settings::default()
    });
    let snapshot = World::new().snapshot(0, (0..1_000).map(view).collect());
    engine.handle_look(&snapshot, at(0));
    engine
}

#[test]
fn when_to_call_again_is_known_without_asking_the_settings() {
    let engine = busy(200);
    let steps = effort::of(|| {
        for _ in 0..100 {
            engine.poll_timeout();
        }
    });
    assert_eq!(steps, 0);
    // More patient exceptions do not move it.
    assert_eq!(engine.poll_timeout(), busy(0).poll_timeout());
}

/// Steps of half a minute with so many programs that have an incident each, with two connections.
fn steps_with(programs: u32) -> u64 {
    let mut world = World::scanning(Settings::default());
    for pid in 2..programs + 2 {
        let letter = char::from_u32(0x4e00 + pid);
        let executable = letter.map(|letter| format!("/usr/bin/{letter}").into());
        let identity = Identity {
            executable,
            ..Identity::default()
        };
        world.kernel.identities.insert(pid, identity);
    }
    let socket = |n: u32| SocketView {
        half: Some(Box::new(fin(0))),
        ..held_by(n / 2, view(u64::from(n)))
    };
    let all = |_| (4..programs * 2 + 4).map(socket).collect();
    world.run(60_000, all);
    assert_eq!(world.engine.stats().incidents, u64::from(programs));
    effort::of(|| world.run(90_000, all))
}

#[test]
fn four_times_the_incidents_are_four_times_the_work() {
    let (few, many) = (steps_with(200), steps_with(800));
    assert!(few >= 2_000, "{few}: nothing was counted");
    assert!(many <= few * 4, "{few} steps became {many}");
}
