//! TIME_WAIT, told by hooks and found by sweeping.

use super::*;
use crate::model::observation::Minisock;

fn by_sweep() -> Settings {
    Settings {
        time_wait_by_sweep: true,
        ..Settings::default()
    }
}

fn enter(world: &mut World, ms: u64, substate: TcpState) {
    let what = What::TimeWaitEntered {
        endpoints: ends(1),
        substate,
    };
    world.tell(ms, key(1), what);
}

/// Our side closes; the full socket is replaced at 10 ms.
fn closing(world: &mut World, hooks: Option<TcpState>, fin_received: bool) {
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.owned(2, 1, owner(7, Attribution::Accept));
    world.state(3, 1, TcpState::Established, TcpState::FinWait1);
    world.state(4, 1, TcpState::FinWait1, TcpState::FinWait2);
    if let Some(substate) = hooks {
        enter(world, 10, substate);
    }
    let mut end = change(1, TcpState::FinWait2, TcpState::Closed);
    end.dead = true;
    end.fin_received = fin_received;
    world.tell(11, key(1), What::State(end));
}

const ENTERED: (TcpState, TcpState, Cause) =
    (TcpState::FinWait2, TcpState::TimeWait, Cause::FinReceived);
const LEFT: (TcpState, TcpState, Cause) = (TcpState::TimeWait, TcpState::Closed, Cause::Timeout);

#[test]
fn a_client_that_gets_a_minisocks_port_ends_it() {
    let mut world = World::new();
    world.state(1, 1, TcpState::Established, TcpState::FinWait1);
    let entered = What::TimeWaitEntered {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    };
    world.tell(2, key(1), entered);
    // The port is chosen after the first record of the connection.
    let mut opens = change(2, TcpState::Closed, TcpState::SynSent);
    opens.endpoints = Endpoints {
        local: SocketAddr::new(ends(1).local.ip(), 0),
        ..ends(1)
    };
    world.tell(10, key(2), What::State(opens));
    let mut connected = change(2, TcpState::SynSent, TcpState::Established);
    connected.endpoints = ends(1);
    world.tell(11, key(2), What::State(connected));
    assert_eq!(world.tracker.stats().minisocks, 0);
    assert_eq!(
        world.tracker.connections().count(),
        1 + 1,
        "one has a socket left"
    );
}

#[test]
fn hooks_tell_entry_and_exit_and_the_full_socket_ends_silently() {
    let mut world = World::new();
    closing(&mut world, Some(TcpState::TimeWait), true);
    assert_eq!(world.transitions.last(), Some(&ENTERED));
    let Some(Body::Transition { connection, .. }) = world.events.last().map(|e| &e.body) else {
        panic!("the transition is the last event")
    };
    assert_eq!(connection.owner.as_ref().unwrap().process.id.pid, 7);
    world.tell(60_010, key(0), What::TimeWaitLeft { endpoints: ends(1) });
    assert_eq!(world.transitions.last(), Some(&LEFT));
    assert_eq!(world.transitions.len(), 5);
    assert_eq!(world.tracker.connections().count(), 0);
    assert!(world.sweeps.is_empty());
    assert_eq!(world.tracker.poll_timeout(), None);
}

#[test]
fn an_exit_whose_record_was_lost_is_found_by_one_sweep() {
    let mut world = World::new();
    closing(&mut world, Some(TcpState::TimeWait), true);
    world.run(69_000, |_| Vec::new());
    assert!(world.sweeps.is_empty());
    world.run(72_000, |_| Vec::new());
    assert_eq!(world.sweeps, [[1]]);
    world.tracker.handle_time_wait(&[1], &[], at(72_000));
    world.drain();
    assert_eq!(world.transitions.last(), Some(&LEFT));
    assert_eq!(world.tracker.poll_timeout(), None);
}

#[test]
fn an_orphan_in_fin_wait_2_is_no_time_wait_until_the_fin_has_come() {
    let mut world = World::new();
    closing(&mut world, Some(TcpState::FinWait2), false);
    let before = world.transitions.len();
    world.run(1_500, |_| Vec::new());
    assert_eq!(world.sweeps, [[1]]);
    let mut minisock = Minisock {
        endpoints: ends(1),
        substate: TcpState::FinWait2,
    };
    world.tracker.handle_time_wait(&[1], &[minisock], at(1_500));
    world.drain();
    assert_eq!(world.transitions.len(), before, "no false time_wait");
    world.run(7_000, |_| Vec::new());
    assert_eq!(world.sweeps.len(), 2);
    minisock.substate = TcpState::TimeWait;
    world.tracker.handle_time_wait(&[1], &[minisock], at(7_000));
    world.drain();
    assert_eq!(world.transitions.last(), Some(&ENTERED));
    world.tell(67_000, key(0), What::TimeWaitLeft { endpoints: ends(1) });
    assert_eq!(world.transitions.last(), Some(&LEFT));
}

