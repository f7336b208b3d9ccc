//! What the tracker says: the events of the stream before they get their wire form.

use std::sync::Arc;
use std::time::Duration;

use super::finding::Finding;
use super::observation::Loss;
use super::socket::{Endpoints, Owner, ProcessId, Role, SocketKey};
use super::state::{Cause, TcpState};
use super::time::Timestamp;

/// One thing the tracker wants done; `Tracker::next_output` gives them in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Tell the subscribers.
    Event(Event),
    /// Look at these connections, or at all if none is named (one pass over the kernel either way), and call
    /// `Tracker::handle_snapshot`.
    Inspect(Vec<SocketKey>),
    /// List the minisocks of these network namespaces and call `Tracker::handle_time_wait`.
    SweepTimeWait(Vec<u32>),
    /// Read these network namespaces' settings for local ports and which of these processes have ended, and call
    /// `Tracker::handle_ports`.
    LookAtPorts {
        /// Network namespaces.
        namespaces: Vec<u32>,
        /// Processes.
        processes: Vec<ProcessId>,
    },
    /// Compare everything with the kernel and call `Tracker::handle_resync`.
    Resync,
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
#[derive(Clone, Debug, PartialEq)]
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
