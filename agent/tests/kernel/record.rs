//! Records: what is asked for, what is marked, and what is told whoever listens.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use finback::kernel::load::report::Means;
use finback::kernel::{Attach, Options, netns};
use finback_common::hook::Signal;
use finback_core::model::interest::Interest;
use finback_core::model::observation::{End, Observation, ResetWrite, StateChange, What};
use finback_core::model::socket::{Attribution, Role};
use finback_core::model::state::TcpState;

use crate::rig::{Rig, SOON, abort, in_new_namespace, options, pair};

fn everything() -> Interest {
    let mut interest = Interest::in_states(TcpState::ALL);
    (interest.eof, interest.connections, interest.segments) = (true, true, true);
    interest
}

/// Changes of the socket with this local end.
fn changes(seen: &[Observation], local: SocketAddr) -> Vec<StateChange> {
    let changes = seen
        .iter()
        .filter_map(|observation| match &observation.what {
            What::State(change) if change.endpoints.local == local => Some(change.clone()),
            _ => None,
        });
    changes.collect()
}

fn reaches(local: SocketAddr, state: TcpState) -> impl Fn(&[Observation]) -> bool {
    move |seen| changes(seen, local).iter().any(|change| change.to == state)
}

fn end(seen: &[Observation], local: SocketAddr, peer: SocketAddr) -> Option<End> {
    seen.iter().find_map(|observation| match &observation.what {
        What::End(end) if end.endpoints.local == local && end.endpoints.peer == peer => {
            Some(end.clone())
        }
        _ => None,
    })
}

#[tokio::test]
async fn records_of_a_half_close_arrive_after_a_pause() {
    let mut rig = Rig::auto();
    rig.ask_for(Interest::in_states([TcpState::CloseWait]));
    // Idle so long that the reader sleeps on the descriptor.
    let idle = Instant::now();
    while idle.elapsed() < Duration::from_millis(300) {
        let batch = rig.kernel.next_batch(&mut rig.seen);
        drop(tokio::time::timeout(Duration::from_millis(50), batch).await);
    }
    let (_listener, client, server) = pair("127.0.0.1:0");
    client.shutdown(Shutdown::Write).unwrap();
    let start = Instant::now();
    let local = server.local_addr().unwrap();
    while !reaches(local, TcpState::CloseWait)(&rig.seen) {
        assert!(start.elapsed() < SOON, "{:#?}", rig.seen);
        let batch = rig.kernel.next_batch(&mut rig.seen);
        drop(tokio::time::timeout(SOON, batch).await);
    }
    println!("the FIN was seen after {:?}", start.elapsed());
    assert_eq!(rig.kernel.losses(), []);
}

#[test]
fn a_whole_life_is_told_in_order_with_its_moments() {
    Rig::in_each_flavour(|rig| {
        rig.seen.clear();
        rig.ask_for(everything());
        let (_listener, client, mut server) = pair("127.0.0.1:0");
        let (local, peer) = (server.local_addr().unwrap(), server.peer_addr().unwrap());
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        server.write_all(b"bye").unwrap();
        drop(server);
        drop(client);
        rig.until(|seen| end(seen, local, peer).is_some());
        check_changes(&changes(&rig.seen, local), peer);
        check_end(&end(&rig.seen, local, peer).unwrap());
        if rig.tells_eof() {
            check_delivery(&rig.seen, local);
        }
    });
}

fn check_changes(told: &[StateChange], peer: SocketAddr) {
    let states: Vec<TcpState> = told
        .iter()
        // Some hooks do not see a child's first moments.
        .filter(|change| change.endpoints.peer == peer && change.to != TcpState::SynReceived)
        .map(|change| change.to)
        .collect();
    let wanted = [
        TcpState::Established,
        TcpState::CloseWait,
        TcpState::LastAck,
    ];
    assert!(states.starts_with(&wanted), "{told:#?}");
    let to = |state| told.iter().find(|change| change.to == state).unwrap();
    let half = to(TcpState::CloseWait);
    assert_eq!((half.role, half.unread), (Role::Server, 1));
    assert!(half.entered.is_some(), "{half:?}");
    assert_eq!(to(TcpState::LastAck).actor, Some(std::process::id()));
}

fn check_end(end: &End) {
    assert_eq!((end.role, end.bytes_received), (Role::Server, 1));
    assert!(end.bytes_sent >= 3, "{end:?}");
    let life = &end.life;
    assert!(
        life.established.unwrap() <= life.fin_received.unwrap(),
        "{life:?}"
    );
    assert!(
        life.fin_received.unwrap() <= life.fin_sent.unwrap(),
        "{life:?}"
    );
    assert_eq!(life.last.unwrap().from, TcpState::LastAck);
}

