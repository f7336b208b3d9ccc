//! What the engine says: the events of the stream before they get their wire form, and what it wants done.

use std::sync::Arc;
use std::time::Duration;

use super::finding::Finding;
use super::incident::Incident;
use super::observation::Loss;
use super::socket::{Endpoints, Owner, ProcessId, Role, SocketKey};
use super::state::{Cause, TcpState};
use super::time::Timestamp;

/// One thing the engine wants done; `Engine::next_output` gives them in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Tell the subscribers.
    Event(Event),
    /// Read the table of what is half-closed now and call `Engine::handle_scan`.
    Scan,
    /// Look at every socket, in one pass over the kernel, and call `Engine::handle_look`, or
    /// `Engine::handle_failed_look` if that cannot be done.
    Look {
        /// Also those that no descriptor refers to.
        unheld: bool,
    },
    /// There is no finding about it: its incident counts it, and nothing is to be done.
    LostRequest(LostRequest),
    /// From now on every change of this socket makes a record.
    Mark(u64),
    /// No longer.
    Unmark(u64),
    /// The place of this socket in the table of what is half-closed is stale: free it unless it was taken anew.
    Clear(super::look::Candidate),
    /// List the minisocks of these network namespaces and call `Engine::handle_time_wait`. Where that cannot be done,
    /// nothing is to be called: it is asked for again.
    SweepTimeWait(Vec<u32>),
    /// Read these network namespaces' settings for local ports and which of these processes have ended, and call
    /// `Engine::handle_ports`. Where that cannot be done, nothing is to be called: it is asked for again.
    LookAtPorts {
        /// Network namespaces.
        namespaces: Vec<u32>,
        /// Processes.
        processes: Vec<ProcessId>,
    },
    /// Read what these processes run and how many descriptors they have, and call `Engine::handle_processes`.
    LookAtProcesses(Vec<ProcessId>),
}

/// A client wrote to a connection that its server had ended, and closed it when that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostRequest {
    /// When the reset came.
    pub time: Timestamp,
    /// The connection.
    pub endpoints: Endpoints,
    /// Whose it was, if that is known.
    pub owner: Option<Owner>,
    /// Bytes written since the FIN: a request, a farewell, or a pool's question whether the server is there.
    pub bytes: u64,
}

/// One event of the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it happened (not when it was noticed).
    pub time: Timestamp,
    /// What.
    pub body: Body,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A state changed.
    Transition {
        /// The connection.
        connection: Connection,
        /// The change.
        transition: Transition,
    },
    /// The application was handed the end-of-stream.
    Eof {
        /// The connection.
        connection: Connection,
        /// So long after the FIN, if that was seen.
        after: Option<Duration>,
        /// By this thread.
        thread: u32,
    },
    /// A finding was opened, updated or resolved.
    Finding {
        /// The connection.
        connection: Connection,
        /// The finding.
        finding: Arc<Finding>,
    },
    /// A finding about a process was opened, updated or resolved.
    ProcessFinding {
        /// The process.
        owner: Owner,
        /// The finding.
        finding: Arc<Finding>,
    },
    /// An incident was opened, updated or resolved.
    Incident(Arc<Incident>),
    /// A connection's whole life, at its end.
    Connection {
        /// The connection.
        connection: Connection,
        /// Its life.
        life: WholeLife,
    },
    /// Records were dropped.
    Lost {
        /// How many and where.
        loss: Loss,
        /// Since when they may be missing.
        since: Timestamp,
    },
    /// The table was compared with the kernel and repaired.
    Resync {
        /// Sockets compared.
        sockets: u64,
        /// Sockets that had to be corrected, added or removed.
        corrected: u64,
        /// How long it took.
        took: Duration,
    },
}

/// A connection as an event shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Connection {
    /// Its name.
    pub key: SocketKey,
    /// Addresses.
    pub endpoints: Endpoints,
    /// Which end opened it.
    pub role: Role,
    /// State after the event.
    pub state: TcpState,
    /// Its process, if known.
    pub owner: Option<Owner>,
    /// The process at the other end, if that is on this host.
    pub peer_owner: Option<Owner>,
    /// In a finding: the state of the other end, if that is on this host.
    pub peer_state: Option<TcpState>,
    /// Inode number, if known.
    pub inode: Option<u64>,
    /// Cookie, if known.
    pub cookie: Option<u64>,
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Before.
    pub from: TcpState,
    /// After.
    pub to: TcpState,
    /// How long it was in `from`, if the entry was seen.
    pub after: Option<Duration>,
    /// Why.
    pub cause: Cause,
    /// A FIN or RST had come at this moment and was not accepted at once; the last one since the change before.
    pub segment_refused: Option<Timestamp>,
}

/// A connection's life, told at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeLife {
    /// When it began (the change to SYN_SENT or SYN_RECV), if that was seen.
    pub opened: Option<Timestamp>,
    /// When its full socket ended.
    pub closed: Timestamp,
    /// Bytes that the peer has acknowledged.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// The states it went through, in order, each with how long it lasted, as far as that was seen.
    pub states: Vec<(TcpState, Duration)>,
    /// Why it ended.
    pub cause: Cause,
}
