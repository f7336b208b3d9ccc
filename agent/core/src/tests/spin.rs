//! The end-of-stream read over and over.

use super::*;
use crate::model::finding::Severity;

/// The end was read so often, first half a second after the FIN.
fn delivered(count: u32) -> SocketView {
    SocketView {
        half: Some(HalfClosed {
            eof_at: Some(at(500)),
            eof_count: count,
            eof_by: Some(7),
            ..fin(0)
        }),
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
