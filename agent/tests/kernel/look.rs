//! Looks at real sockets.

use std::cell::Cell;
use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::time::Instant;

use finback::kernel::netns;
use finback::kernel::netns::unheld;
use finback_core::model::look::{Snapshot, SocketView, Unheld};
use finback_core::model::socket::Role;
use finback_core::model::state::TcpState;

use crate::rig::{Rig, SOON, abort, find, holds, in_new_namespace, pair};

#[test]
fn a_socket_older_than_the_agent_is_found_with_its_holder_and_numbers() {
    let (_listener, mut client, server) = pair("127.0.0.1:0");
    client.write_all(b"abc").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let link = std::fs::read_link(format!("/proc/self/fd/{}", server.as_raw_fd())).unwrap();
    let mut rig = Rig::auto();
    let by_iterator = rig.look();
    assert!(by_iterator.jiffies.is_some());
    for snapshot in [by_iterator, rig.looker.look_in_proc().unwrap()] {
        let view = find(
            &snapshot,
            server.local_addr().unwrap(),
            server.peer_addr().unwrap(),
        );
        assert!(holds(&view.holders, server.as_raw_fd()), "{view:?}");
        assert_eq!(view.state, TcpState::CloseWait);
        // Three bytes and the FIN.
        assert_eq!(view.counters.unwrap().unread, 4, "{view:?}");
        assert_eq!(view.half, None, "the FIN came before");
        let inode = view.inode.unwrap();
        assert_eq!(link.to_string_lossy(), format!("socket:[{inode}]"));
        assert!(snapshot.sockets.is_sorted_by_key(|socket| socket.sock));
    }
}

#[test]
fn a_client_older_than_the_agent_is_known_by_the_port_that_it_was_given() {
    let (listener, client, server) = pair("127.0.0.1:0");
    let mut rig = Rig::auto();
    let snapshot = rig.look();
    let (near, far) = (client.local_addr().unwrap(), server.local_addr().unwrap());
    assert_eq!(find(&snapshot, near, far).role, Role::Client);
    assert_eq!(find(&snapshot, far, near).role, Role::Server);
    drop(listener);
    let snapshot = rig.look();
    assert_eq!(find(&snapshot, near, far).role, Role::Client);
    let server = find(&snapshot, far, near);
    assert_eq!((server.role, &server.opener), (Role::Unknown, &None));
}

#[test]
fn a_connection_in_the_accept_queue_names_the_listener() {
    let mut rig = Rig::auto();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    for snapshot in [rig.look(), rig.looker.look_in_proc().unwrap()] {
        let view = find(
            &snapshot,
            client.peer_addr().unwrap(),
            client.local_addr().unwrap(),
        );
        let queued = view.queued.as_ref().unwrap();
        assert!(holds(&queued.listeners, listener.as_raw_fd()), "{view:?}");
        assert!(view.holders.is_empty(), "{view:?}");
    }
}

#[test]
fn a_long_accept_queue_is_walked_to_its_end() {
    /// More than the eight pages that one descriptor may write.
    const WAITING: usize = 300;
    Rig::in_each_flavour(|rig| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::net::listen(&listener, 4096).unwrap();
        let local = listener.local_addr().unwrap();
        let clients: Vec<TcpStream> = (0..WAITING)
            .map(|_| TcpStream::connect(local).unwrap())
            .collect();
        // A second descriptor must not double the rows.
        let _again = listener.try_clone().unwrap();
        for (number, client) in clients.into_iter().enumerate() {
            if number % 3 == 0 {
                abort(client);
            } else {
                drop(client);
            }
        }
        let (missed, last) = (Cell::new(0), Cell::new((0, 0, 0)));
        let all = rig.in_time(|rig| {
            let snapshot = rig.look();
            missed.set(missed.get() + rig.kernel.missed_runs());
            let queued: Vec<&SocketView> = snapshot
                .sockets
                .iter()
                .filter(|view| view.endpoints.local == local && view.queued.is_some())
                .collect();
            let reset = queued
                .iter()
                .filter(|view| view.state == TcpState::Closed)
                .count();
            let remembered = queued.iter().filter(|view| view.half().is_some()).count() as u64;
            last.set((queued.len(), reset, remembered));
            // What was not remembered is counted: by the kernel, where an interrupt found the program at work, or by
            // the program, where three sockets fell on the same two places (once in 250 times among so many).
            (queued.len(), reset) == (WAITING, WAITING / 3)
                && remembered + missed.get() + rig.without_place() >= WAITING as u64
        });
        let (last, missed, full) = (last.get(), missed.get(), rig.without_place());
        let counted = format!("{missed} missed, {full} without a place");
        assert!(all, "waiting, reset, remembered: {last:?}; {counted}");
    });
}

