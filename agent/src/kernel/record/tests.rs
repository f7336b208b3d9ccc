use std::time::Instant;

use finback_common::entry::{Owner, Tuple, source};
use proptest::prelude::*;
use zerocopy::IntoBytes as _;

use super::*;
use finback_core::model::socket::Attribution;

fn tuple() -> Tuple {
    let mut tuple = Tuple {
        netns: 4_026_531_840,
        local_port: 8080,
        peer_port: 54_321,
        family: tcp::AF_INET,
        ..Tuple::default()
    };
    tuple.local_addr[..4].copy_from_slice(&[127, 0, 0, 1]);
    tuple.peer_addr[..4].copy_from_slice(&[127, 0, 0, 2]);
    tuple
}

fn header(kind: u8) -> RecordHeader {
    RecordHeader {
        kind,
        hook: 2,
        reserved: 0,
        cpu: 1,
        time_ns: 1_000,
        sock: 0xffff_8880_0000_1000,
        birth_ns: 900,
    }
}

fn close_wait() -> StateRecord {
    StateRecord {
        header: header(kind::STATE),
        tuple: tuple(),
        old: tcp::ESTABLISHED,
        new: tcp::CLOSE_WAIT,
        flags: state_flag::DONE | state_flag::SERVER,
        reserved: 0,
        error: 0,
        unread: 1,
        actor_pid: 0,
        actor_tid: 0,
        cookie: 0,
    }
}

fn accepted() -> OwnerRecord {
    OwnerRecord {
        header: header(kind::OWNER),
        tuple: tuple(),
        state: tcp::ESTABLISHED,
        flags: flag::SERVER,
        reserved: 0,
        owner: Owner {
            pid: 10,
            tid: 11,
            uid: 12,
            source: source::ACCEPT,
            reserved: [0; 3],
            start_ns: 13,
            cgroup: 14,
            comm: *b"server\0\0\0\0\0\0\0\0\0\0",
        },
        inode: 15,
    }
}

