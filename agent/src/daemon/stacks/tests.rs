use std::path::Path;
use std::time::Duration;

use finback_core::model::finding::Action;

use super::*;
use crate::output::samples;
use crate::process::stack::model::{Name, Reason};

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

fn stack(kind: Kind, addresses: &[u64]) -> Stack {
    let frame = |address: &u64| Frame {
        address: *address,
        module: None,
        build_id: None,
        offset: None,
        name: Name::Unknown(Reason::Unmapped),
    };
    Stack {
        kind,
        pid: 1,
        thread: 1,
        thread_name: "worker".into(),
        time: Timestamp::default(),
        syscall: None,
        truncated: false,
        absence: None,
        frames: addresses.iter().map(frame).collect(),
    }
}

#[test]
fn equal_opening_stacks_are_counted_together_and_the_most_common_come_first() {
    let (one, other) = (stack(Kind::Accept, &[1, 2]), stack(Kind::Accept, &[1, 3]));
    let rare = [4, 5].map(|address| stack(Kind::Connect, &[address]));
    let counts = most_common(vec![&one, &other, &rare[0], &other, &rare[1]]);
    assert_eq!(counts.len(), MAX_OPENED_AT);
    assert_eq!(counts[0], (2, other));
    assert_eq!(counts[1], (1, one));
}

#[test]
fn stacks_of_two_processes_of_one_program_are_the_same_wherever_it_is_mapped() {
    let at = |base: u64, build_id: Option<&str>| {
        let mut stack = stack(Kind::Accept, &[base + 0x10, base + 0x20]);
        for frame in &mut stack.frames {
            frame.module = Some("/usr/bin/shop".into());
            frame.build_id = build_id.map(Into::into);
            frame.offset = Some(frame.address - base);
        }
        stack
    };
    let [one, other] = [0x5500_0000, 0x7700_0000].map(|base| at(base, Some("0a6b")));
    let (newer, plain) = (at(0x5500_0000, Some("77ff")), at(0x6600_0000, None));
    let counts = most_common(vec![&one, &other, &newer, &plain]);
    assert_eq!(
        counts.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
        [2, 1, 1]
    );
}

#[test]
fn a_stack_of_now_or_without_frames_opened_nothing() {
    assert!(is_opening(&stack(Kind::Connect, &[1])));
    assert!(!is_opening(&stack(Kind::Connect, &[])));
    assert!(!is_opening(&stack(Kind::Current, &[1])));
}
