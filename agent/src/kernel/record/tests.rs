use std::time::Instant;

use finback_common::socket::{Owner, Tuple};
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
    }
}

fn close_wait() -> StateRecord {
    StateRecord {
        header: header(kind::STATE),
        entered_ns: 900,
        tuple: tuple(),
        old: tcp::ESTABLISHED,
        new: tcp::CLOSE_WAIT,
        flags: life_flag::DONE | life_flag::SERVER,
        unread: 1,
        ..StateRecord::default()
    }
}

fn accepted() -> OpenRecord {
    OpenRecord {
        header: header(kind::OPEN),
        tuple: tuple(),
        state: tcp::ESTABLISHED,
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
        reserved: [0; 3],
    }
}

#[test]
fn a_state_record_becomes_a_change() {
    let observation = Decoder::default().decode(close_wait().as_bytes()).unwrap();
    assert_eq!(observation.time, Timestamp::from_nanos(1_000));
    assert_eq!(observation.sock, 0xffff_8880_0000_1000);
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
    assert_eq!(change.entered, Some(Timestamp::from_nanos(900)));
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
    assert!(with(life_flag::DEAD).dead);
    assert!(with(life_flag::SHUTDOWN).shutdown);
    assert!(with(life_flag::CLOSED).closed);
    assert!(with(life_flag::EXITING).exiting);
    assert!(with(life_flag::UNATTACHED).unattached);
    assert_eq!(with(life_flag::CLIENT).role, Role::Client);
    assert_eq!(with(0).role, Role::Unknown);
}

#[test]
fn an_open_record_names_process_and_thread() {
    let observation = Decoder::default().decode(accepted().as_bytes()).unwrap();
    let What::Open(open) = observation.what else {
        panic!("{observation:?}")
    };
    assert_eq!(
        (open.owner.process.id.pid, open.owner.thread, open.inode),
        (10, Some(11), Some(15))
    );
    assert_eq!(
        (open.owner.attribution, open.role),
        (Attribution::Accept, Role::Server)
    );
    assert_eq!(open.owner.since, Timestamp::from_nanos(1_000));
}

#[test]
fn a_delivery_tells_how_long_it_took() {
    let record = EofRecord {
        header: header(kind::EOF),
        fin_ns: 600,
        tuple: tuple(),
        pid: 1,
        tid: 2,
        state: tcp::CLOSE_WAIT,
        ..EofRecord::default()
    };
    let eof = Eof {
        endpoints: endpoints(&tuple()).unwrap(),
        state: TcpState::CloseWait,
        fin_at: Some(Timestamp::from_nanos(600)),
        pid: 1,
        thread: 2,
    };
    let observation = Decoder::default().decode(record.as_bytes()).unwrap();
    assert_eq!(observation.what, What::Eof(eof));
}

#[test]
fn a_reset_of_what_was_written_tells_when_that_was() {
    let record = ResetWriteRecord {
        header: RecordHeader {
            time_ns: 10_000_000_000,
            ..header(kind::RESET_WRITE)
        },
        fin_ns: 600,
        eof_ns: 700,
        tuple: tuple(),
        bytes: 5,
        jiffies: 3,
        last_sent: u32::MAX,
        eof_pid: 9,
        flags: life_flag::CLIENT,
        reserved: [0; 3],
    };
    let observation = Decoder::default().decode(record.as_bytes()).unwrap();
    let What::ResetWrite(reset) = observation.what else {
        panic!("{observation:?}")
    };
    assert_eq!((reset.bytes, reset.eof_by, reset.dead), (5, Some(9), false));
    assert_eq!(reset.role, Role::Client);
    assert_eq!(
        observation.time.since(reset.sent_at.unwrap()),
        crate::kernel::clock::jiffy() * 4
    );
}

#[test]
fn a_reset_in_an_accept_queue_has_addresses() {
    let record = ResetQueuedRecord {
        header: header(kind::RESET_QUEUED),
        tuple: tuple(),
        state: tcp::ESTABLISHED,
        reserved: [0; 3],
    };
    let observation = Decoder::default().decode(record.as_bytes()).unwrap();
    let endpoints = endpoints(&tuple()).unwrap();
    assert_eq!(observation.what, What::ResetQueued { endpoints });
}

#[test]
fn an_end_tells_the_life_before_it_as_far_as_that_was_seen() {
    let record = EndRecord {
        header: header(kind::END),
        bytes_acked: 7,
        bytes_received: 8,
        cookie: 9,
        opened_ns: 100,
        fin_received_ns: 300,
        changed_ns: 400,
        tuple: tuple(),
        error: 104,
        from: tcp::CLOSE_WAIT,
        flags: life_flag::SERVER | life_flag::DONE,
        ..EndRecord::default()
    };
    let end = |record: EndRecord| {
        let observation = Decoder::default().decode(record.as_bytes()).unwrap();
        let What::End(end) = observation.what else {
            panic!("{observation:?}")
        };
        end
    };
    let whole = end(record);
    assert_eq!(
        (whole.bytes_sent, whole.bytes_received, whole.cookie),
        (7, 8, Some(9))
    );
    assert_eq!(whole.life.opened, Some(Timestamp::from_nanos(100)));
    assert_eq!((whole.life.established, whole.life.fin_sent), (None, None));
    let last = whole.life.last.unwrap();
    assert_eq!(
        (last.from, last.error, last.fin_received),
        (TcpState::CloseWait, 104, true)
    );
    let unseen = end(EndRecord {
        changed_ns: 0,
        from: 0,
        ..record
    });
    assert_eq!(unseen.life.last, None);
}

#[test]
fn a_segment_keeps_its_numbers() {
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
    let observation = Decoder::default().decode(segment.as_bytes()).unwrap();
    assert_eq!(observation.what, expected);
}

fn minisock(action: u8, substate: u8) -> TimeWaitRecord {
    TimeWaitRecord {
        header: header(kind::TIME_WAIT),
        tuple: tuple(),
        action,
        substate,
        reserved: 0,
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
    fn random_bytes_never_panic(kind in 0_u8..10, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
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