#[test]
fn a_minisock_that_leaves_before_its_time_has_not_timed_out() {
    let mut world = World::new();
    closing(&mut world, Some(TcpState::FinWait2), false);
    // Data came, and the kernel answered with a reset.
    world.tell(2_000, key(0), What::TimeWaitLeft { endpoints: ends(1) });
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::FinWait2, TcpState::Closed, Cause::Unknown))
    );
}

#[test]
fn a_reset_after_shutdown_is_the_peer_s_and_one_after_close_can_be_the_kernel_s() {
    for (closed, cause) in [(false, Cause::RstReceived), (true, Cause::ResetAfterClose)] {
        for from in [TcpState::FinWait1, TcpState::FinWait2] {
            let mut world = World::new();
            let mut end = change(1, from, TcpState::Closed);
            end.error = 104;
            end.shutdown = true;
            end.closed = closed;
            world.tell(5, key(1), What::State(end));
            assert_eq!(
                world.transitions.last(),
                Some(&(from, TcpState::Closed, cause))
            );
        }
    }
}

#[test]
fn without_hooks_the_entry_is_inferred_and_the_exit_swept() {
    let mut world = World::with(by_sweep());
    closing(&mut world, None, true);
    assert_eq!(world.transitions.last(), Some(&ENTERED));
    let minisock = Minisock {
        endpoints: ends(1),
        substate: TcpState::TimeWait,
    };
    for now in [2_000, 8_000, 20_000] {
        world.run(now, |_| Vec::new());
        world.tracker.handle_time_wait(&[1], &[minisock], at(now));
        world.drain();
    }
    assert_eq!(world.transitions.last(), Some(&ENTERED));
    world.run(62_500, |_| Vec::new());
    assert!(world.sweeps.len() <= 14, "{} sweeps", world.sweeps.len());
    world.tracker.handle_time_wait(&[1], &[], at(62_500));
    world.drain();
    assert_eq!(world.transitions.last(), Some(&LEFT));
    assert_eq!(world.tracker.connections().count(), 0);
    assert_eq!(world.tracker.poll_timeout(), None);
}

#[test]
fn a_sweep_does_not_end_what_began_after_it() {
    let mut world = World::with(by_sweep());
    closing(&mut world, None, true);
    world.tracker.handle_time_wait(&[1], &[], at(11));
    world.drain();
    assert_eq!(world.transitions.last(), Some(&ENTERED));
}

#[test]
fn an_aborted_close_is_not_a_time_wait() {
    let mut world = World::with(by_sweep());
    world.state(4, 1, TcpState::FinWait1, TcpState::FinWait2);
    let mut end = change(1, TcpState::FinWait2, TcpState::Closed);
    end.dead = true;
    end.error = 104;
    world.tell(5, key(1), What::State(end));
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::FinWait2, TcpState::Closed, Cause::ResetAfterClose))
    );
    assert_eq!(world.tracker.connections().count(), 0);
}

#[test]
fn new_traffic_between_the_same_addresses_ends_the_minisock() {
    let mut world = World::with(by_sweep());
    closing(&mut world, None, true);
    let mut birth = change(1, TcpState::SynReceived, TcpState::Established);
    birth.endpoints = ends(1);
    world.tell(30_000, key(2), What::State(birth));
    let (from, to, _) = LEFT;
    assert_eq!(world.transitions[4], (from, to, Cause::Reused));
    assert_eq!(world.tracker.connections().count(), 1);
}

#[test]
fn a_full_socket_whose_descriptor_is_open_outlives_its_minisock() {
    let mut world = World::new();
    world.state(4, 1, TcpState::FinWait1, TcpState::FinWait2);
    enter(&mut world, 10, TcpState::TimeWait);
    world.state(10, 1, TcpState::FinWait2, TcpState::Closed);
    world.tell(60_000, key(0), What::TimeWaitLeft { endpoints: ends(1) });
    let left = world.tracker.connections().next().unwrap();
    assert_eq!(left.connection.state, TcpState::Closed);
    world.tell(61_000, key(1), What::Gone);
    assert_eq!(world.tracker.connections().count(), 0);
    assert_eq!(world.transitions.len(), 3);
}