fn check_delivery(seen: &[Observation], local: SocketAddr) {
    let eof = seen.iter().find_map(|observation| match &observation.what {
        What::Eof(eof) if eof.endpoints.local == local => Some((observation.time, eof)),
        _ => None,
    });
    let (time, eof) = eof.unwrap();
    assert_eq!(
        (eof.pid, eof.state),
        (std::process::id(), TcpState::CloseWait)
    );
    assert!(eof.fin_at.unwrap() <= time, "{eof:?}");
}

#[test]
fn who_opens_is_told_and_remembered() {
    Rig::in_each_flavour(|rig| {
        rig.seen.clear();
        let mut interest = Interest::NONE;
        interest.connections = true;
        rig.ask_for(interest);
        let (_listener, client, server) = pair("127.0.0.1:0");
        let (from, to) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let me = std::process::id();
        let opened = move |seen: &[Observation], role: Role| {
            seen.iter().any(|observation| match &observation.what {
                What::Open(open) => {
                    let peer = if role == Role::Client { to } else { from };
                    open.role == role
                        && open.endpoints.peer == peer
                        && open.owner.process.id.pid == me
                }
                _ => false,
            })
        };
        rig.until(|seen| opened(seen, Role::Client));
        let view = rig.view(&client);
        let opener = view.opener.unwrap();
        assert_eq!(
            (opener.process.id.pid, opener.attribution),
            (me, Attribution::Connect)
        );
        assert_eq!(view.role, Role::Client);
        let openers = rig.looker.look(true).unwrap().openers;
        let mine = openers.iter().find(|opened| opened.peer == to);
        assert_eq!(mine.unwrap().owner.process.id.pid, me);
        let accepts = &rig.kernel.report().signal(Signal::Accept).unwrap().means;
        let view_of_server = |rig: &mut Rig| rig.view(&server);
        if *accepts == Means::Look {
            assert_eq!(view_of_server(rig).opener, None);
        } else {
            rig.until(|seen| opened(seen, Role::Server));
            let opener = view_of_server(rig).opener.unwrap();
            assert_eq!(
                (opener.process.id.pid, opener.attribution),
                (me, Attribution::Accept)
            );
        }
        assert_eq!(view_of_server(rig).role, Role::Server);
    });
}

#[test]
fn whom_a_process_connects_to_outlives_the_memory_of_its_sockets() {
    /// Enough for every socket that was freed to be taken again.
    const LATER: usize = 2_000;
    Rig::in_each_flavour(|rig| {
        let (listener, client, server) = pair("127.0.0.1:0");
        // The listener stays: a port that is given back may be given to the next one.
        let to = listener.local_addr().unwrap();
        drop((client, server));
        let others = TcpListener::bind("127.0.0.1:0").unwrap();
        for _ in 0..LATER {
            abort(TcpStream::connect(others.local_addr().unwrap()).unwrap());
            drop(others.accept());
        }
        let openers = rig.looker.look(true).unwrap().openers;
        let known = |peer| {
            let of_peer = openers.iter().filter(|opened| opened.peer == peer);
            of_peer.collect::<Vec<_>>()
        };
        let (once, often) = (known(to), known(others.local_addr().unwrap()));
        assert_eq!(once.len(), 1, "{once:?}, others {:?}", often.first());
        assert!(!often.is_empty());
    });
}

/// It may be the one that closes a socket for good, at the end of a look at its descriptor.
#[test]
fn the_agent_itself_is_neither_owner_nor_actor() {
    Rig::in_each_flavour_with(&Options::default(), |rig| {
        rig.seen.clear();
        rig.ask_for(everything());
        let (_listener, client, server) = pair("127.0.0.1:0");
        let view = rig.view(&client);
        assert_eq!(view.opener, None);
        let local = server.local_addr().unwrap();
        drop(server);
        rig.until(reaches(local, TcpState::FinWait1));
        let me = std::process::id();
        for observation in &rig.seen {
            match &observation.what {
                What::State(change) => assert_ne!(change.actor, Some(me), "{observation:?}"),
                What::Open(open) => assert_ne!(open.owner.process.id.pid, me, "{observation:?}"),
                _ => {}
            }
        }
    });
}

#[test]
fn what_is_asked_for_changes_at_once() {
    Rig::in_each_flavour(|rig| {
        rig.seen.clear();
        let half_close = || {
            let (_listener, client, server) = pair("127.0.0.1:0");
            client.shutdown(Shutdown::Write).unwrap();
            let local = server.local_addr().unwrap();
            drop((client, server));
            local
        };
        let first = half_close();
        rig.ask_for(Interest::in_states([TcpState::CloseWait]));
        let second = half_close();
        rig.until(reaches(second, TcpState::CloseWait));
        assert_eq!(changes(&rig.seen, first), []);
        let states = changes(&rig.seen, second);
        assert!(
            states.iter().all(|change| change.to == TcpState::CloseWait),
            "{states:?}"
        );
        rig.ask_for(Interest::NONE);
        let third = half_close();
        rig.ask_for(Interest::in_states([TcpState::CloseWait]));
        let fourth = half_close();
        rig.until(reaches(fourth, TcpState::CloseWait));
        assert_eq!(changes(&rig.seen, third), []);
    });
}

