//! Seeds that have the form of this version's own structs: with `BLESS=1` they are written anew.

use std::fs;

use finback_common::place::life_flag;
use finback_common::record::{
    EndRecord, EofRecord, OpenRecord, RecordHeader, ResetQueuedRecord, ResetWriteRecord,
    SegmentRecord, StackRecord, StateRecord, TimeWaitRecord, kind, time_wait_action,
};
use finback_common::row::{self, HolderRow, SocketView, StartRow, WaitRow};
use finback_common::socket::{Owner, Tuple, source};
use finback_common::tcp;
use zerocopy::{FromZeros as _, IntoBytes as _};

use crate::checked_in::path;
use crate::frame::{About, Packer};

/// What the repository has, or should.
fn seed(target: &str, name: &str, bytes: &[u8]) {
    let path = path(&format!("agent/fuzz/seeds/{target}/{name}"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, bytes).unwrap();
    }
    let found = fs::read(&path).unwrap_or_default();
    let path = path.display();
    assert!(
        found == bytes,
        "{path} is out of date: run this test with BLESS=1"
    );
}

fn header(kind: u8) -> RecordHeader {
    RecordHeader {
        kind,
        hook: 0,
        reserved: 0,
        cpu: 0,
        time_ns: 1_000_000,
        sock: 0xffff_8880_0000_1000,
    }
}

fn tuple() -> Tuple {
    let mut tuple = Tuple {
        netns: 1,
        local_port: 8080,
        peer_port: 54_321,
        family: tcp::AF_INET,
        ..Tuple::default()
    };
    tuple.local_addr[..4].copy_from_slice(&[127, 0, 0, 1]);
    tuple.peer_addr[..4].copy_from_slice(&[127, 0, 0, 2]);
    tuple
}

fn owner() -> Owner {
    Owner {
        pid: 7,
        tid: 8,
        source: source::ACCEPT,
        start_ns: 5,
        comm: *b"a\xffb\x1b\0\0\0\0\0\0\0\0\0\0\0\0",
        ..Owner::default()
    }
}

#[test]
fn records_of_the_ring() {
    let record = |name, record: &dyn Fn() -> Vec<u8>| seed("ring_record", name, &record());
    record("state", &|| {
        let mut state = StateRecord::new_zeroed();
        (state.header, state.tuple) = (header(kind::STATE), tuple());
        (state.old, state.new) = (tcp::ESTABLISHED, tcp::CLOSE_WAIT);
        state.flags = life_flag::DONE | life_flag::SERVER;
        state.as_bytes().to_vec()
    });
    record("open", &|| {
        let mut open = OpenRecord::new_zeroed();
        (open.header, open.tuple, open.owner) = (header(kind::OPEN), tuple(), owner());
        open.state = tcp::ESTABLISHED;
        open.as_bytes().to_vec()
    });
    record("eof", &|| {
        let mut eof = EofRecord::new_zeroed();
        (eof.header, eof.tuple, eof.state) = (header(kind::EOF), tuple(), tcp::CLOSE_WAIT);
        eof.as_bytes().to_vec()
    });
    record("reset_write", &|| {
        let mut reset = ResetWriteRecord::new_zeroed();
        (reset.header, reset.tuple) = (header(kind::RESET_WRITE), tuple());
        (reset.jiffies, reset.last_sent) = (3, u32::MAX);
        reset.as_bytes().to_vec()
    });
    record("reset_queued", &|| {
        let mut reset = ResetQueuedRecord::new_zeroed();
        (reset.header, reset.tuple) = (header(kind::RESET_QUEUED), tuple());
        reset.as_bytes().to_vec()
    });
    record("segment", &|| {
        let mut segment = SegmentRecord::new_zeroed();
        (segment.header, segment.tcp_flags) = (header(kind::SEGMENT), tcp::FLAG_FIN);
        segment.as_bytes().to_vec()
    });
    record("time_wait", &|| {
        let mut entered = TimeWaitRecord::new_zeroed();
        (entered.header, entered.tuple) = (header(kind::TIME_WAIT), tuple());
        (entered.action, entered.substate) = (time_wait_action::ENTER, tcp::TIME_WAIT);
        entered.as_bytes().to_vec()
    });
    record("end", &|| {
        let mut end = EndRecord::new_zeroed();
        (end.header, end.tuple) = (header(kind::END), tuple());
        (end.changed_ns, end.from) = (900, tcp::LAST_ACK);
        end.as_bytes().to_vec()
    });
    record("stack", &|| {
        let mut stack = StackRecord::new_zeroed();
        (stack.header, stack.pid, stack.length) = (header(kind::STACK), 7, 64);
        stack.as_bytes().to_vec()
    });
}

#[test]
fn rows_of_the_iterator() {
    let start = StartRow {
        kind: row::kind::START,
        now_ns: 5,
        ..StartRow::new_zeroed()
    };
    let socket = |sock, state| SocketView {
        sock,
        state,
        tuple: tuple(),
        ..SocketView::new_zeroed()
    };
    let holder = |fd, sock, state| HolderRow {
        kind: row::kind::HOLDER,
        pid: 3,
        fd,
        socket: socket(sock, state),
        ..HolderRow::new_zeroed()
    };
    let wait = |sock, function| WaitRow {
        kind: row::kind::WAIT,
        sock,
        function,
        ..WaitRow::new_zeroed()
    };
    let rows = [
        start.as_bytes(),
        holder(4, 1, tcp::LISTEN).as_bytes(),
        holder(5, 2, tcp::CLOSE_WAIT).as_bytes(),
        wait(2, 1).as_bytes(),
        wait(2, 3).as_bytes(),
        holder(6, 2, tcp::CLOSE_WAIT).as_bytes(),
    ]
    .concat();
    seed("iterator_rows", "look", &rows);
    seed("iterator_rows", "cut", &rows[..rows.len() - 1]);
    seed("iterator_rows", "nobody", start.as_bytes());
}

#[test]
fn frames_of_files() {
    let mut packer = Packer::new().unwrap();
    let about = About {
        entries: 1,
        latest: 9,
        ..About::default()
    };
    let mut pack = |bytes: &[u8]| packer.pack(bytes, about).unwrap();
    let (one, two) = (pack(b"one"), pack(&[b'2'; 5000]));
    seed("frames", "two", &[&one[..], &two].concat());
    seed(
        "frames",
        "garbage_between",
        &[&one[..], b"garbage", &two].concat(),
    );
    seed("frames", "torn", &two[..two.len() - 1]);
    let mut flipped = [&one[..], &two].concat();
    flipped[one.len() - 1] ^= 1;
    seed("frames", "flipped", &flipped);
}
