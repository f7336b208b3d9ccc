//! What the kernel tells the tracker: decoded records, snapshots and losses. `kernel::decode` makes them.

use super::socket::{Endpoints, Holder, Owner, Role, SocketKey};
use super::state::TcpState;
use super::time::Timestamp;
use super::waiting::Waiting;

/// One decoded record of the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When it happened.
    pub time: Timestamp,
    /// Which connection.
    pub key: SocketKey,
    /// What happened.
    pub what: What,
}

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It changed its state.
    State(StateChange),
    /// A process was seen opening or using it.
    Owner {
        /// Addresses.
        endpoints: Endpoints,
        /// State at that moment.
        state: TcpState,
        /// Which end opened the connection.
        role: Role,
        /// The process.
        owner: Owner,
        /// Inode number, if known.
        inode: Option<u64>,
    },
    /// The end-of-stream was handed to this thread.
    Eof {
        /// Process id.
        pid: u32,
        /// Thread id.
        thread: u32,
    },
    /// First write after the peer's FIN.
    Write {
        /// Process id.
        pid: u32,
        /// Thread id.
        thread: u32,
        /// Bytes.
        bytes: u64,
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
    /// A minisock has left the tables. The key is not known: the addresses name it.
    TimeWaitLeft {
        /// Addresses.
        endpoints: Endpoints,
    },
    /// The socket's memory is freed.
    Gone,
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Addresses; local port 0 on the way to SYN_SENT.
    pub endpoints: Endpoints,
    /// Before.
    pub from: TcpState,
    /// After.
    pub to: TcpState,
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

/// A socket as one pass over the kernel found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketView {
    /// Which connection.
    pub key: SocketKey,
    /// Addresses.
    pub endpoints: Endpoints,
    /// State.
    pub state: TcpState,
    /// Last change of state, if the hooks saw one.
    pub changed: Option<Timestamp>,
    /// Which end opened the connection.
    pub role: Role,
    /// Who opened it, if a hook saw it.
    pub owner: Option<Owner>,
    /// Every descriptor that refers to it.
    pub holders: Vec<Holder>,
    /// Whether it still waits in an accept queue.
    pub queued: Option<Queued>,
    /// Inode number.
    pub inode: Option<u64>,
    /// Cookie.
    pub cookie: Option<u64>,
    /// The peer's FIN was accepted at this moment, if the hooks saw it.
    pub fin_at: Option<Timestamp>,
    /// The end-of-stream was first handed to the application, if the hooks saw it.
    pub eof_at: Option<Timestamp>,
    /// How often.
    pub eof_count: u32,
    /// A receive that returned data took the FIN with it.
    pub fin_with_data: bool,
    /// First write after the FIN, if the hooks saw one.
    pub write_at: Option<Timestamp>,
    /// Bytes written after the FIN, as far as the hooks saw.
    pub write_bytes: u64,
    /// Last FIN or RST that reached the socket and was not accepted at once, if the hooks saw one.
    pub refused_at: Option<Timestamp>,
    /// `tcp_sock.bytes_sent` when the FIN was accepted, if the hooks saw that.
    pub sent_at_fin: Option<u64>,
    /// Who waits for it; known only for half-closed sockets, and where the kernel shows its symbols.
    pub waiting: Option<Waiting>,
    /// The numbers; `None` if the socket could not be read (only its map entry was found).
    pub counters: Option<SocketCounters>,
}

/// Numbers of a live socket (`struct tcp_sock`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketCounters {
    /// `rcv_nxt - copied_seq`: bytes that wait to be read; the FIN counts as one.
    pub unread: u32,
    /// `write_seq - snd_una`: bytes not sent or not acknowledged.
    pub unacked: u32,
    /// Bytes sent, retransmissions included.
    pub bytes_sent: u64,
    /// Bytes acknowledged.
    pub bytes_acked: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// `sk_err`, an errno.
    pub error: u32,
    /// For a listener: connections in its accept queue.
    pub backlog: u32,
    /// Bytes the peer may still send (RCV.WND), if this way of looking tells.
    pub window: Option<u32>,
    /// Unanswered retransmissions.
    pub retransmits: u8,
    /// How often the retransmission time was doubled.
    pub backoff: u8,
    /// Unanswered window or keep-alive probes.
    pub probes: u8,
    /// An upper layer protocol (kTLS) reads in place of the application, so what the queue holds says nothing of it.
    pub upper_layer: bool,
}

/// A connection that nobody has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The listener's socket, if known.
    pub listener: Option<u64>,
    /// Every descriptor that refers to that listener.
    pub listeners: Vec<Holder>,
    /// The listener was proven (hook, or found in its queue); otherwise it was matched by address.
    pub proven: bool,
}

/// One pass over the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When the pass began: a record later than this is newer.
    pub taken: Timestamp,
    /// How long it took.
    pub took: std::time::Duration,
    /// Every TCP socket found, sorted by key. Minisocks are in `time_wait`.
    pub sockets: Vec<SocketView>,
    /// Minisocks, if they were asked for.
    pub time_wait: Option<Vec<Minisock>>,
}

/// A connection in TIME_WAIT (or FIN_WAIT2) without a full socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minisock {
    /// Addresses.
    pub endpoints: Endpoints,
    /// `TimeWait` or `FinWait2`.
    pub substate: TcpState,
}

/// The local ports that the kernel may choose for a connection (`net.ipv4.ip_local_port_range` less
/// `net.ipv4.ip_local_reserved_ports`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalPorts {
    /// Inode number of the network namespace.
    pub netns: u32,
    /// The lowest.
    pub low: u16,
    /// The highest.
    pub high: u16,
    /// So many of them are reserved.
    pub reserved: u16,
}

impl LocalPorts {
    /// How many there are.
    pub fn usable(self) -> u32 {
        let all = (u32::from(self.high) + 1).saturating_sub(u32::from(self.low));
        all.saturating_sub(u32::from(self.reserved))
    }

    /// Whether a port is between the lowest and the highest.
    pub fn contains(self, port: u16) -> bool {
        (self.low..=self.high).contains(&port)
    }
}

/// Records that were dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// How many.
    pub records: u64,
    /// Name of the counter (`ring_full`, …).
    pub reason: &'static str,
}
