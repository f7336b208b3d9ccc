use std::path::Path;
use std::time::Duration;

use finback_core::model::finding::Action;

use super::*;
use crate::output::samples;

fn finding_stacks() -> FindingStacks {
    // Nothing is asked of its readers.
    let worker = Stacks::spawn_with(Path::new("/bin/false")).unwrap();
    FindingStacks::new(worker)
}

fn answer(event: &Event) -> Answer {
    Answer {
        id: finding(event).unwrap().id,
        stacks: samples::stacks().into(),
    }
}

fn later(event: Event, by: Duration) -> Event {
    Event {
        time: event.time + by,
        ..event
    }
}

/// What happened after the finding may be in the ring yet, and is told after the stacks.
#[test]
fn stacks_are_dated_as_the_last_line_of_their_socket() {
    let mut stacks = finding_stacks();
    let opened = samples::finding(Action::Opened);
    assert!(stacks.told(&opened).1.is_some());
    let (update, shown) = stacks.answered(&answer(&opened)).unwrap();
    assert_eq!((update.time, &*shown), (opened.time, samples::stacks()));
    assert_eq!(finding(&update).unwrap().action, Action::Updated);

    let mut stacks = finding_stacks();
    stacks.told(&opened);
    let change = later(samples::transition(), Duration::from_mins(1));
    stacks.note(&change);
    let (update, _) = stacks.answered(&answer(&opened)).unwrap();
    assert_eq!(update.time, change.time);
}

#[test]
fn stacks_of_a_finding_that_is_resolved_are_not_told() {
    let mut stacks = finding_stacks();
    let opened = samples::finding(Action::Opened);
    stacks.told(&opened);
    stacks.told(&samples::finding(Action::Resolved));
    assert!(stacks.answered(&answer(&opened)).is_none());
    assert!(stacks.open.is_empty() && stacks.of.is_empty());
}