#[test]
fn a_marked_socket_tells_every_change_though_nobody_listens() {
    Rig::in_each_flavour(|rig| {
        rig.seen.clear();
        let (_listener, client, server) = pair("127.0.0.1:0");
        let (_other_listener, other_client, other) = pair("127.0.0.1:0");
        let (local, peer) = (server.local_addr().unwrap(), server.peer_addr().unwrap());
        let sock = rig.view(&server).sock;
        rig.kernel.mark(sock);
        client.shutdown(Shutdown::Write).unwrap();
        other_client.shutdown(Shutdown::Write).unwrap();
        rig.until(reaches(local, TcpState::CloseWait));
        let unmarked = other.local_addr().unwrap();
        drop((other, other_client));
        drop(server);
        rig.until(reaches(local, TcpState::LastAck));
        drop(client);
        rig.until(|seen| end(seen, local, peer).is_some());
        assert_eq!(changes(&rig.seen, unmarked), []);
        assert!(
            rig.seen.iter().all(|observation| observation.sock == sock),
            "{:#?}",
            rig.seen
        );
        rig.kernel.unmark(sock);
        assert_eq!(rig.kernel.refused_marks(), 0);
    });
}

fn reset_write(seen: &[Observation], local: SocketAddr) -> Option<ResetWrite> {
    seen.iter().find_map(|observation| match &observation.what {
        What::ResetWrite(reset) if reset.endpoints.local == local => Some(reset.clone()),
        _ => None,
    })
}

#[test]
fn data_that_a_reset_answers_after_the_fin_is_told_whoever_listens() {
    Rig::in_each_flavour(|rig| {
        rig.seen.clear();
        let (_listener, client, mut server) = pair("127.0.0.1:0");
        let local = server.local_addr().unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        server.write_all(b"lost").unwrap();
        rig.until(|seen| reset_write(seen, local).is_some());
        let reset = reset_write(&rig.seen, local).unwrap();
        assert_eq!((reset.bytes, reset.dead), (4, false));
        assert!(
            reset.sent_at.unwrap() + Duration::from_millis(20) >= reset.fin_at,
            "{reset:?}"
        );
        if rig.tells_eof() {
            assert_eq!(reset.eof_by, Some(std::process::id()));
            assert!(reset.fin_at <= reset.eof_at.unwrap());
        }
    });
}

#[test]
fn a_farewell_that_is_closed_at_once_is_told_as_nobodys() {
    Rig::in_each_flavour(|rig| {
        rig.seen.clear();
        let (_listener, client, mut server) = pair("127.0.0.1:0");
        let local = server.local_addr().unwrap();
        let sock = rig.view(&server).sock;
        let fin = server.peer_addr().unwrap();
        drop(client);
        rig.eventually(|rig| rig.is_candidate(sock));
        // Held back until the close: data and FIN go together.
        rustix::net::sockopt::set_tcp_cork(&server, true).unwrap();
        server.write_all(b"farewell").unwrap();
        drop(server);
        rig.until(|seen| reset_write(seen, local).is_some());
        let reset = reset_write(&rig.seen, local).unwrap();
        assert_eq!(
            (reset.bytes, reset.dead, reset.endpoints.peer),
            (8, true, fin)
        );
    });
}

#[test]
fn a_reset_in_the_accept_queue_is_told_whoever_listens() {
    Rig::in_each_flavour(|rig| {
        rig.seen.clear();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (from, to) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        abort(client);
        rig.until(|seen| {
            seen.iter().any(|observation| {
                matches!(&observation.what, What::ResetQueued { endpoints }
                    if (endpoints.local, endpoints.peer) == (to, from))
            })
        });
    });
}

#[test]
fn what_the_proof_did_is_not_passed_on() {
    // Its connections are made in this namespace, in which nothing else happens.
    let (seen, here) = in_new_namespace(|| {
        let mut rig = Rig::load(&options(Attach::Auto));
        rig.ask_for(everything());
        while rig.kernel.drain(&mut rig.seen) {}
        (rig.seen, netns::own().unwrap())
    });
    let ours = |observation: &&Observation| match &observation.what {
        What::State(change) => change.endpoints.netns == here,
        What::Open(open) => open.endpoints.netns == here,
        What::Eof(eof) => eof.endpoints.netns == here,
        What::ResetWrite(reset) => reset.endpoints.netns == here,
        What::End(end) => end.endpoints.netns == here,
        What::ResetQueued { endpoints }
        | What::TimeWaitEntered { endpoints, .. }
        | What::TimeWaitLeft { endpoints } => endpoints.netns == here,
        What::Segment { .. } => false,
    };
    let ours: Vec<_> = seen.iter().filter(ours).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}
