//! Relays: two connections of one process that belong together.

use super::*;
use crate::model::peer::Peer;

const RELAY: u32 = 9;

fn backend() -> Endpoints {
    Endpoints {
        local: addr("10.0.0.2:5001"),
        peer: addr("10.0.0.3:90"),
        netns: 1,
    }
}

fn connection(n: u64, pid: u32, endpoints: Endpoints, role: Role, state: TcpState) -> SocketView {
    SocketView {
        endpoints,
        state,
        role,
        ..held_by(pid, drained(n))
    }
}

/// The client that half-closed first.
fn client() -> SocketView {
    connection(1, 8, ends(1).reversed(), Role::Client, TcpState::FinWait2)
}

/// The relay's connection with it.
fn front() -> SocketView {
    connection(2, RELAY, ends(1), Role::Server, TcpState::CloseWait)
}

/// The relay's connection with the server, which has acknowledged the end that was passed on.
fn back(state: TcpState) -> SocketView {
    heard(1_012, connection(3, RELAY, backend(), Role::Client, state))
}

fn heard(ms: u64, view: SocketView) -> SocketView {
    counted(view, |c| c.last_heard = u32::try_from(ms).unwrap())
}

/// The server's end of it.
fn server() -> SocketView {
    connection(
        4,
        7,
        backend().reversed(),
        Role::Server,
        TcpState::CloseWait,
    )
}

/// The end came to the relay at 1 s and was passed on at once.
fn chain() -> World {
    let mut world = World::scanning(Settings::default());
    for n in [2, 4] {
        world.kernel.half.insert(sock(n), fin(1_000));
        world.eof(1_010, n);
    }
    world
}

/// Process and verdict of each finding, sorted.
fn accused(world: &World) -> Vec<(u32, Verdict)> {
    let findings = world.engine.findings();
    let all = findings.iter().map(|finding| {
        let pid = finding.holders[0].process.id.pid;
        (pid, finding.verdict)
    });
    let mut all: Vec<_> = all.collect();
    all.sort_unstable();
    all
}

#[test]
fn must_not_flag_a_relay_or_its_server_while_the_first_client_waits() {
    let mut world = chain();
    world.run(3_600_000, |_| {
        vec![client(), front(), back(TcpState::FinWait2), server()]
    });
    assert_eq!(accused(&world), [(8, Verdict::PeerNotClosing)]);
    assert!(
        world
            .findings
            .iter()
            .all(|f| f.verdict == Verdict::PeerNotClosing)
    );
}

#[test]
fn must_not_hide_the_last_link_of_a_chain_whose_first_client_is_gone() {
    let mut world = chain();
    world.run(300_000, |now| {
        let mut all = vec![front(), back(TcpState::FinWait2), server()];
        all.extend((now < 100_000).then(client));
        all
    });
    assert_eq!(
        accused(&world),
        [(7, Verdict::NotClosed), (RELAY, Verdict::PeerNotClosing)]
    );
    let findings = world.engine.findings();
    let of = |verdict| findings.iter().find(|f| f.verdict == verdict).unwrap();
    assert_eq!(of(Verdict::NotClosed).evidence.peer, Some(Peer::Gone));
    let cause = of(Verdict::NotClosed).id;
    assert_eq!(of(Verdict::PeerNotClosing).evidence.caused_by, Some(cause));
    let incidents = world.engine.incidents();
    let of = |pid| {
        let of = incidents.iter().find(|i| i.processes[0].0.id.pid == pid);
        of.unwrap()
    };
    assert_eq!(of(RELAY).caused_by, Some(of(7).id));
}

#[test]
fn must_not_hide_a_relay_that_keeps_the_front_when_its_back_is_gone() {
    let mut world = chain();
    world.run(120_000, |now| {
        let mut all = vec![front()];
        all.extend((now < 20_000).then(|| back(TcpState::FinWait2)));
        all
    });
    assert_eq!(accused(&world), [(RELAY, Verdict::NotClosed)]);
}

#[test]
fn must_not_hide_a_leak_beside_a_connection_that_was_ended_before() {
    let mut world = chain();
    // Both ended between the same two looks, but this one was acknowledged too early to have been passed on.
    world.run(120_000, |_| {
        vec![front(), heard(900, back(TcpState::FinWait2))]
    });
    assert_eq!(
        accused(&world),
        [
            (RELAY, Verdict::NotClosed),
            (RELAY, Verdict::PeerNotClosing)
        ]
    );
}

#[test]
fn must_not_flag_a_relay_that_still_delivers_what_its_upstream_has_sent() {
    let mut world = chain();
    let delivering = |now: u64| {
        let sent = now / 60;
        counted(back(TcpState::Established), |c| {
            (c.bytes_acked, c.unacked) = (sent, 100_000);
            c.last_heard = u32::try_from(now).unwrap();
        })
    };
    world.run(600_000, |now| vec![front(), delivering(now)]);
    assert!(world.findings.is_empty(), "{:?}", world.verdicts());
}

#[test]
fn must_not_hide_what_a_client_keeps_while_another_of_its_connections_is_half_closed() {
    let mut world = chain();
    let kept = |_| {
        let own = connection(2, RELAY, ends(1), Role::Client, TcpState::CloseWait);
        vec![own, back(TcpState::FinWait2)]
    };
    world.run(120_000, kept);
    assert_eq!(
        accused(&world),
        [
            (RELAY, Verdict::NotClosed),
            (RELAY, Verdict::PeerNotClosing)
        ]
    );
}

#[test]
fn a_pair_that_does_not_move_for_ten_minutes_excuses_no_more() {
    let mut world = chain();
    world.run(900_000, |_| vec![front(), back(TcpState::FinWait2)]);
    assert_eq!(
        accused(&world),
        [
            (RELAY, Verdict::NotClosed),
            (RELAY, Verdict::PeerNotClosing)
        ]
    );
    let front = world
        .findings
        .iter()
        .find(|f| f.verdict == Verdict::NotClosed);
    assert!(front.unwrap().opened >= at(600_000));
}

#[test]
fn must_not_hide_a_leak_of_a_busy_proxy_behind_what_its_other_connections_do() {
    let mut world = chain();
    // Hundreds deliver megabytes that did not come from here, each time other ones.
    let busy = |n: u64, now: u64| {
        let view = connection(
            100 + n,
            RELAY,
            ends(100 + n),
            Role::Client,
            TcpState::Established,
        );
        counted(view, |c| {
            (c.bytes_acked, c.unacked) = (50_000_000 + now, 1_000);
            c.last_heard = u32::try_from(now).unwrap();
        })
    };
    world.run(600_000, |now| {
        let first = now / 1_000 % 200;
        let others = (first..first + 20).map(|n| busy(n, now));
        std::iter::once(front()).chain(others).collect()
    });
    assert_eq!(accused(&world), [(RELAY, Verdict::NotClosed)]);
    let found = world
        .findings
        .iter()
        .find(|f| f.verdict == Verdict::NotClosed);
    assert!(found.unwrap().opened <= at(360_000));
    assert!(found.unwrap().evidence.missing.contains(&"mate"));
}
