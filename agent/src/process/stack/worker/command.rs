//! What the thread that unwinds is told and asked.

use finback_common::row::ThreadRow;

use crate::kernel::record::stack::RawStack;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// What a finding asks for.
#[derive(Debug)]
pub struct Request {
    /// Comes back in the answer.
    pub id: u64,
    /// The connection, if it is about one.
    pub sock: Option<u64>,
    /// The processes that hold it, with what `iter/task` says of their threads.
    pub processes: Vec<(ProcessId, Vec<ThreadRow>)>,
    /// Threads that matter most.
    pub first: Vec<u32>,
    /// When it was asked.
    pub now: Timestamp,
}

/// What the daemon's loop hands over.
pub(super) enum Command {
    Taken(Vec<RawStack>),
    /// Sockets that are gone, and since when: another one may have their memory by now.
    Ended(Vec<(u64, Timestamp)>),
    Wanted(Request),
}
