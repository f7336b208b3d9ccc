//! Connections that nobody accepts.

use super::*;
use crate::model::finding::Confidence;
use crate::model::look::Queued;

fn waiting(n: u64, proven: bool) -> SocketView {
    SocketView {
        holders: Vec::new(),
        inode: None,
        queued: Some(Box::new(Queued {
            listener: Some(sock(0)),
            listeners: vec![holder(3, 3)],
            proven,
        })),
        ..view(n)
    }
}

fn listener() -> SocketView {
    let mut view = view(0);
    view.state = TcpState::Listen;
    view.counters.as_mut().unwrap().backlog = 2;
    view
}

fn unaccepted(world: &mut World, n: u64, fin: u64) {
    let mut end = change(n, TcpState::Established, TcpState::CloseWait);
    end.unattached = true;
    world.change(fin, n, end);
}

#[test]
fn a_peer_that_hung_up_in_the_queue_names_the_listener() {
    let mut world = World::new();
    unaccepted(&mut world, 1, 0);
    world.run(7_000, |_| vec![listener(), waiting(1, true)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NeverAccepted)]);
    let finding = world.last();
    assert_eq!(finding.confidence, Confidence::Proven);
    assert!(finding.opened >= at(5_000));
    assert_eq!(finding.holders, [holder(3, 3)]);
    assert_eq!(finding.evidence.accept_queue, Some(2));
    assert_eq!(finding.evidence.accepted, Some(false));
    let named = world.shown().owner.as_ref().unwrap();
    assert_eq!(
        (named.process.id.pid, named.attribution),
        (3, Attribution::Listener)
    );
}

#[test]
fn a_listener_matched_by_address_is_only_likely() {
    let mut world = World::new();
    unaccepted(&mut world, 1, 0);
    world.run(7_000, |_| vec![waiting(1, false)]);
    assert_eq!(world.last().confidence, Confidence::Likely);
    assert_eq!(world.last().evidence.missing, ["listener"]);
}

#[test]
fn a_late_accept_resolves_it_and_judging_goes_on() {
    let mut world = World::new();
    unaccepted(&mut world, 1, 0);
    world.run(7_000, |_| vec![waiting(1, true)]);
    world.opened(8_000, 1, owner(7, Attribution::Accept));
    assert_eq!(world.resolution(), Some(Resolution::Accepted));
    world.run(17_000, |_| vec![view(1)]);
    assert_eq!(world.findings.len(), 2, "it has its time since the accept");
    world.run(25_000, |_| vec![view(1)]);
    assert_eq!(world.last().verdict, Verdict::EofUnread);
    assert_eq!(world.last().action, Action::Opened);
    assert_eq!(world.last().id, 2);
}

#[test]
fn an_accept_that_only_a_look_shows_resolves_it_too() {
    let mut world = World::new();
    unaccepted(&mut world, 1, 0);
    world.run(7_000, |_| vec![waiting(1, true)]);
    world.run(20_000, |_| vec![view(1)]);
    assert_eq!(world.resolution(), Some(Resolution::Accepted));
}

#[test]
fn the_end_of_the_listener_ends_it() {
    for (exiting, expected) in [
        (false, Resolution::ClosedByApp),
        (true, Resolution::ProcessExited),
    ] {
        let mut world = World::new();
        unaccepted(&mut world, 1, 0);
        world.run(7_000, |_| vec![waiting(1, true)]);
        let mut end = change(1, TcpState::CloseWait, TcpState::Closed);
        end.unattached = true;
        end.exiting = exiting;
        world.change(8_000, 1, end);
        assert_eq!(world.resolution(), Some(expected));
    }
}
