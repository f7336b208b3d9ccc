//! What the kernel tells by itself: decoded records and losses. `kernel::record` makes them.

use std::borrow::Cow;

use super::socket::{Endpoints, Owner, Role};
use super::state::TcpState;
use super::time::Timestamp;

/// One decoded record of the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Observation {
    /// When it happened.
    pub time: Timestamp,
    /// Address of the kernel's socket; 0 where only addresses are known (a minisock has left).
    pub sock: u64,
    /// What happened.
    pub what: What,
}

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum What {
    /// It changed its state.
    State(StateChange),
    /// A process opened it: connect, or accept; or was seen using it (`Attribution::Holder`).
    Open(Open),
    /// The end-of-stream was handed to a thread.
    Eof(Eof),
    /// A reset answered data that was written after the peer's FIN. Told whoever listens.
    ResetWrite(ResetWrite),
    /// A connection was reset while it waited in an accept queue. Told whoever listens.
    ResetQueued {
        /// Addresses.
        endpoints: Endpoints,
    },
    /// A FIN or RST arrived and was not accepted at once.
    Segment {
        /// FIN in it.
        fin: bool,
        /// RST in it.
        rst: bool,
        /// SEG.SEQ.
        seq: u32,
        /// RCV.NXT.
        rcv_nxt: u32,
    },
    /// It becomes a minisock: TIME_WAIT, or FIN_WAIT2 without a descriptor.
    TimeWaitEntered {
        /// Addresses.
        endpoints: Endpoints,
        /// `TimeWait` or `FinWait2`.
        substate: TcpState,
    },
    /// A minisock has left the tables. The socket is not known: the addresses name it.
    TimeWaitLeft {
        /// Addresses.
        endpoints: Endpoints,
    },
    /// The socket's memory is freed.
    End(End),
}

/// A process opened a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Open {
    /// Addresses, complete.
    pub endpoints: Endpoints,
    /// State at that moment.
    pub state: TcpState,
    /// Which end it is.
    pub role: Role,
    /// The process.
    pub owner: Owner,
    /// Inode number, if known.
    pub inode: Option<u64>,
}

/// The end-of-stream was handed to a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Eof {
    /// Addresses.
    pub endpoints: Endpoints,
    /// State at that moment.
    pub state: TcpState,
    /// When the peer's FIN was accepted, if that was seen.
    pub fin_at: Option<Timestamp>,
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub thread: u32,
}

/// A reset answered data that was written after the peer's FIN.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ResetWrite {
    /// Addresses.
    pub endpoints: Endpoints,
    /// Which end it is, if known.
    pub role: Role,
    /// When the peer's FIN was accepted.
    pub fin_at: Timestamp,
    /// Bytes written since.
    pub bytes: u64,
    /// When data was last sent; known to within a jiffy.
    pub sent_at: Option<Timestamp>,
    /// When the end-of-stream had first been delivered, if it had.
    pub eof_at: Option<Timestamp>,
    /// Process id to which it had been.
    pub eof_by: Option<u32>,
    /// No descriptor referred to it any more.
    pub dead: bool,
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StateChange {
    /// Addresses; local port 0 on the way to SYN_SENT.
    pub endpoints: Endpoints,
    /// Before.
    pub from: TcpState,
    /// After.
    pub to: TcpState,
    /// When it had entered `from`, if that was seen.
    pub entered: Option<Timestamp>,
    /// Which end opened the connection.
    pub role: Role,
    /// `sk_err`, an errno; 0 for none.
    pub error: u32,
    /// No descriptor refers to it any more (`SOCK_DEAD`).
    pub dead: bool,
    /// The peer's FIN was accepted (`SOCK_DONE`).
    pub fin_received: bool,
    /// The application called shutdown before.
    pub shutdown: bool,
    /// The application closed its last descriptor before.
    pub closed: bool,
    /// The process that did it is ending.
    pub exiting: bool,
    /// Nobody has accepted it (or it is an orphan).
    pub unattached: bool,
    /// Bytes and FIN that wait to be read; meaningful on the way to CLOSE_WAIT.
    pub unread: u32,
    /// Process id that made the change in a system call.
    pub actor: Option<u32>,
    /// Cookie, if somebody has asked the kernel for it.
    pub cookie: Option<u64>,
}

/// The end of a full socket, with what its life was. Its connection may go on as a minisock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct End {
    /// Addresses.
    pub endpoints: Endpoints,
    /// Which end opened the connection.
    pub role: Role,
    /// Its moments, as far as they were seen.
    pub life: Life,
    /// Bytes that the peer has acknowledged.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Cookie, if somebody has asked the kernel for it.
    pub cookie: Option<u64>,
}

/// The moments of a connection's life; `None` for what did not happen or was not seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Life {
    /// The change to SYN_SENT or SYN_RECV.
    pub opened: Option<Timestamp>,
    /// The change to ESTABLISHED.
    pub established: Option<Timestamp>,
    /// The peer's FIN was accepted.
    pub fin_received: Option<Timestamp>,
    /// Our FIN was sent: the change to FIN_WAIT1 or LAST_ACK.
    pub fin_sent: Option<Timestamp>,
    /// Our FIN was acknowledged while the peer's had not come: the change to FIN_WAIT2.
    pub fin_acked: Option<Timestamp>,
    /// The last change, if it was seen.
    pub last: Option<LastChange>,
}

/// The change that ended a full socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LastChange {
    /// When.
    pub time: Timestamp,
    /// From this state.
    pub from: TcpState,
    /// `sk_err` then, an errno; 0 for none.
    pub error: u32,
    /// The peer's FIN had been accepted.
    pub fin_received: bool,
    /// The application had called shutdown.
    pub shutdown: bool,
    /// The application had closed its last descriptor.
    pub closed: bool,
    /// The process that had done it was ending.
    pub exiting: bool,
}

/// Records that were dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Loss {
    /// How many.
    pub records: u64,
    /// Name of the counter (`ring_full`, …).
    pub reason: Cow<'static, str>,
}
