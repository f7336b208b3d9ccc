//! Relays of other shapes: tunnels that have accepted or opened both halves, threads for each direction, long chains.

use super::*;
use crate::model::finding::Severity;
use crate::model::peer::Peer;

const TUNNEL: u32 = 9;

/// One end of a connection between these two, held by that process.
fn half(n: u64, pid: u32, local: &str, peer: &str, role: Role, state: TcpState) -> SocketView {
    let view = SocketView {
        endpoints: Endpoints {
            local: addr(local),
            peer: addr(peer),
            netns: 1,
        },
        state,
        role,
        ..held_by(pid, drained(n))
    };
    // Its own end, if it has sent one, was acknowledged then.
    counted(view, |c| c.last_heard = 1_012)
}

/// The half that has ended at 1 s, told at once, with so much read.
fn ended(role: Role, read: u64) -> SocketView {
    let view = half(
        2,
        TUNNEL,
        "10.0.0.2:80",
        "10.0.0.1:999",
        role,
        TcpState::CloseWait,
    );
    counted(view, |c| c.bytes_received = read)
}

/// The half that carries on, with so much written.
fn carrying(role: Role, written: u64, state: TcpState) -> SocketView {
    let view = half(3, TUNNEL, "10.0.0.2:7000", "10.0.0.3:999", role, state);
    counted(view, |c| {
        (c.bytes_sent, c.bytes_acked) = (written, written);
    })
}

fn world() -> World {
    let mut world = World::scanning(Settings::default());
    world.kernel.half.insert(sock(2), fin(1_000));
    world.eof(1_010, 2);
    world
}

fn verdicts(world: &World) -> Vec<Verdict> {
    let mut all: Vec<_> = world.findings.iter().map(|f| f.verdict).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn must_not_flag_a_reverse_tunnel_that_has_accepted_both_halves() {
    let mut world = world();
    world.run(500_000, |_| {
        let other = carrying(Role::Server, 4_000, TcpState::FinWait2);
        vec![ended(Role::Server, 5_000), other]
    });
    assert_eq!(verdicts(&world), [Verdict::PeerNotClosing]);
}

#[test]
fn must_not_flag_a_tunnel_s_client_that_has_opened_both_halves() {
    let mut world = world();
    world.run(500_000, |_| {
        let other = carrying(Role::Client, 5_100, TcpState::FinWait2);
        vec![ended(Role::Client, 5_000), other]
    });
    assert_eq!(verdicts(&world), [Verdict::PeerNotClosing]);
}

#[test]
fn must_not_hide_what_a_server_keeps_behind_a_download_that_it_delivers_to_another() {
    let mut world = world();
    world.run(500_000, |now| {
        let other = counted(
            carrying(Role::Server, 50_000_000, TcpState::Established),
            |c| (c.unacked, c.last_heard) = (1_000, u32::try_from(now).unwrap()),
        );
        vec![ended(Role::Server, 5_000), other]
    });
    assert_eq!(verdicts(&world), [Verdict::NotClosed]);
    assert!(world.last().opened <= at(60_000));
}

#[test]
fn must_not_flag_a_busy_relay_whose_directions_have_threads_of_their_own() {
    let opened_by = |view, thread, attribution| SocketView {
        opener: Some(Owner {
            thread: Some(thread),
            ..owner(TUNNEL, attribution)
        }),
        ..view
    };
    let mut world = world();
    world.run(500_000, |_| {
        let front = ended(Role::Server, 50_000_000);
        let back = carrying(Role::Client, 50_000_300, TcpState::FinWait2);
        let others = (10..40).map(|n| SocketView {
            state: TcpState::Established,
            ..held_by(TUNNEL, drained(n))
        });
        let pair = [
            opened_by(front, 11, Attribution::Accept),
            opened_by(back, 12, Attribution::Connect),
        ];
        others.chain(pair).collect()
    });
    assert_eq!(verdicts(&world), [Verdict::PeerNotClosing]);
}

/// A client, two relays, a server; the end was passed on at once.
fn links(client: bool) -> Vec<SocketView> {
    let (first, second, third) = ("10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:3");
    let (out, on) = ("10.0.0.2:22", "10.0.0.3:33");
    let server = "10.0.0.4:4";
    let waits = |n, pid, local, peer| half(n, pid, local, peer, Role::Client, TcpState::FinWait2);
    let ended = |n, pid, local, peer| half(n, pid, local, peer, Role::Server, TcpState::CloseWait);
    let mut all = vec![
        ended(2, 9, second, first),
        waits(3, 9, out, third),
        ended(4, 10, third, out),
        waits(5, 10, on, server),
        ended(6, 7, server, on),
    ];
    all.extend(client.then(|| waits(1, 8, first, second)));
    all
}

#[test]
fn must_not_accuse_a_relay_in_the_middle_of_a_chain_more_than_its_last_link() {
    let mut world = World::scanning(Settings::default());
    for n in [2, 4, 6] {
        world.kernel.half.insert(sock(n), fin(1_000));
        world.eof(1_010, n);
    }
    world.run(400_000, |now| links(now < 50_000));
    let findings = world.engine.findings();
    let mut all: Vec<_> = findings
        .iter()
        .map(|f| (f.holders[0].process.id.pid, f.verdict))
        .collect();
    all.sort_unstable();
    let waits = Verdict::PeerNotClosing;
    assert_eq!(all, [(7, Verdict::NotClosed), (9, waits), (10, waits)]);
    let last = findings.iter().find(|f| f.verdict == Verdict::NotClosed);
    let last = last.unwrap();
    assert_eq!(last.evidence.peer, Some(Peer::Gone));
    assert!(last.evidence.missing.is_empty());
    for relay in findings.iter().filter(|f| f.verdict == waits) {
        assert_eq!(relay.severity, Severity::Info);
        assert_eq!(relay.evidence.caused_by, Some(last.id));
        let begin = format!("It waits because of finding {}", last.id);
        assert!(relay.hint.starts_with(&begin), "{}", relay.hint);
    }
}

#[test]
fn must_not_accuse_anybody_in_a_long_chain_while_its_first_client_waits() {
    let mut world = World::scanning(Settings::default());
    for n in [2, 4, 6] {
        world.kernel.half.insert(sock(n), fin(1_000));
        world.eof(1_010, n);
    }
    world.run(3_600_000, |_| links(true));
    let findings = world.engine.findings();
    let accused: Vec<_> = findings.iter().map(|f| f.verdict).collect();
    assert_eq!(accused, [Verdict::PeerNotClosing], "the client's own");
}
