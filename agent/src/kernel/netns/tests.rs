use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use finback_common::tcp;
use proptest::prelude::*;

use super::*;
use crate::kernel::netns::unheld::{minisocks, unheld};
use finback_core::model::look::{Unheld, UnheldList};

fn connected(address: &str) -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind(address).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (listener, client, server)
}

fn find(sockets: &[Listed], local: SocketAddr, peer: SocketAddr) -> Option<Listed> {
    let netns = netns::own().unwrap();
    let endpoints = Endpoints { local, peer, netns };
    sockets
        .iter()
        .find(|socket| socket.endpoints == endpoints)
        .copied()
}

const EVERYTHING: Query = Query {
    states: u32::MAX,
    counters: true,
};

fn half_closed_is_listed(address: &str) {
    let (_listener, mut client, server) = connected(address);
    client.write_all(b"hello").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let (local, peer) = (server.local_addr().unwrap(), server.peer_addr().unwrap());
    let sockets = list(EVERYTHING, &[]).unwrap().sockets;
    let found = find(&sockets, local, peer).unwrap();
    assert_eq!(found.counters.bytes_received, 6, "{found:?}");
    assert_eq!(found.state, TcpState::CloseWait);
    assert_ne!(found.inode, 0);
    assert_ne!(found.cookie, 0);
    assert!(!found.minisock);
    // Five bytes; the FIN counts as one more.
    assert_eq!(found.counters.unread, 6);
    let mirrored = find(&sockets, peer, local).unwrap();
    // The acknowledgement of the FIN may be delayed by 40 ms.
    assert!(
        matches!(mirrored.state, TcpState::FinWait1 | TcpState::FinWait2),
        "{mirrored:?}"
    );
    assert_eq!(mirrored.counters.bytes_sent, 5);
}

#[test]
fn a_half_closed_socket_is_listed_with_its_numbers() {
    half_closed_is_listed("127.0.0.1:0");
}

#[test]
fn so_is_one_of_ipv6() {
    half_closed_is_listed("[::1]:0");
}

#[test]
fn a_listener_shows_how_many_wait_in_its_queue() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _clients: Vec<_> = (0..3)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let query = Query {
        states: bit(tcp::LISTEN),
        counters: false,
    };
    let sockets = list(query, &[netns::own().unwrap()]).unwrap().sockets;
    assert!(
        sockets
            .iter()
            .all(|socket| socket.state == TcpState::Listen)
    );
    let found = sockets
        .iter()
        .find(|socket| socket.endpoints.local == address)
        .unwrap();
    assert_eq!(found.counters.backlog, 3);
}

/// The stream would take it for gone.
#[test]
fn what_waits_to_be_accepted_is_held_by_nobody_and_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, netns) = (listener.local_addr().unwrap(), netns::own().unwrap());
    let client = TcpStream::connect(address).unwrap();
    let waiting = Unheld {
        endpoints: Endpoints {
            local: address,
            peer: client.local_addr().unwrap(),
            netns,
        },
        state: TcpState::Established,
        minisock: false,
    };
    let known = waiting.endpoints.reversed();
    let found = unheld(|ends| *ends == known).unwrap().sockets;
    assert!(found.contains(&waiting), "{found:?}");
    assert!(!found.iter().any(|socket| socket.endpoints == known));
    drop(client);
    let left = |socket: &Unheld| {
        socket.endpoints == waiting.endpoints && socket.state == TcpState::CloseWait
    };
    let found = unheld(|_| false).unwrap().sockets;
    assert!(found.iter().any(left), "{found:?}");
}

#[test]
fn a_minisock_is_listed_as_time_wait() {
    let (_listener, client, mut server) = connected("127.0.0.1:0");
    let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    drop(server);
    let minisocks = minisocks(&[], |_| false).unwrap().sockets;
    let netns = netns::own().unwrap();
    let wanted = Unheld {
        endpoints: Endpoints { local, peer, netns },
        state: TcpState::TimeWait,
        minisock: true,
    };
    assert!(minisocks.contains(&wanted), "{minisocks:?}");
}

#[test]
fn a_namespace_that_is_gone_has_no_minisocks_and_one_that_is_known_to_be_there_may() {
    // No namespace has this number.
    let gone = minisocks(&[1], |_| false).unwrap();
    assert_eq!((gone.namespaces, gone.sockets), (vec![1], vec![]));
    let there = minisocks(&[1], |id| id == 1).unwrap();
    assert_eq!(there, UnheldList::default());
    let own = netns::own().unwrap();
    let listing = list(EVERYTHING, &[1, own]).unwrap();
    assert_eq!((listing.namespaces, listing.missing), (vec![own], vec![1]));
}

#[test]
fn an_error_of_the_kernel_is_passed_on() {
    let mut bytes = Vec::new();
    let header = Header {
        length: 20,
        kind: NLMSG_ERROR,
        flags: 0,
        sequence: 0,
        port: 0,
    };
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&(-1_i32).to_ne_bytes());
    let error = read_messages(&bytes, EVERYTHING, 1, &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
}

proptest! {
    #[test]
    fn garbage_never_panics(length in 0_u32..120, kind in 0_u16..22, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let header = Header { length, kind, flags: 0, sequence: 0, port: 0 };
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(&body);
        drop(read_messages(&bytes, EVERYTHING, 1, &mut |_| {}));
    }
}
