//! Ring records to observations. Anything may come out of the ring of a broken build: what cannot be
//! understood is counted, never a panic.

use finback_common::place::life_flag;
use finback_common::record::{
    EndRecord, EofRecord, OpenRecord, RecordHeader, ResetQueuedRecord, ResetWriteRecord,
    SegmentRecord, StateRecord, TimeWaitRecord, kind, time_wait_action,
};
use finback_common::socket::source;
use finback_common::tcp;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::stack::RawStack;
use crate::kernel::address::{endpoints, role};
use crate::kernel::cgroup::Groups;
use crate::kernel::clock::moment;
use crate::kernel::processes::Processes;
use finback_core::model::observation::{
    End, Eof, LastChange, Life, Observation, Open, ResetWrite, StateChange, What,
};
use finback_core::model::socket::Role;
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;

/// Turns records into observations.
#[derive(Default)]
pub struct Decoder {
    pub(in crate::kernel) processes: Processes,
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
    pub(in crate::kernel) fn new(groups: Option<Groups>) -> Self {
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
    pub(in crate::kernel) fn stack(&mut self, bytes: &[u8]) -> Option<RawStack> {
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
            kind::OPEN => record(bytes, |r: &OpenRecord| Some((r.header, self.open(r)?))),
            kind::EOF => record(bytes, |r: &EofRecord| Some((r.header, eof(r)?))),
            kind::RESET_WRITE => record(bytes, |r: &ResetWriteRecord| {
                Some((r.header, reset_write(r)?))
            }),
            kind::RESET_QUEUED => record(bytes, |r: &ResetQueuedRecord| {
                Some((r.header, reset_queued(r)?))
            }),
            kind::SEGMENT => record(bytes, |r: &SegmentRecord| Some((r.header, segment(r)))),
            kind::TIME_WAIT => record(bytes, |r: &TimeWaitRecord| Some((r.header, time_wait(r)?))),
            kind::END => record(bytes, |r: &EndRecord| Some((r.header, end(r)?))),
            _ => None,
        }?;
        Some(Observation {
            time: time(&header),
            sock: header.sock,
            what,
        })
    }

    fn open(&mut self, record: &OpenRecord) -> Option<What> {
        let role = match record.owner.source {
            source::CONNECT => Role::Client,
            source::ACCEPT => Role::Server,
            source::USE => Role::Unknown,
            _ => return None,
        };
        Some(What::Open(Open {
            endpoints: endpoints(&record.tuple)?,
            state: TcpState::from_kernel(record.state)?,
            role,
            owner: self.processes.owner(&record.owner, time(&record.header))?,
            inode: (record.inode != 0).then_some(record.inode),
        }))
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

const fn time(header: &RecordHeader) -> Timestamp {
    Timestamp::from_nanos(header.time_ns)
}

const fn role_of(flags: u8) -> Role {
    role(
        flags & life_flag::CLIENT != 0,
        flags & life_flag::SERVER != 0,
    )
}

fn state(record: &StateRecord) -> Option<What> {
    let has = |bit| record.flags & bit != 0;
    Some(What::State(StateChange {
        endpoints: endpoints(&record.tuple)?,
        from: TcpState::from_kernel(record.old)?,
        to: TcpState::from_kernel(record.new)?,
        entered: Timestamp::from_abi(record.entered_ns),
        role: role_of(record.flags),
        error: record.error,
        dead: has(life_flag::DEAD),
        fin_received: has(life_flag::DONE),
        shutdown: has(life_flag::SHUTDOWN),
        closed: has(life_flag::CLOSED),
        exiting: has(life_flag::EXITING),
        unattached: has(life_flag::UNATTACHED),
        unread: record.unread,
        actor: (record.actor_pid != 0).then_some(record.actor_pid),
        cookie: (record.cookie != 0).then_some(record.cookie),
    }))
}

fn eof(record: &EofRecord) -> Option<What> {
    Some(What::Eof(Eof {
        endpoints: endpoints(&record.tuple)?,
        state: TcpState::from_kernel(record.state)?,
        fin_at: Timestamp::from_abi(record.fin_ns),
        pid: record.pid,
        thread: record.tid,
    }))
}

fn reset_write(record: &ResetWriteRecord) -> Option<What> {
    Some(What::ResetWrite(ResetWrite {
        endpoints: endpoints(&record.tuple)?,
        role: role_of(record.flags),
        fin_at: Timestamp::from_nanos(record.fin_ns),
        bytes: u64::from(record.bytes),
        sent_at: Some(moment(
            time(&record.header),
            record.jiffies,
            record.last_sent,
        )),
        eof_at: Timestamp::from_abi(record.eof_ns),
        eof_by: (record.eof_pid != 0).then_some(record.eof_pid),
        dead: record.flags & life_flag::DEAD != 0,
    }))
}

fn reset_queued(record: &ResetQueuedRecord) -> Option<What> {
    Some(What::ResetQueued {
        endpoints: endpoints(&record.tuple)?,
    })
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

fn end(record: &EndRecord) -> Option<What> {
    let has = |bit| record.flags & bit != 0;
    let last = match Timestamp::from_abi(record.changed_ns) {
        None => None,
        Some(time) => Some(LastChange {
            time,
            from: TcpState::from_kernel(record.from)?,
            error: u32::from(record.error),
            fin_received: has(life_flag::DONE),
            shutdown: has(life_flag::SHUTDOWN),
            closed: has(life_flag::CLOSED),
            exiting: has(life_flag::EXITING),
        }),
    };
    Some(What::End(End {
        endpoints: endpoints(&record.tuple)?,
        role: role_of(record.flags),
        life: Life {
            opened: Timestamp::from_abi(record.opened_ns),
            established: Timestamp::from_abi(record.established_ns),
            fin_received: Timestamp::from_abi(record.fin_received_ns),
            fin_sent: Timestamp::from_abi(record.fin_sent_ns),
            fin_acked: Timestamp::from_abi(record.fin_acked_ns),
            last,
        },
        bytes_sent: record.bytes_acked,
        bytes_received: record.bytes_received,
        cookie: (record.cookie != 0).then_some(record.cookie),
    }))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