#[test]
fn a_state_record_becomes_a_change() {
    let observation = Decoder::default().decode(close_wait().as_bytes()).unwrap();
    assert_eq!(observation.time, Timestamp::from_nanos(1_000));
    assert_eq!(observation.key.birth, Timestamp::from_nanos(900));
    let What::State(change) = observation.what else {
        panic!("{observation:?}")
    };
    assert_eq!(
        (change.from, change.to),
        (TcpState::Established, TcpState::CloseWait)
    );
    assert_eq!(change.endpoints.local, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(change.endpoints.peer, "127.0.0.2:54321".parse().unwrap());
    assert_eq!(
        (change.role, change.unread, change.actor),
        (Role::Server, 1, None)
    );
    assert!(change.fin_received && !change.dead && !change.closed);
}

#[test]
fn every_state_flag_reaches_its_field() {
    let with = |flags| {
        let record = StateRecord {
            flags,
            ..close_wait()
        };
        let observation = Decoder::default().decode(record.as_bytes()).unwrap();
        let What::State(change) = observation.what else {
            panic!("{observation:?}")
        };
        change
    };
    assert!(with(state_flag::DEAD).dead);
    assert!(with(state_flag::SHUTDOWN).shutdown);
    assert!(with(state_flag::CLOSED).closed);
    assert!(with(state_flag::EXITING).exiting);
    assert!(with(state_flag::UNATTACHED).unattached);
    assert_eq!(with(state_flag::CLIENT).role, Role::Client);
    assert_eq!(with(0).role, Role::Unknown);
}

#[test]
fn an_owner_record_names_process_and_thread() {
    let observation = Decoder::default().decode(accepted().as_bytes()).unwrap();
    let What::Owner {
        owner, inode, role, ..
    } = observation.what
    else {
        panic!("{observation:?}")
    };
    assert_eq!(
        (owner.process.id.pid, owner.thread, inode),
        (10, Some(11), Some(15))
    );
    assert_eq!(
        (owner.attribution, role),
        (Attribution::Accept, Role::Server)
    );
    assert_eq!(owner.since, Timestamp::from_nanos(1_000));
}

#[test]
fn the_other_records_keep_their_numbers() {
    let mut decoder = Decoder::default();
    let act = |kind| ActRecord {
        header: header(kind),
        pid: 1,
        tid: 2,
        bytes: 3,
    };
    let mut what = |bytes: &[u8]| decoder.decode(bytes).unwrap().what;
    assert_eq!(
        what(act(kind::EOF).as_bytes()),
        What::Eof { pid: 1, thread: 2 }
    );
    let write = What::Write {
        pid: 1,
        thread: 2,
        bytes: 3,
    };
    assert_eq!(what(act(kind::WRITE).as_bytes()), write);
    let gone = GoneRecord {
        header: header(kind::GONE),
        state: 7,
        reserved: 0,
    };
    assert_eq!(what(gone.as_bytes()), What::Gone);
    let segment = SegmentRecord {
        header: header(kind::SEGMENT),
        seq: 100,
        rcv_nxt: 90,
        tcp_flags: tcp::FLAG_FIN,
        state: 1,
        reserved: [0; 6],
    };
    let expected = What::Segment {
        fin: true,
        rst: false,
        seq: 100,
        rcv_nxt: 90,
    };
    assert_eq!(what(segment.as_bytes()), expected);
}

fn minisock(action: u8, substate: u8) -> TimeWaitRecord {
    TimeWaitRecord {
        header: header(kind::TIME_WAIT),
        tuple: tuple(),
        action,
        substate,
        reserved: 0,
        minisock: 0,
        cookie: 0,
    }
}

#[test]
fn minisocks_enter_and_leave() {
    let mut decoder = Decoder::default();
    let endpoints = endpoints(&tuple()).unwrap();
    for action in [time_wait_action::ENTER, time_wait_action::ENTERED] {
        let entered = decoder
            .decode(minisock(action, tcp::TIME_WAIT).as_bytes())
            .unwrap();
        let substate = TcpState::TimeWait;
        assert_eq!(
            entered.what,
            What::TimeWaitEntered {
                endpoints,
                substate
            }
        );
    }
    let left = decoder
        .decode(minisock(time_wait_action::LEAVE, 0).as_bytes())
        .unwrap();
    assert_eq!(left.what, What::TimeWaitLeft { endpoints });
}

#[test]
fn what_makes_no_sense_is_counted() {
    let mut decoder = Decoder::default();
    let mut refused = 0;
    let mut refuse = |bytes: &[u8]| {
        assert_eq!(decoder.decode(bytes), None);
        refused += 1;
        assert_eq!(decoder.malformed(), refused);
    };
    refuse(&[]);
    refuse(&[0; 200]);
    refuse(&[99; 200]);
    refuse(&close_wait().as_bytes()[..103]);
    refuse(
        StateRecord {
            new: 13,
            ..close_wait()
        }
        .as_bytes(),
    );
    let unix = Tuple {
        family: 1,
        ..tuple()
    };
    refuse(
        StateRecord {
            tuple: unix,
            ..close_wait()
        }
        .as_bytes(),
    );
    refuse(minisock(9, tcp::TIME_WAIT).as_bytes());
}

#[test]
fn a_record_at_an_odd_address_is_read() {
    let mut shifted = vec![0];
    shifted.extend_from_slice(close_wait().as_bytes());
    assert!(Decoder::default().decode(&shifted[1..]).is_some());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(kind in 0_u8..9, bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
        let mut decoder = Decoder::default();
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        let decoded = decoder.decode(&bytes).is_some();
        prop_assert_eq!(decoder.malformed(), u64::from(!decoded));
    }
}

/// `cargo test --release -- --ignored --nocapture decoding_rate`
#[test]
#[ignore = "a measurement: means something only in a release build"]
fn decoding_rate() {
    const ROUNDS: u32 = 1_000_000;
    let mut decoder = Decoder::default();
    let (state, owner) = (close_wait(), accepted());
    let start = Instant::now();
    for _ in 0..ROUNDS {
        std::hint::black_box(decoder.decode(std::hint::black_box(state.as_bytes())));
        std::hint::black_box(decoder.decode(std::hint::black_box(owner.as_bytes())));
    }
    let each = start.elapsed() / (2 * ROUNDS);
    println!("{each:?} per record");
    assert!(each.as_nanos() < 1_000, "slower than 1 M records/s");
}
