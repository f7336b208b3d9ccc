//! Ring records to observations. Anything may come out of the ring of a broken build: what cannot be
//! understood is counted, never a panic.

use finback_common::entry::flag;
use finback_common::record::{
    ActRecord, GoneRecord, OwnerRecord, RecordHeader, SegmentRecord, StateRecord, TimeWaitRecord,
    kind, state_flag, time_wait_action,
};
use finback_common::tcp;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::address::endpoints;
use super::groups::Groups;
use super::intern::Processes;
use super::stacks::RawStack;
use finback_core::model::observation::{Observation, StateChange, What};
use finback_core::model::socket::{Role, SocketKey};
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;

/// Turns records into observations.
#[derive(Default)]
pub struct Decoder {
    pub(super) processes: Processes,
    malformed: u64,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("malformed", &self.malformed)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// Looks up the groups of processes if that is given.
    pub(super) fn new(groups: Option<Groups>) -> Self {
        Self {
            processes: Processes::new(groups),
            malformed: 0,
        }
    }

    /// Reads one record; `None` (and one more in [`malformed`](Self::malformed)) if it makes no sense.
    pub fn decode(&mut self, bytes: &[u8]) -> Option<Observation> {
        let observation = self.read(bytes);
        if observation.is_none() {
            self.malformed += 1;
        }
        observation
    }

    /// Reads a user stack; `None` (and one more in [`malformed`](Self::malformed)) if it makes no sense.
    pub(super) fn stack(&mut self, bytes: &[u8]) -> Option<RawStack> {
        let stack = RawStack::read(bytes);
        if stack.is_none() {
            self.malformed += 1;
        }
        stack
    }

    /// How many records made no sense.
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    fn read(&mut self, bytes: &[u8]) -> Option<Observation> {
        let (header, what) = match *bytes.first()? {
            kind::STATE => record(bytes, |r: &StateRecord| Some((r.header, state(r)?))),
            kind::OWNER => record(bytes, |r: &OwnerRecord| Some((r.header, self.owner(r)?))),
            kind::EOF => record(bytes, |r: &ActRecord| Some((r.header, eof(r)))),
            kind::WRITE => record(bytes, |r: &ActRecord| Some((r.header, write(r)))),
            kind::SEGMENT => record(bytes, |r: &SegmentRecord| Some((r.header, segment(r)))),
            kind::TIME_WAIT => record(bytes, |r: &TimeWaitRecord| Some((r.header, time_wait(r)?))),
            kind::GONE => record(bytes, |r: &GoneRecord| Some((r.header, What::Gone))),
            _ => None,
        }?;
        Some(Observation {
            time: Timestamp::from_nanos(header.time_ns),
            key: key(&header),
            what,
        })
    }

    fn owner(&mut self, record: &OwnerRecord) -> Option<What> {
        let owner = self
            .processes
            .owner(&record.owner, Timestamp::from_nanos(record.header.time_ns))?;
        Some(What::Owner {
            endpoints: endpoints(&record.tuple)?,
            state: TcpState::from_kernel(record.state)?,
            role: role(
                record.flags & flag::CLIENT != 0,
                record.flags & flag::SERVER != 0,
            ),
            owner,
            inode: (record.inode != 0).then_some(record.inode),
        })
    }
}

/// Which end opened the connection.
pub(super) const fn role(client: bool, server: bool) -> Role {
    match (client, server) {
        (true, _) => Role::Client,
        (false, true) => Role::Server,
        (false, false) => Role::Unknown,
    }
}

/// Ring records are 8-byte aligned, but a copy of one need not be: read without asking for it.
fn record<R, T>(bytes: &[u8], read: impl FnOnce(&R) -> Option<T>) -> Option<T>
where
    R: FromBytes + KnownLayout + Immutable,
{
    match R::ref_from_prefix(bytes) {
        Ok((record, _)) => read(record),
        Err(_) => read(&R::read_from_prefix(bytes).ok()?.0),
    }
}

pub(super) const fn key(header: &RecordHeader) -> SocketKey {
    SocketKey {
        sock: header.sock,
        birth: Timestamp::from_nanos(header.birth_ns),
    }
}

fn state(record: &StateRecord) -> Option<What> {
    let has = |bit| record.flags & bit != 0;
    Some(What::State(StateChange {
        endpoints: endpoints(&record.tuple)?,
        from: TcpState::from_kernel(record.old)?,
        to: TcpState::from_kernel(record.new)?,
        role: role(has(state_flag::CLIENT), has(state_flag::SERVER)),
        error: record.error,
        dead: has(state_flag::DEAD),
        fin_received: has(state_flag::DONE),
        shutdown: has(state_flag::SHUTDOWN),
        closed: has(state_flag::CLOSED),
        exiting: has(state_flag::EXITING),
        unattached: has(state_flag::UNATTACHED),
        unread: record.unread,
        actor: (record.actor_pid != 0).then_some(record.actor_pid),
        cookie: (record.cookie != 0).then_some(record.cookie),
    }))
}

const fn eof(record: &ActRecord) -> What {
    What::Eof {
        pid: record.pid,
        thread: record.tid,
    }
}

const fn write(record: &ActRecord) -> What {
    What::Write {
        pid: record.pid,
        thread: record.tid,
        bytes: record.bytes,
    }
}

const fn segment(record: &SegmentRecord) -> What {
    What::Segment {
        fin: record.tcp_flags & tcp::FLAG_FIN != 0,
        rst: record.tcp_flags & tcp::FLAG_RST != 0,
        seq: record.seq,
        rcv_nxt: record.rcv_nxt,
    }
}

fn time_wait(record: &TimeWaitRecord) -> Option<What> {
    let endpoints = endpoints(&record.tuple)?;
    match record.action {
        time_wait_action::ENTER | time_wait_action::ENTERED => Some(What::TimeWaitEntered {
            endpoints,
            substate: TcpState::from_kernel(record.substate)?,
        }),
        time_wait_action::LEAVE => Some(What::TimeWaitLeft { endpoints }),
        _ => None,
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
