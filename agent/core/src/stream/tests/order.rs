//! Records that are late, missing, repeated, or about other connections.

use super::*;

#[test]
fn a_late_record_is_not_told_and_moves_nothing_back() {
    let mut world = World::new();
    world.state(10, 1, TcpState::Established, TcpState::CloseWait);
    world.state(5, 1, TcpState::SynReceived, TcpState::Established);
    assert_eq!(world.known(), [(key(1, 10), TcpState::CloseWait)]);
    let told = (
        TcpState::Established,
        TcpState::CloseWait,
        Cause::FinReceived,
    );
    assert_eq!(world.transitions, [told]);
    assert_eq!(world.stream.stats().stale, 1);
}

#[test]
fn a_repeated_record_and_a_self_loop_say_nothing() {
    let mut world = World::new();
    world.state(10, 1, TcpState::Established, TcpState::FinWait2);
    world.state(10, 1, TcpState::Established, TcpState::FinWait2);
    world.state(11, 1, TcpState::FinWait2, TcpState::FinWait2);
    assert_eq!(world.transitions.len(), 1);
}

#[test]
fn changes_at_the_same_moment_follow_their_states() {
    let mut world = World::new();
    world.state(10, 1, TcpState::Established, TcpState::CloseWait);
    world.state(10, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(world.known(), [(key(1, 10), TcpState::LastAck)]);
    world.state(20, 2, TcpState::CloseWait, TcpState::LastAck);
    world.state(20, 2, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.known()[1], (key(2, 20), TcpState::LastAck));
    assert_eq!(
        world.transitions.len(),
        3,
        "the last one told is the latest"
    );
}

#[test]
fn the_end_is_the_end_though_a_record_comes_after_it() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.state(10, 1, TcpState::LastAck, TcpState::Closed);
    world.ended(10, 1);
    world.state(9, 1, TcpState::CloseWait, TcpState::LastAck);
    world.eof(8, 1);
    world.opened(7, 1, owner(7, Attribution::Accept));
    assert_eq!(world.known(), []);
}

#[test]
fn the_end_is_the_end_though_it_happened_in_the_moment_of_what_came_before() {
    let mut world = World::new();
    world.opened(10, 1, owner(7, Attribution::Accept));
    world.state(10, 1, TcpState::CloseWait, TcpState::Closed);
    world.state(10, 1, TcpState::Established, TcpState::CloseWait);
    assert_eq!(world.known(), [(key(1, 10), TcpState::Closed)]);
    let last = world.transitions.last().map(|&(_, to, _)| to);
    assert_eq!(last, Some(TcpState::Closed));
}

#[test]
fn a_closed_socket_stays_until_its_memory_is_freed() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    let reset = StateChange {
        error: 104,
        ..change(1, TcpState::Established, TcpState::Closed)
    };
    world.change(10, 1, reset);
    assert_eq!(world.known(), [(key(1, 1), TcpState::Closed)]);
    world.ended(20, 1);
    assert_eq!(world.known(), []);
    assert_eq!(
        world.transitions.last(),
        Some(&(TcpState::Established, TcpState::Closed, Cause::RstReceived))
    );
    assert_eq!(world.transitions.len(), 2, "closed is told once");
}

#[test]
fn a_reused_address_ends_the_older_connection() {
    let mut world = World::new();
    world.half_closed(1, 2);
    let birth = change(9, TcpState::SynReceived, TcpState::Established);
    world.change(16_000, 1, birth);
    assert_eq!(
        world.transitions[2..],
        [
            (TcpState::CloseWait, TcpState::Closed, Cause::Unknown),
            (
                TcpState::SynReceived,
                TcpState::Established,
                Cause::Handshake
            )
        ]
    );
    assert_eq!(world.known(), [(key(1, 16_000), TcpState::Established)]);
    world.eof(15_000, 1);
    world.state(15_001, 1, TcpState::CloseWait, TcpState::LastAck);
    assert_eq!(world.known(), [(key(1, 16_000), TcpState::Established)]);
    assert_eq!(world.stream.stats().stale, 2);
}

#[test]
fn an_owner_may_come_before_or_after_the_change_it_belongs_to() {
    let mut world = World::new();
    world.opened(11, 1, owner(7, Attribution::Accept));
    world.state(10, 1, TcpState::SynReceived, TcpState::Established);
    assert_eq!(world.known(), [(key(1, 11), TcpState::Established)]);
    assert_eq!(world.transitions.len(), 1);
    world.opened(30, 1, owner(8, Attribution::Holder));
    let shown = world.view(key(1, 11));
    assert_eq!(shown.connection.owner.unwrap().process.id.pid, 7);
    assert_eq!(shown.entered, Some(at(10)));
}
