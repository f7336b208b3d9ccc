//! Tests of the engine as a whole: a small kernel to watch, and what must be said of it.

mod accept;
mod both;
mod configure;
mod cost;
mod dead;
mod extreme;
mod farewell;
mod harmless;
mod incidents;
mod justice;
mod life;
mod listener;
mod lost;
mod model;
mod open;
mod particular;
mod peer;
mod pooled;
mod pressure;
mod proofs;
mod properties;
mod reading;
mod relay;
mod restart;
mod run;
mod single_look;
mod spin;
mod tunnel;
mod verdicts;
mod watched_time;
mod watching;
mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use proptest::test_runner::{Config as ProptestConfig, RngSeed};

use self::world::World;
use crate::model::event::{Body, Connection, Event};
use crate::model::finding::{Action, Finding, Resolution, Verdict};
use crate::model::look::{HalfClosed, Jiffies, Snapshot, SocketCounters, SocketView, UnheldList};
use crate::model::observation::{StateChange, What};
use crate::model::socket::{Attribution, Endpoints, Holder, Owner, Process, ProcessId, Role};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::settings::Settings;

/// So many cases of a property, unless `PROPTEST_CASES` says otherwise; from the seed `FINBACK_TEST_SEED`, if that is
/// given.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if let Ok(seed) = std::env::var("FINBACK_TEST_SEED") {
        config.rng_seed = RngSeed::Fixed(seed.parse().expect("a number"));
    }
    config
}

/// Milliseconds since a moment long after the boot.
fn at(ms: u64) -> Timestamp {
    Timestamp::from_nanos(1_000_000_000_000 + ms * 1_000_000)
}

/// A kernel of 1,000 Hz whose jiffies are those milliseconds.
fn jiffies(ms: u64) -> Jiffies {
    Jiffies {
        now: u32::try_from(ms).unwrap(),
        at: at(ms),
        length: Duration::from_millis(1),
    }
}

/// The milliseconds of a moment, rounded up.
fn ms(time: Timestamp) -> u64 {
    time.since(at(0))
        .as_nanos()
        .div_ceil(1_000_000)
        .try_into()
        .unwrap()
}

/// Address of the n-th socket.
const fn sock(n: u64) -> u64 {
    0xffff_8880_0000_0000 + n * 0x1000
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The n-th connection's addresses.
fn ends(n: u64) -> Endpoints {
    Endpoints {
        local: addr("10.0.0.2:80"),
        peer: SocketAddr::new(addr("10.0.0.1:0").ip(), 1000 + u16::try_from(n).unwrap()),
        netns: 1,
    }
}

fn process(pid: u32) -> Arc<Process> {
    Arc::new(Process {
        id: ProcessId {
            pid,
            start: Timestamp::from_nanos(u64::from(pid)),
        },
        comm: format!("app{pid}").into(),
        uid: Some(0),
        cgroup: None,
        group: None,
    })
}

/// A process that started then.
fn heir(pid: u32, start: u64) -> Arc<Process> {
    Arc::new(Process {
        id: ProcessId {
            pid,
            start: at(start),
        },
        ..(*process(pid)).clone()
    })
}

fn owner(pid: u32, attribution: Attribution) -> Owner {
    Owner {
        process: process(pid),
        thread: Some(pid),
        attribution,
        since: at(0),
    }
}

fn holder(pid: u32, fd: u32) -> Holder {
    Holder {
        process: process(pid),
        fd,
    }
}

fn change(n: u64, from: TcpState, to: TcpState) -> StateChange {
    StateChange {
        endpoints: ends(n),
        from,
        to,
        entered: None,
        role: Role::Server,
        error: 0,
        dead: false,
        fin_received: false,
        shutdown: false,
        closed: false,
        exiting: false,
        unattached: false,
        unread: u32::from(to == TcpState::CloseWait),
        actor: None,
        cookie: None,
    }
}

/// What the kernel remembers of a FIN that came then, with nothing else to read and everything acknowledged.
fn fin(ms: u64) -> HalfClosed {
    HalfClosed::at(at(ms))
}

/// The numbers of a socket that has sent nothing.
fn numbers() -> SocketCounters {
    SocketCounters {
        snd_una: Some(0),
        write_seq: Some(0),
        ..SocketCounters::default()
    }
}

/// The n-th connection as a look finds it: in CLOSE_WAIT, its FIN unread, held by process 7 as descriptor 5. The world
/// adds what it remembers of the FIN and of the opener.
pub(crate) fn view(n: u64) -> SocketView {
    SocketView {
        sock: sock(n),
        endpoints: ends(n),
        state: TcpState::CloseWait,
        role: Role::Server,
        opener: None,
        holders: vec![holder(7, 5)],
        queued: None,
        inode: Some(4000 + n),
        cookie: None,
        half: None,
        fin_behind_hole: false,
        halted: None,
        waiting: None,
        counters: Some(SocketCounters {
            unread: 1,
            ..numbers()
        }),
    }
}

/// As [`view`], with everything read.
fn drained(n: u64) -> SocketView {
    SocketView {
        counters: Some(numbers()),
        ..view(n)
    }
}

/// With other numbers.
fn counted(view: SocketView, edit: impl FnOnce(&mut SocketCounters)) -> SocketView {
    let mut counters = view.counters.unwrap();
    edit(&mut counters);
    SocketView {
        counters: Some(counters),
        ..view
    }
}

/// It has sent so many bytes since its FIN, and all of them are acknowledged.
fn sent(view: SocketView, bytes: u64) -> SocketView {
    let sequence = u32::try_from(bytes).unwrap();
    counted(view, |c| {
        (c.bytes_sent, c.bytes_acked) = (bytes, bytes);
        (c.snd_una, c.write_seq) = (Some(sequence), Some(sequence));
    })
}

fn held_by(pid: u32, view: SocketView) -> SocketView {
    SocketView {
        holders: vec![holder(pid, 5)],
        ..view
    }
}

/// What an event says of a process.
fn about_process(event: &Event) -> Option<(&Owner, &Arc<Finding>)> {
    if let Body::ProcessFinding { owner, finding } = &event.body {
        Some((owner, finding))
    } else {
        None
    }
}

/// What an event says of a connection.
fn about_connection(event: &Event) -> Option<(&Connection, &Arc<Finding>)> {
    if let Body::Finding {
        connection,
        finding,
    } = &event.body
    {
        Some((connection, finding))
    } else {
        None
    }
}
