//! TIME_WAIT, told by hooks and found by sweeping.

use super::*;

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
    world.tell(ms, sock(1), what);
}

fn leave(world: &mut World, ms: u64) {
    world.tell(ms, 0, What::TimeWaitLeft { endpoints: ends(1) });
}

fn minisock(state: TcpState) -> Unheld {
    Unheld {
        endpoints: ends(1),
        state,
        minisock: true,
    }
}

fn answer(world: &mut World, ms: u64, found: &[Unheld]) {
    world
        .stream
        .handle_time_wait(&[1], found, at(ms), &mut world.out);
    world.drain();
}

/// Our side closes; the full socket is replaced at 10 ms.
fn closing(world: &mut World, hooks: Option<TcpState>, fin_received: bool) {
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.opened(2, 1, owner(7, Attribution::Accept));
    world.state(3, 1, TcpState::Established, TcpState::FinWait1);
    world.state(4, 1, TcpState::FinWait1, TcpState::FinWait2);
    if let Some(substate) = hooks {
        enter(world, 10, substate);
    }
    let mut end = change(1, TcpState::FinWait2, TcpState::Closed);
    end.dead = true;
    end.fin_received = fin_received;
    world.change(11, 1, end);
    world.ended(12, 1);
}

const ENTERED: (TcpState, TcpState, Cause) =
    (TcpState::FinWait2, TcpState::TimeWait, Cause::FinReceived);
const LEFT: (TcpState, TcpState, Cause) = (TcpState::TimeWait, TcpState::Closed, Cause::Timeout);

#[test]
fn a_client_that_gets_a_minisock_s_port_ends_it() {
    let mut world = World::new();
    world.state(1, 1, TcpState::Established, TcpState::FinWait1);
    enter(&mut world, 2, TcpState::TimeWait);
    // The port is chosen after the first record of the connection.
    let mut opens = change(2, TcpState::Closed, TcpState::SynSent);
    opens.endpoints = ends(1);
    opens.endpoints.local.set_port(0);
    world.change(10, 2, opens);
    assert_eq!(world.stream.stats().minisocks, 1);
    let mut connected = change(2, TcpState::SynSent, TcpState::Established);
    connected.endpoints = ends(1);
    world.change(11, 2, connected);
    assert_eq!(world.stream.stats().minisocks, 0);
    let states: Vec<_> = world.known().iter().map(|&(_, state)| state).collect();
    let left = [TcpState::Closed, TcpState::Established];
    assert_eq!(states, left, "the first still has a descriptor");
}

#[test]
fn hooks_tell_entry_and_exit_and_the_full_socket_ends_silently() {
    let mut world = World::new();
    closing(&mut world, Some(TcpState::TimeWait), true);
    assert_eq!(world.transitions.last(), Some(&ENTERED));
    let entered = &world.events[world.events.len() - 2];
    let shown = connection(entered).unwrap();
    assert_eq!(shown.owner.as_ref().unwrap().process.id.pid, 7);
    leave(&mut world, 60_010);
    assert_eq!(world.transitions.last(), Some(&LEFT));
    assert_eq!(world.transitions.len(), 5);
    assert_eq!((world.known(), world.lives.len()), (vec![], 1));
    assert!(world.sweeps.is_empty());
    assert_eq!(due(&world.stream), None);
}

#[test]
fn an_exit_whose_record_was_lost_is_found_by_one_sweep() {
    let mut world = World::new();
    closing(&mut world, Some(TcpState::TimeWait), true);
    world.run(69_000);
    assert!(world.sweeps.is_empty());
    world.run(72_000);
    assert_eq!(world.sweeps, [[1]]);
    answer(&mut world, 72_000, &[]);
    assert_eq!(world.transitions.last(), Some(&LEFT));
    world.run(200_000);
    assert_eq!(world.sweeps.len(), 1);
    assert_eq!(world.transitions.len(), 5);
}

#[test]
fn an_orphan_in_fin_wait_2_is_no_time_wait_until_the_fin_has_come() {
    let mut world = World::new();
    closing(&mut world, Some(TcpState::FinWait2), false);
    let before = world.transitions.len();
    world.run(1_500);
    assert_eq!(world.sweeps, [[1]]);
    answer(&mut world, 1_500, &[minisock(TcpState::FinWait2)]);
    assert_eq!(world.transitions.len(), before, "no false time_wait");
    world.run(7_000);
    assert_eq!(world.sweeps.len(), 2);
    answer(&mut world, 7_000, &[minisock(TcpState::TimeWait)]);
    assert_eq!(world.transitions.last(), Some(&ENTERED));
    leave(&mut world, 67_000);
    assert_eq!(world.transitions.last(), Some(&LEFT));
}

#[test]
fn a_minisock_that_leaves_before_its_time_has_not_timed_out() {
    let mut world = World::new();
    closing(&mut world, Some(TcpState::FinWait2), false);
    // Data came, and the kernel answered with a reset.
    leave(&mut world, 2_000);
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::FinWait2, TcpState::Closed, Cause::Unknown))
    );
}

