//! Whom a connection that nobody accepts is charged to, and what is advised.

use super::*;
use crate::model::look::Queued;
use crate::model::process::Descriptors;
use crate::model::run::Halt;

fn listener(holders: &[Holder]) -> SocketView {
    let mut view = view(0);
    view.endpoints.peer = addr("0.0.0.0:0");
    view.state = TcpState::Listen;
    view.holders = holders.to_vec();
    view
}

fn waiting(n: u64, holders: &[Holder]) -> SocketView {
    SocketView {
        holders: Vec::new(),
        inode: None,
        queued: Some(Box::new(Queued {
            listener: Some(sock(0)),
            listeners: holders.to_vec(),
            proven: true,
        })),
        ..view(n)
    }
}

/// What another connection shows: this process has accepted it.
fn accepted(n: u64, pid: u32) -> SocketView {
    SocketView {
        state: TcpState::Established,
        opener: Some(owner(pid, Attribution::Accept)),
        ..held_by(pid, drained(n))
    }
}

/// Half a minute with one that hung up in the queue of a listener with these holders.
fn charged(holders: &[Holder], others: &[SocketView]) -> World {
    let mut world = World::scanning(Settings::default());
    world.kernel.half.insert(sock(1), fin(0));
    charge(&mut world, holders, others);
    world
}

fn charge(world: &mut World, holders: &[Holder], others: &[SocketView]) {
    world.run(30_000, |_| {
        let own = [listener(holders), waiting(1, holders)];
        own.into_iter().chain(others.iter().cloned()).collect()
    });
}

fn named(world: &World) -> u32 {
    world.shown().owner.as_ref().unwrap().process.id.pid
}

#[test]
fn whoever_accepted_last_is_named() {
    let holders = [holder(1, 30), holder(3, 3), holder(4, 3)];
    let world = charged(&holders, &[accepted(5, 4)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NeverAccepted)]);
    assert_eq!(named(&world), 4);
    assert_eq!(world.last().holders, holders, "all are shown");
}

#[test]
fn must_not_name_a_service_manager_that_holds_the_listener_for_its_service() {
    let world = charged(&[holder(1, 30), holder(3, 3)], &[]);
    assert_eq!(named(&world), 3);
    assert!(world.last().hint.starts_with("The accept loop"));
}

#[test]
fn must_not_hide_a_listener_that_no_unit_has_taken() {
    let world = charged(&[holder(1, 30)], &[]);
    assert_eq!(named(&world), 1);
    let hint = &world.last().hint;
    assert!(hint.contains("the unit has not taken its socket"), "{hint}");
}

#[test]
fn must_not_hide_holders_none_of_which_ever_accepted() {
    let world = charged(&[holder(3, 3)], &[accepted(5, 6)]);
    assert_eq!(named(&world), 3);
    let hint = &world.last().hint;
    assert!(
        hint.contains("have inherited it and do not accept"),
        "{hint}"
    );
}

#[test]
fn that_no_descriptor_is_left_to_accept_with_is_told_with_numbers() {
    let mut world = World::scanning(Settings::default());
    world.kernel.half.insert(sock(1), fin(0));
    let all = Descriptors {
        open: 1_023,
        limit: 1_024,
    };
    world.kernel.descriptors.insert(3, all);
    charge(&mut world, &[holder(3, 3)], &[]);
    let hint = &world.last().hint;
    assert!(hint.starts_with("1023 of its 1024 descriptors"), "{hint}");
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::NeverAccepted),
            (Action::Updated, Verdict::NeverAccepted)
        ],
        "told once they are counted"
    );
}

#[test]
fn must_not_hide_a_server_that_is_stopped() {
    let mut world = World::scanning(Settings::default());
    world.kernel.half.insert(sock(1), fin(0));
    let holders = [holder(3, 3)];
    world.run(30_000, |_| {
        let halted = Some(Halt::Stopped);
        let queued = waiting(1, &holders);
        vec![listener(&holders), SocketView { halted, ..queued }]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NeverAccepted)]);
    let summary = &world.last().summary;
    let first = "app3 (pid 3, listening on fd 3), which is stopped (T), has not accepted";
    assert!(summary.starts_with(first), "{summary}");
}

#[test]
fn must_not_flag_a_health_check_that_leaves_while_a_server_is_busy_for_two_seconds() {
    let mut world = World::scanning(Settings::default());
    let holders = [holder(3, 3)];
    for check in 0..10 {
        let began = check * 10_000;
        world.kernel.half.insert(sock(1 + check), fin(began));
        let queued = waiting(1 + check, &holders);
        world.run(began + 2_000, |_| vec![listener(&holders), queued.clone()]);
        // It is accepted, the end read, and closed.
        world.kernel.half.clear();
        world.run(began + 9_999, |_| vec![listener(&holders)]);
    }
    assert!(world.findings.is_empty());
}
