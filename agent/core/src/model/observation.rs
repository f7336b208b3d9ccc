//! What the kernel tells the tracker: decoded records, snapshots and losses. `kernel::decode` makes them.

use super::socket::{Endpoints, Holder, Owner, Role};
use super::state::TcpState;
use super::time::Timestamp;
use super::waiting::Waiting;

/// One decoded record of the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A connection that the peer has ended and we have not, as the kernel programs remember it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfClosed {
    /// When the peer's FIN was accepted.
    pub fin_at: Timestamp,
    /// `snd_una` at that moment: what is acknowledged later proves that somebody is there.
    pub snd_una: u32,
    /// `write_seq` at that moment: what is above it was written since.
    pub write_seq: u32,
    /// `rcv_nxt - copied_seq` at that moment; the FIN counts as one.
    pub unread: u32,
    /// `lsndtime` at that moment, jiffies: when data was last sent before.
    pub last_sent: u32,
    /// `lrcvtime` at that moment, jiffies: when data was last received before.
    pub last_received: u32,
    /// The end-of-stream was first handed to the application.
    pub eof_at: Option<Timestamp>,
    /// How often.
    pub eof_count: u32,
    /// To this process first.
    pub eof_by: Option<u32>,
    /// A receive that returned data took the FIN with it: the application was not told.
    pub fin_with_data: bool,
    /// No FIN had come: `fin_at` is when the connection was reset, and the end-of-stream is that of a reset.
    pub by_reset: bool,
}

/// One place of the scanned table: a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Address of the kernel's socket.
    pub sock: u64,
    /// When the peer's FIN was accepted.
    pub fin_at: Timestamp,
}

/// A socket as one pass over the kernel found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketView {
    /// Address of the kernel's socket (where only `sock_diag` was asked: its cookie).
    pub sock: u64,
    /// Addresses.
    pub endpoints: Endpoints,
    /// State.
    pub state: TcpState,
    /// Which end opened the connection, as far as a hook or a listener on its port tells.
    pub role: Role,
    /// Who opened it, if a hook saw it and its place was not needed for another one; with the moment.
    pub opener: Option<Owner>,
    /// Every descriptor that refers to it.
    pub holders: Vec<Holder>,
    /// Whether it still waits in an accept queue.
    pub queued: Option<Queued>,
    /// Inode number; `None` for one that no file refers to.
    pub inode: Option<u64>,
    /// Cookie.
    pub cookie: Option<u64>,
    /// What was remembered at the peer's FIN, if it has come and its place was not lost.
    pub half: Option<HalfClosed>,
    /// A FIN waits behind a hole in the sequence of what was received (`ooo_last_skb`).
    pub fin_behind_hole: bool,
    /// Who waits for it; known only for sockets that may be in trouble, and where the kernel shows its symbols.
    pub waiting: Option<Waiting>,
    /// The numbers; `None` if the socket could not be read.
    pub counters: Option<SocketCounters>,
}

/// Numbers of a live socket (`struct tcp_sock`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketCounters {
    /// `rcv_nxt - copied_seq`: bytes that wait to be read; the FIN counts as one.
    pub unread: u32,
    /// `write_seq - snd_una`: bytes not sent or not acknowledged.
    pub unacked: u32,
    /// `snd_una`, a sequence number; `None` if this way of looking does not tell.
    pub snd_una: Option<u32>,
    /// `write_seq`, a sequence number; `None` if this way of looking does not tell.
    pub write_seq: Option<u32>,
    /// Bytes sent, retransmissions included.
    pub bytes_sent: u64,
    /// Bytes acknowledged.
    pub bytes_acked: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// `lsndtime`, jiffies: data was last sent.
    pub last_sent: u32,
    /// `lrcvtime`, jiffies: data was last received.
    pub last_received: u32,
    /// `rcv_tstamp`, jiffies: an acknowledgement was last received.
    pub last_heard: u32,
    /// `sk_err`, an errno.
    pub error: u32,
    /// `sk_shutdown`: 1 receive, 2 send.
    pub shutdown: u8,
    /// `SOCK_DONE`: the peer's FIN was accepted.
    pub fin_received: bool,
    /// For a listener: connections in its accept queue.
    pub backlog: u32,
    /// For a listener: how many its accept queue may hold.
    pub max_backlog: u32,
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

/// So many unanswered retransmissions, each after twice the time, are no delay.
const RETRANSMITS: u8 = 4;

impl SocketCounters {
    /// Data were sent again and again, and nothing of them was acknowledged.
    pub const fn is_unanswered(&self) -> bool {
        self.unacked > 0 && self.backoff >= RETRANSMITS && self.retransmits >= RETRANSMITS
    }
}

/// A connection that nobody has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The listener's socket, if known.
    pub listener: Option<u64>,
    /// Every descriptor that refers to that listener.
    pub listeners: Vec<Holder>,
    /// The listener was proven (found in its queue); otherwise it was matched by address.
    pub proven: bool,
}

/// One pass over the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When the pass began: a record later than this is newer.
    pub taken: Timestamp,
    /// How long it took.
    pub took: std::time::Duration,
    /// The kernel's `jiffies` when it began, low 32 bits, if this way of looking tells.
    pub jiffies: Option<u32>,
    /// Every TCP socket that a descriptor or an accept queue leads to, sorted by `sock`.
    pub sockets: Vec<SocketView>,
    /// Sockets that no descriptor refers to, if they were asked for and every namespace could be listed.
    pub unheld: Option<Vec<Unheld>>,
    /// Who connected to whom lately, as far back as the kernel side remembers; only if `unheld` was asked for.
    pub openers: Vec<Opener>,
}

impl Snapshot {
    /// The socket at this address.
    pub fn find(&self, sock: u64) -> Option<&SocketView> {
        let at = self.sockets.binary_search_by_key(&sock, |view| view.sock);
        at.ok().and_then(|at| self.sockets.get(at))
    }
}

/// A process that connected to a peer, whatever has become of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opener {
    /// Inode number of the network namespace.
    pub netns: u32,
    /// The peer.
    pub peer: std::net::SocketAddr,
    /// The process, and when it connected.
    pub owner: Owner,
}

/// A connection that goes on without a descriptor: closing, or a minisock in TIME_WAIT or FIN_WAIT2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unheld {
    /// Addresses.
    pub endpoints: Endpoints,
    /// State; of a minisock its substate.
    pub state: TcpState,
    /// It has no full socket any more.
    pub minisock: bool,
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
