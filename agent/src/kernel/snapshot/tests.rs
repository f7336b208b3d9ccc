use finback_common::place::half_flag;
use finback_common::row::{StartRow, kind};
use finback_common::socket::{self, source};
use proptest::prelude::*;

use super::*;

const SOCK: u64 = 0x1000;
const LISTENER: u64 = 0x2000;
const INIT_NETNS: u32 = 1;

/// What the kernel programs remember, at will.
#[derive(Default)]
struct Remembered {
    half: Vec<HalfPlace>,
    openers: Vec<OpenerPlace>,
}

impl Memory for Remembered {
    fn half(&self, sock: u64) -> Option<HalfPlace> {
        self.half.iter().find(|place| place.sock == sock).copied()
    }

    fn opener(&self, sock: u64) -> Option<OpenerPlace> {
        self.openers
            .iter()
            .find(|place| place.sock == sock)
            .copied()
    }
}

fn tuple(local_port: u16, peer_port: u16) -> Tuple {
    Tuple {
        netns: INIT_NETNS,
        local_port,
        peer_port,
        family: tcp::AF_INET,
        ..Tuple::default()
    }
}

fn view(sock: u64, state: u8) -> RowView {
    RowView {
        sock,
        state,
        tuple: tuple(80, 9),
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

fn listener() -> Row {
    holder(
        2,
        3,
        RowView {
            tuple: tuple(80, 0),
            ..view(LISTENER, tcp::LISTEN)
        },
    )
}

fn half(sock: u64) -> HalfPlace {
    HalfPlace {
        sock,
        fin_ns: 50,
        eof_ns: 60,
        eof_count: 2,
        eof_pid: 7,
        write_seq: 12,
        flags: half_flag::FIN_WITH_DATA,
        ..HalfPlace::default()
    }
}

fn opener(sock: u64, source: u8) -> OpenerPlace {
    OpenerPlace {
        sock,
        time_ns: 40,
        owner: socket::Owner {
            pid: 8,
            start_ns: 3,
            source,
            ..socket::Owner::default()
        },
        netns: INIT_NETNS,
        peer_port: 9,
        family: tcp::AF_INET,
        ..OpenerPlace::default()
    }
}

fn look(rows: &[Row], remembered: &Remembered) -> Snapshot {
    let mut processes = Processes::default();
    let mut functions = Functions::default();
    let mut join = Join::new(remembered, &mut processes, &mut functions);
    for row in rows {
        join.row(row);
    }
    join.finish()
}

fn one(rows: &[Row], remembered: &Remembered) -> SocketView {
    let snapshot = look(rows, remembered);
    snapshot
        .find(SOCK)
        .unwrap_or_else(|| panic!("{snapshot:?}"))
        .clone()
}

fn holders(view: &SocketView) -> Vec<(u32, u32)> {
    view.holders
        .iter()
        .map(|holder| (holder.process.id.pid, holder.fd))
        .collect()
}

#[test]
fn rows_of_one_socket_become_one_view_with_all_holders_and_what_is_remembered() {
    let row = |pid, fd| holder(pid, fd, view(SOCK, tcp::CLOSE_WAIT));
    let rows = [row(9, 4), row(7, 6), row(7, 5), row(7, 5)];
    let remembered = Remembered {
        half: vec![half(SOCK)],
        openers: Vec::new(),
    };
    let socket = one(&rows, &remembered);
    assert_eq!(holders(&socket), [(7, 5), (7, 6), (9, 4)]);
    assert_eq!(socket.counters.unwrap().unread, 3);
    assert_eq!((socket.inode, socket.role), (Some(77), Role::Unknown));
    let half = socket.half().unwrap();
    assert_eq!(half.fin_at, Timestamp::from_nanos(50));
    assert_eq!(
        (half.eof_count, half.eof_by, half.write_seq),
        (2, Some(7), 12)
    );
    assert!(half.fin_with_data && !half.by_reset);
}

#[test]
fn a_socket_that_lost_its_place_is_found_all_the_same() {
    let socket = one(
        &[holder(1, 3, view(SOCK, tcp::CLOSE_WAIT))],
        &Remembered::default(),
    );
    assert_eq!((socket.state, socket.half), (TcpState::CloseWait, None));
}

#[test]
fn the_state_of_the_row_wins_over_a_place() {
    let remembered = Remembered {
        half: vec![half(SOCK)],
        openers: Vec::new(),
    };
    for (state, wanted) in [
        (tcp::ESTABLISHED, false),
        (tcp::FIN_WAIT2, false),
        (tcp::CLOSE_WAIT, true),
        (tcp::LAST_ACK, true),
        (tcp::CLOSE, true),
    ] {
        let socket = one(&[holder(1, 3, view(SOCK, state))], &remembered);
        assert_eq!(socket.half().is_some(), wanted, "{state}");
    }
}

#[test]
fn a_place_from_after_the_beginning_is_of_another_connection() {
    let later = HalfPlace {
        fin_ns: u64::MAX,
        ..half(SOCK)
    };
    let remembered = Remembered {
        half: vec![later],
        openers: Vec::new(),
    };
    let socket = one(&[holder(1, 3, view(SOCK, tcp::CLOSE_WAIT))], &remembered);
    assert_eq!(socket.half, None);
}

#[test]
fn an_opener_counts_only_with_the_same_peer_and_from_before_the_look() {
    let row = holder(1, 3, view(SOCK, tcp::ESTABLISHED));
    let with = |opener| {
        one(
            &[row],
            &Remembered {
                half: Vec::new(),
                openers: vec![opener],
            },
        )
    };
    let connected = with(opener(SOCK, source::CONNECT));
    assert_eq!(connected.role, Role::Client);
    assert_eq!(connected.opener.unwrap().process.id.pid, 8);
    assert_eq!(with(opener(SOCK, source::ACCEPT)).role, Role::Server);
    let others = [
        OpenerPlace {
            peer_port: 10,
            ..opener(SOCK, source::CONNECT)
        },
        OpenerPlace {
            peer_addr: [1; 16],
            ..opener(SOCK, source::CONNECT)
        },
        OpenerPlace {
            netns: 2,
            ..opener(SOCK, source::CONNECT)
        },
        OpenerPlace {
            time_ns: u64::MAX,
            ..opener(SOCK, source::CONNECT)
        },
    ];
    for other in others {
        let socket = with(other);
        assert_eq!(
            (socket.role, socket.opener),
            (Role::Unknown, None),
            "{other:?}"
        );
    }
}

#[test]
fn a_listener_on_the_same_port_makes_a_server() {
    let row = |local_port| {
        let tuple = tuple(local_port, 9);
        holder(
            1,
            3,
            RowView {
                tuple,
                ..view(SOCK, tcp::ESTABLISHED)
            },
        )
    };
    let remembered = Remembered::default();
    // Whichever row comes first.
    assert_eq!(one(&[row(80), listener()], &remembered).role, Role::Server);
    assert_eq!(one(&[listener(), row(80)], &remembered).role, Role::Server);
    assert_eq!(one(&[listener(), row(81)], &remembered).role, Role::Unknown);
    let snapshot = look(&[listener()], &remembered);
    assert_eq!(
        snapshot.find(LISTENER).unwrap().role,
        Role::Unknown,
        "it is no connection"
    );
}

#[test]
fn a_waiting_connection_names_the_holders_of_its_listener() {
    let queued = QueueRow {
        kind: kind::QUEUED,
        state: tcp::CLOSE_WAIT,
        family: tcp::AF_INET,
        peer_port: 1234_u16.to_be_bytes(),
        listener: LISTENER,
        sock: SOCK,
        v4: [[127, 0, 0, 2], [127, 0, 0, 1]],
        unread: 5,
        ..QueueRow::default()
    };
    let remembered = Remembered {
        half: vec![half(SOCK)],
        openers: Vec::new(),
    };
    let mut processes = Processes::default();
    let mut functions = Functions::default();
    let mut join = Join::new(&remembered, &mut processes, &mut functions);
    join.row(&listener());
    join.queued(&queued);
    let snapshot = join.finish();
    let socket = snapshot.find(SOCK).unwrap();
    let queue = socket.queued.as_ref().unwrap();
    assert_eq!((queue.listener, queue.proven), (Some(LISTENER), true));
    assert_eq!(queue.listeners[0].process.id.pid, 2);
    assert_eq!(socket.endpoints.local, "127.0.0.1:80".parse().unwrap());
    assert_eq!(socket.endpoints.peer, "127.0.0.2:1234".parse().unwrap());
    assert_eq!(
        (socket.endpoints.netns, socket.role),
        (INIT_NETNS, Role::Server)
    );
    assert_eq!(socket.half().unwrap().fin_at, Timestamp::from_nanos(50));
    assert_eq!(socket.counters.unwrap().unread, 5);
}

#[test]
fn the_first_row_tells_the_ticks() {
    let start = StartRow {
        kind: kind::START,
        jiffies: 5,
        ..StartRow::default()
    };
    assert_eq!(
        look(&[Row::Start(start)], &Remembered::default())
            .jiffies
            .map(|jiffies| jiffies.now),
        Some(5)
    );
    assert_eq!(look(&[], &Remembered::default()).jiffies, None);
}

proptest! {
    #[test]
    fn any_rows_make_a_sorted_picture(rows in proptest::collection::vec((0_u64..6, 0_u8..14, 0_u32..4), 0..40)) {
        let rows: Vec<Row> = rows
            .into_iter()
            .map(|(sock, state, pid)| holder(pid, 3, view(sock, state)))
            .collect();
        let remembered = Remembered {
            half: (0..6).map(half).collect(),
            openers: (0..6).map(|sock| opener(sock, source::CONNECT)).collect(),
        };
        let snapshot = look(&rows, &remembered);
        prop_assert!(snapshot.sockets.is_sorted_by_key(|socket| socket.sock));
        for socket in &snapshot.sockets {
            prop_assert!(socket.half().is_none() || socket.state != TcpState::Established);
        }
    }
}
