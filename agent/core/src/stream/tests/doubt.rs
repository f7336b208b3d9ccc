//! Changes that no record told of, and an ordinary look shows.

use super::*;

/// A look for the findings: it lists nothing without a descriptor.
fn ordinary(ms: u64, sockets: Vec<SocketView>) -> Snapshot {
    Snapshot {
        unheld: None,
        ..snapshot(ms, sockets)
    }
}

/// A world that knows one connection in this state.
fn knowing(state: TcpState) -> World {
    let mut world = World::new();
    world.look(1, &snapshot(1, Vec::new()));
    world.state(10, 1, TcpState::SynReceived, TcpState::Established);
    if state != TcpState::Established {
        world.state(20, 1, TcpState::Established, state);
    }
    world
}

#[test]
fn an_end_that_no_record_told_of_is_compared_after_the_second_look_without_it() {
    let mut world = knowing(TcpState::CloseWait);
    world.look(1_000, &ordinary(1_000, Vec::new()));
    assert_eq!(due(&world.stream), None, "its record may be on the way");
    world.look(2_000, &ordinary(2_000, Vec::new()));
    assert!(due(&world.stream).is_some());
    world.look(12_000, &snapshot(12_000, Vec::new()));
    assert_eq!(world.known(), []);
}

#[test]
fn a_change_that_no_record_told_of_is_compared() {
    let mut world = knowing(TcpState::Established);
    for ms in [1_000, 2_000] {
        assert_eq!(due(&world.stream), None);
        world.look(ms, &ordinary(ms, vec![view(1, TcpState::CloseWait)]));
    }
    assert!(due(&world.stream).is_some());
}

#[test]
fn what_goes_on_without_a_descriptor_asks_for_one_comparison_only() {
    let mut world = knowing(TcpState::Established);
    for ms in [1_000, 2_000] {
        world.look(ms, &ordinary(ms, Vec::new()));
    }
    let alive = Unheld {
        endpoints: ends(1),
        state: TcpState::Established,
        minisock: false,
    };
    let mut compared = snapshot(12_000, Vec::new());
    compared.unheld = Some(listed(vec![alive]));
    world.look(12_000, &compared);
    for ms in [60_000, 120_000, 180_000] {
        world.look(ms, &ordinary(ms, Vec::new()));
        assert_eq!(due(&world.stream), None);
    }
    assert_eq!(world.known().len(), 1);
}

#[test]
fn what_a_look_shows_as_it_is_known_is_not_doubted() {
    let mut world = knowing(TcpState::CloseWait);
    for ms in (1_000..20_000).step_by(1_000) {
        let seen = if ms % 2_000 == 0 {
            vec![view(1, TcpState::CloseWait)]
        } else {
            Vec::new()
        };
        world.look(ms, &ordinary(ms, seen));
    }
    assert_eq!(due(&world.stream), None);
}