/// With this, connections that wait for a listener that goes wait for another one from then on (since 5.14).
const MIGRATE: &str = "/proc/sys/net/ipv4/tcp_migrate_req";

/// Connections that have moved in this namespace.
fn migrated() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/net/netstat").unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names
        .split(' ')
        .position(|name| name == "TCPMigrateReqSuccess");
    at.and_then(|at| values.split(' ').nth(at))
        .map_or(0, |value| value.parse().unwrap())
}

fn shared(port: u16) -> TcpListener {
    use rustix::net::{AddressFamily, SocketType, bind, listen, socket, sockopt};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    sockopt::set_socket_reuseport(&socket, true).unwrap();
    bind(&socket, &SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    listen(&socket, 16).unwrap();
    TcpListener::from(socket)
}

#[test]
fn a_connection_that_moves_to_another_listener_keeps_its_place() {
    if !std::path::Path::new(MIGRATE).exists() {
        println!("this kernel has no {MIGRATE}");
        return;
    }
    let mut rig = Rig::auto();
    in_new_namespace(|| {
        std::fs::write(MIGRATE, "1").unwrap();
        let first = shared(0);
        let local = first.local_addr().unwrap();
        let client = TcpStream::connect(local).unwrap();
        let second = shared(local.port());
        let peer = client.local_addr().unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let netns = netns::own().unwrap();
        let queued = |rig: &mut Rig| {
            let snapshot = rig.look();
            let is_it = |view: &&SocketView| {
                let ends = view.endpoints;
                (ends.local, ends.peer, ends.netns) == (local, peer, netns)
            };
            snapshot
                .sockets
                .iter()
                .find(is_it)
                .filter(|view| view.half().is_some())
                .cloned()
        };
        rig.eventually(|rig| queued(rig).is_some());
        let before = queued(&mut rig).unwrap();
        assert!(holds(&before.queued.unwrap().listeners, first.as_raw_fd()));
        drop(first);
        if migrated() == 0 {
            println!("this kernel has {MIGRATE} and does not migrate");
            return;
        }
        let after = queued(&mut rig).unwrap();
        assert!(holds(&after.queued.unwrap().listeners, second.as_raw_fd()));
        assert_eq!(after.half, before.half);
    });
}

#[test]
fn iterator_and_proc_find_the_same_holders() {
    let open: Vec<_> = (0..20).map(|_| pair("127.0.0.1:0")).collect();
    let mut rig = Rig::auto();
    let me = std::process::id();
    let held = |snapshot: &Snapshot| {
        let sockets = snapshot.sockets.iter();
        let holders = sockets.flat_map(|socket| {
            socket
                .holders
                .iter()
                .map(move |holder| (socket.inode, holder))
        });
        let mine = holders.filter(|(_, holder)| holder.process.id.pid == me);
        let mut held: Vec<_> = mine
            .map(|(inode, holder)| (inode.unwrap(), holder.fd))
            .collect();
        held.sort_unstable();
        held
    };
    // Other tests of this process open and close sockets meanwhile: at some moment both must see the same.
    let start = Instant::now();
    loop {
        let by_iterator = held(&rig.look());
        let by_proc = held(&rig.looker.look_in_proc().unwrap());
        assert!(by_iterator.len() >= 3 * open.len(), "{by_iterator:?}");
        if by_iterator == by_proc {
            break;
        }
        assert!(start.elapsed() < SOON, "{by_iterator:?}\n{by_proc:?}");
    }
}

#[test]
fn a_socket_in_another_network_namespace_is_found_with_its_holder() {
    let mut rig = Rig::auto();
    let (inside, (_listener, client, server)) =
        in_new_namespace(|| (netns::own().unwrap(), pair("127.0.0.1:0")));
    client.shutdown(Shutdown::Write).unwrap();
    assert_ne!(inside, netns::own().unwrap());
    let snapshot = rig.look();
    let wanted = (
        server.local_addr().unwrap(),
        server.peer_addr().unwrap(),
        inside,
    );
    let is_it = |view: &&SocketView| {
        (
            view.endpoints.local,
            view.endpoints.peer,
            view.endpoints.netns,
        ) == wanted
    };
    let view = snapshot.sockets.iter().find(is_it).unwrap();
    assert!(holds(&view.holders, server.as_raw_fd()), "{view:?}");
    assert_eq!(view.state, TcpState::CloseWait);
}

#[test]
fn a_look_runs_on_a_thread_of_its_own() {
    let rig = Rig::auto();
    let (_listener, client, _server) = pair("127.0.0.1:0");
    let mut looker = rig.looker;
    let look = std::thread::spawn(move || looker.look(false).unwrap());
    let snapshot = look.join().unwrap();
    let view = find(
        &snapshot,
        client.local_addr().unwrap(),
        client.peer_addr().unwrap(),
    );
    assert!(holds(&view.holders, client.as_raw_fd()), "{view:?}");
}

#[test]
fn connections_without_a_descriptor_are_listed_when_asked_for() {
    let mut rig = Rig::auto();
    let (_listener, client, server) = pair("127.0.0.1:0");
    let ends = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    assert_eq!(rig.look().unheld, None);
    drop(client);
    let is_it = |unheld: &&Unheld| (unheld.endpoints.local, unheld.endpoints.peer) == ends;
    let found = |rig: &mut Rig| {
        let unheld = rig.looker.look(true).unwrap().unheld.unwrap();
        unheld.sockets.iter().find(is_it).copied()
    };
    rig.eventually(|rig| found(rig).is_some_and(|unheld| unheld.state == TcpState::FinWait2));
    drop(server);
    rig.eventually(|rig| found(rig).is_some_and(|unheld| unheld.state == TcpState::TimeWait));
    assert!(found(&mut rig).unwrap().minisock);
}

/// The minisocks of the namespace this thread lives in. `/proc` shows the namespaces of processes only, so one is
/// started in it.
fn minisocks_here() -> Vec<Unheld> {
    let mut inside = Command::new("sleep").arg("60").spawn().unwrap();
    let here = netns::own().unwrap();
    let found = unheld::minisocks(&[here], |_| false);
    inside.kill().unwrap();
    inside.wait().unwrap();
    let found = found.unwrap();
    assert_eq!(found.namespaces, [here]);
    found.sockets
}

#[test]
fn minisocks_of_another_network_namespace_are_listed() {
    let (minisocks, local): (_, SocketAddr) = in_new_namespace(|| {
        let (_listener, client, server) = pair("127.0.0.1:0");
        let local = client.local_addr().unwrap();
        drop(client);
        drop(server);
        (minisocks_here(), local)
    });
    let [minisock] = &minisocks[..] else {
        panic!("{minisocks:?}")
    };
    assert_eq!(minisock.endpoints.local, local);
}

/// Its minisocks have not gone because nobody can list them.
#[test]
fn a_namespace_that_only_a_descriptor_or_a_socket_holds_is_not_taken_for_an_empty_one() {
    let mut rig = Rig::auto();
    let told = |rig: &Rig, id| rig.looker.time_wait(&[id]).unwrap().namespaces;

    let (descriptor, id) = in_new_namespace(|| {
        let descriptor = std::fs::File::open("/proc/thread-self/ns/net").unwrap();
        (descriptor, netns::own().unwrap())
    });
    assert!(told(&rig, id).is_empty());
    let listed = rig.looker.look(true).unwrap().unheld.unwrap().namespaces;
    assert!(!listed.contains(&id) && listed.contains(&netns::own().unwrap()));
    drop(descriptor);
    // A child of another test may have inherited it until it executes its program.
    rig.eventually(|rig| told(rig, id) == [id]);

    let (listener, id) =
        in_new_namespace(|| (TcpListener::bind("127.0.0.1:0"), netns::own().unwrap()));
    rig.look();
    assert!(told(&rig, id).is_empty());
    drop(listener);
    rig.look();
    assert_eq!(told(&rig, id), [id]);
}

#[test]
fn the_proof_leaves_no_minisock_behind() {
    let minisocks = in_new_namespace(|| {
        drop(Rig::auto());
        minisocks_here()
    });
    assert_eq!(minisocks, []);
}
