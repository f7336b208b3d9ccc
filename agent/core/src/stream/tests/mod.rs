//! Tests of the stream as a whole: a small world to tell it about, and what it must say.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one kind of event, and in most states most acts do nothing"
)]

mod both;
mod causes;
mod doubt;
mod lines;
mod loss;
mod model;
mod order;
mod properties;
mod repair;
mod room;
mod run;
mod time_wait;
mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use self::world::World;
use super::{Stream, View};
use crate::model::event::{Body, Connection, Event, Output, Transition, WholeLife};
use crate::model::interest::Interest;
use crate::model::look::{HalfClosed, Snapshot, SocketView, Unheld, UnheldList};
use crate::model::observation::{
    End, Eof, LastChange, Life, Loss, Observation, Open, StateChange, What,
};
use crate::model::socket::{
    Attribution, Endpoints, Holder, Owner, Process, ProcessId, Role, SocketKey,
};
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;
use crate::settings::Settings;

/// Milliseconds since a moment long after the boot.
fn at(ms: u64) -> Timestamp {
    Timestamp::from_nanos(1_000_000_000_000 + ms * 1_000_000)
}

/// Address of the n-th socket.
fn sock(n: u64) -> u64 {
    0xffff_8880_0000_0000 + n * 0x1000
}

/// The connection that the n-th socket had since then.
fn key(n: u64, ms: u64) -> SocketKey {
    SocketKey {
        sock: sock(n),
        birth: at(ms),
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The n-th connection's addresses.
fn ends(n: u64) -> Endpoints {
    let (high, low) = (n / 60_000, n % 60_000);
    Endpoints {
        local: addr("10.0.0.2:80"),
        peer: SocketAddr::new(
            addr(&format!("10.0.{high}.1:0")).ip(),
            1000 + u16::try_from(low).unwrap(),
        ),
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

fn end(n: u64) -> End {
    End {
        endpoints: ends(n),
        role: Role::Server,
        life: Life::default(),
        bytes_sent: 0,
        bytes_received: 0,
        cookie: None,
    }
}

/// The n-th connection as a look finds it: in this state, held by process 7 as descriptor 5.
fn view(n: u64, state: TcpState) -> SocketView {
    SocketView {
        sock: sock(n),
        endpoints: ends(n),
        state,
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
        counters: None,
    }
}

/// Records that were dropped.
fn loss(reason: &'static str) -> Loss {
    Loss {
        records: 3,
        reason: reason.into(),
    }
}

/// What no descriptor refers to in the namespaces that the tests use.
fn listed(sockets: Vec<Unheld>) -> UnheldList {
    UnheldList {
        namespaces: vec![1, 2],
        sockets,
    }
}

/// Everything: these sockets, and nothing without a descriptor.
fn snapshot(ms: u64, mut sockets: Vec<SocketView>) -> Snapshot {
    sockets.sort_unstable_by_key(|view| view.sock);
    Snapshot {
        taken: at(ms),
        took: Duration::ZERO,
        cost: Duration::ZERO,
        jiffies: None,
        sockets,
        unheld: Some(listed(Vec::new())),
        openers: Vec::new(),
    }
}

fn everything() -> Interest {
    let mut interest = Interest::in_states(TcpState::ALL);
    interest.eof = true;
    interest.connections = true;
    interest.segments = true;
    interest
}

/// Connection lines only.
fn lives() -> Interest {
    let mut interest = Interest::NONE;
    interest.connections = true;
    interest
}

/// Of which connection an event speaks.
fn connection(event: &Event) -> Option<&Connection> {
    match &event.body {
        Body::Transition { connection, .. }
        | Body::Eof { connection, .. }
        | Body::Finding { connection, .. }
        | Body::Connection { connection, .. } => Some(connection),
        Body::ProcessFinding { .. }
        | Body::Incident(_)
        | Body::Lost { .. }
        | Body::Resync { .. } => None,
    }
}

/// When the stream wants anything.
fn due(stream: &Stream) -> Option<Timestamp> {
    let due = [stream.timer_due(), stream.look_due()];
    due.into_iter().flatten().min()
}
