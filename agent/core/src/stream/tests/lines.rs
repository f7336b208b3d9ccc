//! One line for a whole life.

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The end of a life that lasted from 10 to 100.
fn lived(last: TcpState, edit: impl FnOnce(&mut Life)) -> End {
    let mut life = Life {
        opened: Some(at(10)),
        established: Some(at(20)),
        last: Some(LastChange {
            time: at(100),
            from: last,
            error: 0,
            fin_received: true,
            shutdown: false,
            closed: true,
            exiting: false,
        }),
        ..Life::default()
    };
    edit(&mut life);
    End {
        life,
        bytes_sent: 3,
        bytes_received: 4,
        ..end(1)
    }
}

fn told(end: End) -> WholeLife {
    let mut world = World::with(&Settings::default(), lives());
    world.opened(30, 1, owner(7, Attribution::Accept));
    world.tell(101, sock(1), What::End(end));
    assert_eq!(world.known(), []);
    assert_eq!(world.events.len(), 1);
    let shown = world.events.last().and_then(connection).unwrap();
    assert_eq!(shown.owner.as_ref().unwrap().process.id.pid, 7);
    world.lives.pop().unwrap().1
}

#[test]
fn a_line_has_the_states_with_their_durations() {
    let passive = lived(TcpState::LastAck, |life| {
        life.fin_received = Some(at(50));
        life.fin_sent = Some(at(80));
    });
    assert_eq!(
        told(passive),
        WholeLife {
            opened: Some(at(10)),
            closed: at(100),
            bytes_sent: 3,
            bytes_received: 4,
            states: vec![
                (TcpState::SynReceived, ms(10)),
                (TcpState::Established, ms(30)),
                (TcpState::CloseWait, ms(30)),
                (TcpState::LastAck, ms(20)),
            ],
            cause: Cause::Finished,
        }
    );
    let active = lived(TcpState::FinWait2, |life| {
        life.fin_sent = Some(at(50));
        life.fin_acked = Some(at(60));
        life.fin_received = Some(at(100));
    });
    let states = told(active).states;
    let after = [(TcpState::FinWait1, ms(10)), (TcpState::FinWait2, ms(40))];
    assert_eq!(states[2..], after);
    let both = lived(TcpState::Closing, |life| {
        life.fin_sent = Some(at(50));
        life.fin_received = Some(at(60));
    });
    let after = [(TcpState::FinWait1, ms(10)), (TcpState::Closing, ms(40))];
    assert_eq!(told(both).states[2..], after);
}

#[test]
fn a_state_whose_beginning_or_end_was_not_seen_is_left_out() {
    let missed = lived(TcpState::LastAck, |life| {
        life.established = None;
        life.fin_received = Some(at(50));
    });
    assert_eq!(told(missed).states, [], "nobody knows when it was left");
    let unseen = End {
        life: Life::default(),
        ..lived(TcpState::LastAck, |_| {})
    };
    let line = told(unseen);
    assert_eq!((line.opened, line.closed), (None, at(101)));
    assert_eq!((line.states, line.cause), (vec![], Cause::Unknown));
}

#[test]
fn a_reset_in_any_state_ends_the_line_there() {
    let reset = lived(TcpState::Established, |life| {
        life.last.as_mut().unwrap().error = 104;
    });
    let line = told(reset);
    assert_eq!(line.states.last(), Some(&(TcpState::Established, ms(80))));
    assert_eq!(line.cause, Cause::RstReceived);
}

#[test]
fn an_orphan_s_line_says_that_the_application_closed() {
    let orphan = lived(TcpState::FinWait2, |life| {
        life.fin_sent = Some(at(50));
        life.fin_acked = Some(at(100));
        life.last.as_mut().unwrap().fin_received = false;
    });
    assert_eq!(told(orphan).cause, Cause::AppClose);
}

#[test]
fn a_listener_has_no_line() {
    let mut world = World::new();
    let mut endpoints = ends(1);
    endpoints.peer.set_port(0);
    let listens = StateChange {
        endpoints,
        ..change(1, TcpState::Closed, TcpState::Listen)
    };
    world.change(1, 1, listens);
    assert_eq!(world.known(), [(key(1, 1), TcpState::Listen)]);
    let end = End {
        endpoints,
        ..end(1)
    };
    world.tell(9, sock(1), What::End(end));
    assert_eq!(world.lives, []);
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::Listen, TcpState::Closed, Cause::Unknown))
    );
}

#[test]
fn an_end_makes_up_for_every_change_that_was_lost() {
    let mut world = World::new();
    world.state(20, 1, TcpState::SynReceived, TcpState::Established);
    let end = lived(TcpState::LastAck, |life| {
        life.fin_received = Some(at(50));
        life.fin_sent = Some(at(80));
    });
    world.tell(101, sock(1), What::End(end.clone()));
    assert_eq!(
        world.transitions[1..],
        [
            (TcpState::Established, TcpState::CloseWait, Cause::Resync),
            (TcpState::CloseWait, TcpState::LastAck, Cause::Resync),
            (TcpState::LastAck, TcpState::Closed, Cause::Finished),
        ]
    );
    assert_eq!(world.stream.stats().holes, 3);
    assert_eq!(world.lives.len(), 1);
    // The same again, and what was late.
    world.tell(101, sock(1), What::End(end));
    world.state(50, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!((world.transitions.len(), world.lives.len()), (4, 1));
}

#[test]
fn an_end_after_its_socket_s_next_connection_has_begun_still_has_its_line() {
    const LATER: u64 = 2_000_000_000;
    let mut world = World::new();
    world.state(20, 1, TcpState::SynReceived, TcpState::Established);
    world.state(LATER, 1, TcpState::SynReceived, TcpState::Established);
    world.tell(
        101,
        sock(1),
        What::End(lived(TcpState::Established, |_| {})),
    );
    world.tell(
        101,
        sock(1),
        What::End(lived(TcpState::Established, |_| {})),
    );
    let keys: Vec<_> = world.lives.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [key(1, 10)]);
    assert_eq!(world.known(), [(key(1, LATER), TcpState::Established)]);
}

#[test]
fn the_end_of_a_connection_of_which_nothing_else_came_is_not_taken_for_the_one_before() {
    let mut world = World::new();
    world.half_closed(1, 5);
    world.tell(
        101,
        sock(1),
        What::End(lived(TcpState::Established, |_| {})),
    );
    let told = (TcpState::CloseWait, TcpState::Closed, Cause::Unknown);
    assert_eq!(world.transitions.last(), Some(&told));
    let keys: Vec<_> = world.lives.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [key(1, 10)]);
}