#[test]
fn without_hooks_the_entry_is_inferred_and_the_exit_swept() {
    let mut world = World::with(&by_sweep(), everything());
    closing(&mut world, None, true);
    assert_eq!(world.transitions.last(), Some(&ENTERED));
    for now in [2_000, 8_000, 20_000] {
        world.run(now);
        answer(&mut world, now, &[minisock(TcpState::TimeWait)]);
    }
    assert_eq!(world.transitions.last(), Some(&ENTERED));
    world.run(62_500);
    assert!(world.sweeps.len() <= 14, "{} sweeps", world.sweeps.len());
    answer(&mut world, 62_500, &[]);
    assert_eq!(world.transitions.last(), Some(&LEFT));
    assert_eq!(world.known(), []);
}

#[test]
fn without_hooks_and_changes_to_closed_the_entry_is_inferred_from_the_end() {
    let mut world = World::with(&by_sweep(), Interest::in_states([TcpState::TimeWait]));
    world.opened(2, 1, owner(7, Attribution::Accept));
    let mut end = end(1);
    end.life.last = Some(LastChange {
        time: at(11),
        from: TcpState::FinWait2,
        error: 0,
        fin_received: true,
        shutdown: false,
        closed: true,
        exiting: false,
    });
    world.tell(12, sock(1), What::End(end));
    assert_eq!(world.transitions, [ENTERED]);
    assert_eq!(world.times(key(1, 2)), [at(11)]);
    assert_eq!(world.known(), [(key(1, 2), TcpState::TimeWait)]);
}

#[test]
fn a_sweep_does_not_end_what_began_after_it() {
    let mut world = World::with(&by_sweep(), everything());
    closing(&mut world, None, true);
    answer(&mut world, 11, &[]);
    assert_eq!(world.transitions.last(), Some(&ENTERED));
}

#[test]
fn an_aborted_close_is_not_a_time_wait() {
    let mut world = World::with(&by_sweep(), everything());
    world.state(4, 1, TcpState::FinWait1, TcpState::FinWait2);
    let mut end = change(1, TcpState::FinWait2, TcpState::Closed);
    end.dead = true;
    end.error = 104;
    world.change(5, 1, end);
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::FinWait2, TcpState::Closed, Cause::ResetAfterClose))
    );
    assert_eq!(world.stream.stats().minisocks, 0);
}

#[test]
fn new_traffic_between_the_same_addresses_ends_the_minisock() {
    let mut world = World::with(&by_sweep(), everything());
    closing(&mut world, None, true);
    let mut birth = change(1, TcpState::SynReceived, TcpState::Established);
    birth.endpoints = ends(1);
    world.change(30_000, 2, birth);
    let (from, to, _) = LEFT;
    assert_eq!(world.transitions[4], (from, to, Cause::Reused));
    assert_eq!(world.known(), [(key(2, 30_000), TcpState::Established)]);
}

#[test]
fn a_full_socket_whose_descriptor_is_open_outlives_its_minisock() {
    let mut world = World::new();
    world.state(4, 1, TcpState::FinWait1, TcpState::FinWait2);
    enter(&mut world, 10, TcpState::TimeWait);
    world.state(10, 1, TcpState::FinWait2, TcpState::Closed);
    assert_eq!(world.known(), [(key(1, 4), TcpState::TimeWait)]);
    leave(&mut world, 60_000);
    assert_eq!(world.known(), [(key(1, 4), TcpState::Closed)]);
    world.ended(61_000, 1);
    assert_eq!(world.known(), []);
    assert_eq!(world.transitions.len(), 3);
}

#[test]
fn minisocks_of_a_namespace_that_may_not_be_entered_leave_after_their_time() {
    for settings in [by_sweep(), Settings::default()] {
        let mut world = World::with(&settings, everything());
        let hooks = (!settings.time_wait_by_sweep).then_some(TcpState::TimeWait);
        closing(&mut world, hooks, true);
        let mut now = 1_000;
        while world.stream.stats().minisocks > 0 && now < 600_000 {
            world.run(now);
            // Another one could be listed.
            world
                .stream
                .handle_time_wait(&[2], &[], at(now), &mut world.out);
            world.drain();
            now += 1_000;
        }
        assert!((75_000..120_000).contains(&now), "it left at {now}");
        let (from, to, _) = LEFT;
        assert_eq!(world.transitions.last(), Some(&(from, to, Cause::Unknown)));
        assert_eq!(due(&world.stream), None);
    }
}

#[test]
fn an_orphan_of_a_namespace_that_may_not_be_entered_is_given_the_time_of_a_late_fin() {
    let mut world = World::new();
    closing(&mut world, Some(TcpState::FinWait2), false);
    world.run(120_000);
    assert_eq!(world.stream.stats().minisocks, 1);
    world.run(160_000);
    assert_eq!(world.stream.stats().minisocks, 0);
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::FinWait2, TcpState::Closed, Cause::Unknown))
    );
}
