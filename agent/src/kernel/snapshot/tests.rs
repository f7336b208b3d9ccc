use finback_common::row::kind;

use super::*;

const CHILD: u64 = 0x1000;
const LISTENER: u64 = 0x2000;

fn tuple(local_port: u16) -> Tuple {
    Tuple {
        netns: 1,
        local_port,
        peer_port: 9,
        family: tcp::AF_INET,
        ..Tuple::default()
    }
}

fn view(sock: u64, birth_ns: u64, state: u8) -> RowView {
    RowView {
        sock,
        birth_ns,
        state,
        tuple: tuple(80),
        unread: 3,
        ..RowView::default()
    }
}

fn holder(pid: u32, fd: u32, socket: RowView) -> Row {
    Row::Holder(HolderRow {
        kind: kind::HOLDER,
        pid,
        tid: pid,
        fd,
        start_ns: 1,
        inode: 77,
        socket,
        ..HolderRow::default()
    })
}

fn entry(birth_ns: u64) -> SocketEntry {
    SocketEntry {
        birth_ns,
        fin_ns: 50,
        sent_at_fin: 12,
        flags: flag::FIN_SEEN | flag::SERVER,
        state: tcp::CLOSE_WAIT,
        tuple: tuple(80),
        ..SocketEntry::default()
    }
}

fn snapshot(rows: &[Row], entries: &[(u64, SocketEntry)]) -> Vec<SocketView> {
    let mut processes = Processes::default();
    let mut functions = Functions::default();
    let mut join = Join::new(&mut processes, &mut functions);
    for row in rows {
        join.row(row);
    }
    for (sock, entry) in entries {
        join.entry(*sock, entry);
    }
    join.finish().sockets
}

fn holders(view: &SocketView) -> Vec<(u32, u32)> {
    view.holders
        .iter()
        .map(|holder| (holder.process.id.pid, holder.fd))
        .collect()
}

#[test]
fn rows_and_entry_of_one_socket_become_one_view_with_all_holders() {
    let row = |pid, fd| holder(pid, fd, view(CHILD, 5, tcp::CLOSE_WAIT));
    let sockets = snapshot(
        &[row(9, 4), row(7, 6), row(7, 5), row(7, 5)],
        &[(CHILD, entry(5))],
    );
    let [socket] = &sockets[..] else {
        panic!("{sockets:?}")
    };
    assert_eq!(holders(socket), [(7, 5), (7, 6), (9, 4)]);
    assert_eq!(socket.counters.unwrap().unread, 3);
    assert_eq!((socket.inode, socket.sent_at_fin), (Some(77), Some(12)));
    assert_eq!(socket.fin_at, Some(Timestamp::from_nanos(50)));
}

#[test]
fn the_state_is_that_of_the_moment_that_is_named_as_its_beginning() {
    let row = || holder(9, 4, view(CHILD, 5, tcp::CLOSE_WAIT));
    let changed = |changed_ns| SocketEntry {
        state: tcp::LAST_ACK,
        changed_ns,
        ..entry(5)
    };
    // Between the row and the entry, and long before the row (a program did not run at the last change).
    for (changed_ns, state) in [(u64::MAX, TcpState::LastAck), (1, TcpState::CloseWait)] {
        let sockets = snapshot(&[row()], &[(CHILD, changed(changed_ns))]);
        assert_eq!(sockets[0].state, state);
    }
}

#[test]
fn an_entry_without_a_row_is_kept_without_numbers() {
    let sockets = snapshot(&[], &[(CHILD, entry(5))]);
    let [socket] = &sockets[..] else {
        panic!("{sockets:?}")
    };
    assert_eq!((socket.counters, socket.state), (None, TcpState::CloseWait));
    assert_eq!(socket.key.birth, Timestamp::from_nanos(5));
}

#[test]
fn a_row_without_an_entry_is_kept() {
    let sockets = snapshot(&[holder(1, 3, view(CHILD, 0, tcp::ESTABLISHED))], &[]);
    let [socket] = &sockets[..] else {
        panic!("{sockets:?}")
    };
    assert_eq!((socket.state, socket.fin_at), (TcpState::Established, None));
    assert_eq!(holders(socket), [(1, 3)]);
}

#[test]
fn a_row_of_an_older_connection_at_the_same_address_is_dropped() {
    let sockets = snapshot(
        &[holder(1, 3, view(CHILD, 4, tcp::ESTABLISHED))],
        &[(CHILD, entry(5))],
    );
    let [socket] = &sockets[..] else {
        panic!("{sockets:?}")
    };
    assert_eq!(socket.key.birth, Timestamp::from_nanos(5));
    assert_eq!(holders(socket), []);
}

#[test]
fn a_waiting_connection_names_the_holders_of_its_listener() {
    let queued = Row::Queued(QueueRow {
        kind: kind::QUEUED,
        state: tcp::CLOSE_WAIT,
        family: tcp::AF_INET,
        peer_port: 1234_u16.to_be_bytes(),
        listener: LISTENER,
        sock: CHILD,
        birth_ns: 5,
        v4: [[127, 0, 0, 2], [127, 0, 0, 1]],
        ..QueueRow::default()
    });
    let listener = holder(2, 3, view(LISTENER, 6, tcp::LISTEN));
    let of_listener = SocketEntry {
        state: tcp::LISTEN,
        ..entry(6)
    };
    for entries in [
        [(CHILD, entry(5)), (LISTENER, of_listener)],
        [(LISTENER, of_listener), (CHILD, entry(5))],
    ] {
        let sockets = snapshot(&[listener, queued], &entries);
        let queued = sockets[0].queued.as_ref().unwrap();
        assert_eq!((queued.listener, queued.proven), (Some(LISTENER), true));
        assert_eq!(queued.listeners[0].process.id.pid, 2);
        assert_eq!(sockets[1].queued, None);
        assert_eq!(sockets[0].endpoints.local, "127.0.0.1:80".parse().unwrap());
        assert_eq!(sockets[0].endpoints.peer, "127.0.0.2:1234".parse().unwrap());
        assert_eq!(sockets[0].endpoints.netns, 1);
    }
}

#[test]
fn a_closed_sockets_port_comes_from_the_entry() {
    let closed = RowView {
        tuple: tuple(0),
        ..view(CHILD, 5, tcp::CLOSE)
    };
    let sockets = snapshot(&[holder(1, 3, closed)], &[(CHILD, entry(5))]);
    assert_eq!(sockets[0].endpoints.local.port(), 80);
    assert_eq!(sockets[0].state, TcpState::Closed);
}
