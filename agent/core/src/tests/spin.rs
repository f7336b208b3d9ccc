//! The end-of-stream read over and over.

use super::*;
use crate::model::finding::Severity;

/// The end was read so often, first half a second after the FIN.
fn delivered(count: u32) -> SocketView {
    SocketView {
        half: Some(Box::new(HalfClosed {
            eof_at: Some(at(500)),
            eof_count: count,
            eof_by: Some(7),
            ..fin(0)
        })),
        ..drained(1)
    }
}

fn spinning(per_second: u64) -> impl Fn(u64) -> Vec<SocketView> {
    move |now| {
        let count = u32::try_from(now * per_second / 1000).unwrap();
        vec![delivered(count)]
    }
}

#[test]
fn more_than_a_hundred_deliveries_a_second_are_a_spin() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(10_000, spinning(1_000));
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofSpin)]);
    let finding = world.last();
    assert_eq!(
        finding.severity,
        Severity::Info,
        "its incident tells when that harms"
    );
    assert!(finding.opened >= at(4_000), "not before two seconds of it");
    assert!(finding.opened <= at(7_000));
}

#[test]
fn ninety_deliveries_a_second_are_not_a_spin() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(60_000, spinning(90));
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
}

#[test]
fn a_burst_of_deliveries_is_not_a_spin() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(20_000, |_| vec![delivered(5_000)]);
    assert!(world.findings.is_empty());
}

#[test]
fn a_spin_that_stops_is_over_and_the_connection_still_not_closed() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(60_000, |now| spinning(1_000)(now.min(8_000)));
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::EofSpin),
            (Action::Resolved, Verdict::EofSpin),
            (Action::Opened, Verdict::NotClosed)
        ]
    );
}

/// As [`spinning`], and data were sent and acknowledged at these moments.
fn writing(moments: &'static [u64]) -> impl Fn(u64) -> Vec<SocketView> {
    let spin = spinning(1_000);
    move |now| {
        let bytes = moments.iter().filter(|&&moment| moment <= now).count();
        let views = spin(now).into_iter();
        views.map(|view| sent(view, bytes as u64)).collect()
    }
}

#[test]
fn an_answer_before_it_is_no_excuse() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(20_000, writing(&[1_000]));
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofSpin)]);
}

#[test]
fn who_sends_meanwhile_spins_from_then_on() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(20_000, writing(&[1_000, 3_000, 4_000]));
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofSpin)]);
    assert!(
        world.last().opened >= at(6_000),
        "{:?}",
        world.last().opened
    );
}

#[test]
fn a_burst_between_two_looks_is_not_a_spin() {
    let mut world = World::new();
    world.half_closed(1, 0);
    // Far more than a hundred for every second since the look before.
    world.run(60_000, |now| {
        vec![delivered(if now < 15_000 { 1 } else { 50_000 })]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
}

#[test]
fn what_begins_to_spin_just_before_another_threshold_has_one_finding() {
    let mut world = World::new();
    world.half_closed(1, 0);
    // The end was delivered long ago; `not_closed` would come in the middle of the two seconds.
    world.run(60_000, |now| {
        let count = u32::try_from(now.saturating_sub(28_000)).unwrap() + 1;
        vec![delivered(count)]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofSpin)]);
}

#[test]
fn must_not_hide_a_spin_after_a_reset() {
    // A read that does not block, in a loop that ignores what select says of errors.
    let mut world = World::scanning(Settings::default());
    world.run(40_000, |now| {
        let half = HalfClosed {
            eof_at: Some(at(500)),
            eof_count: u32::try_from(now).unwrap(),
            eof_by: Some(7),
            by_reset: true,
            ..fin(0)
        };
        let reset = SocketView {
            state: TcpState::Closed,
            half: Some(Box::new(half)),
            ..drained(1)
        };
        vec![counted(reset, |c| c.shutdown = 3)]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofSpin)]);
}

#[test]
fn must_not_flag_forty_readers_of_forty_connections_each_told_once() {
    let mut world = World::scanning(Settings::default());
    world.run(20_000, |_| {
        let told = |n| SocketView {
            sock: sock(n),
            endpoints: ends(n),
            inode: Some(n),
            ..delivered(1)
        };
        (1..=40).map(told).collect()
    });
    assert!(world.findings.is_empty());
}

#[test]
fn a_spin_that_only_slows_down_is_not_over() {
    let mut world = World::new();
    world.half_closed(1, 0);
    // A thousand a second, then twenty, then five.
    let count = |now: u64| {
        let fast = now.min(20_000);
        let slow = now.clamp(20_000, 60_000) - 20_000;
        let hardly = now.max(60_000) - 60_000;
        u32::try_from(fast + slow / 50 + hardly / 200).unwrap()
    };
    world.run(59_000, |now| vec![delivered(count(now))]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofSpin)]);
    world.run(90_000, |now| vec![delivered(count(now))]);
    assert_eq!(world.verdicts()[1], (Action::Updated, Verdict::NotClosed));
}
