//! What looks at the kernel find: sockets with their holders and numbers, what is half-closed, local ports.

use super::guard::Guard;
use super::run::Halt;
use super::socket::{Endpoints, Holder, Owner, Role};
use super::state::TcpState;
use super::time::Timestamp;
use super::waiting::Waiting;

/// A connection that the peer has ended and we have not, as the kernel programs remember it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    /// This end's port was chosen when it connected.
    pub connected: bool,
}

impl HalfClosed {
    /// A FIN that came then to a connection that had carried nothing: it alone is to be read, and nobody was told of it.
    pub const fn at(fin_at: Timestamp) -> Self {
        Self {
            fin_at,
            snd_una: 0,
            write_seq: 0,
            unread: 1,
            last_sent: 0,
            last_received: 0,
            eof_at: None,
            eof_count: 0,
            eof_by: None,
            fin_with_data: false,
            by_reset: false,
            connected: false,
        }
    }
}

/// One place of the scanned table: a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Candidate {
    /// Address of the kernel's socket.
    pub sock: u64,
    /// When the peer's FIN was accepted.
    pub fin_at: Timestamp,
}

/// A socket as one pass over the kernel found it. There may be a hundred thousand: what few have is in a box.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    pub queued: Option<Box<Queued>>,
    /// Inode number; `None` for one that no file refers to.
    pub inode: Option<u64>,
    /// Cookie.
    pub cookie: Option<u64>,
    /// What was remembered at the peer's FIN, if it has come and its place was not lost.
    pub half: Option<Box<HalfClosed>>,
    /// A FIN waits behind a hole in the sequence of what was received (`ooo_last_skb`).
    pub fin_behind_hole: bool,
    /// Why none of its holders can do anything, if that is so; known only for sockets that may be in trouble.
    pub halted: Option<Halt>,
    /// Who waits for it; known only for sockets that may be in trouble, and where the kernel shows its symbols.
    pub waiting: Option<Waiting>,
    /// The numbers; `None` if the socket could not be read.
    pub counters: Option<SocketCounters>,
}

impl SocketView {
    /// What was remembered at the peer's FIN, if it has come and its place was not lost.
    pub fn half(&self) -> Option<HalfClosed> {
        self.half.as_deref().copied()
    }
}

/// Numbers of a live socket (`struct tcp_sock`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    /// For a listener: names the connection that is accepted next, if this way of looking tells; another one once that
    /// was accepted.
    pub accept_head: Option<u64>,
    /// For a listener: nobody asked for its port by number, so that it has another one each time. Not said where this way
    /// of looking cannot tell.
    pub port_chosen: bool,
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
    /// What makes it notice that its peer is gone; `None` if this way of looking does not tell.
    pub guard: Option<Guard>,
}

/// So many unanswered retransmissions are no delay.
const RETRANSMITS: u8 = 3;
/// `RCV_SHUTDOWN | SEND_SHUTDOWN`: what the end of a connection leaves in `sk_shutdown`.
const BOTH_SHUT: u8 = 3;

impl SocketCounters {
    /// Data were sent again and again, and nothing of them was acknowledged. The back-off does not count: the kernel
    /// takes it back where the neighbour is unreachable (`tcp_ld_RTO_revert`).
    pub const fn is_unanswered(&self) -> bool {
        self.unacked > 0 && self.retransmits >= RETRANSMITS
    }

    /// Bytes that the application has read, the FIN among them.
    pub const fn read_total(&self) -> u64 {
        self.bytes_received.saturating_sub(self.unread as u64)
    }

    /// Of a socket in CLOSE: its connection has ended by itself, and `connect` was not asked to take it back
    /// (`AF_UNSPEC`).
    pub const fn is_shut(&self) -> bool {
        self.shutdown & BOTH_SHUT == BOTH_SHUT
    }
}

/// A connection that nobody has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Queued {
    /// The listener's socket, if known.
    pub listener: Option<u64>,
    /// Every descriptor that refers to that listener.
    pub listeners: Vec<Holder>,
    /// The listener was proven (found in its queue); otherwise it was matched by address.
    pub proven: bool,
}

/// The kernel's `jiffies`, by which sockets date what happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Jiffies {
    /// Their low 32 bits at one moment of a look.
    pub now: u32,
    /// That moment.
    pub at: Timestamp,
    /// How long one is.
    pub length: std::time::Duration,
}

impl Jiffies {
    /// When `then` was; not later than [`Self::at`].
    pub fn moment(self, then: u32) -> Timestamp {
        let passed = self.now.wrapping_sub(then).cast_signed();
        self.at
            - self
                .length
                .saturating_mul(u32::try_from(passed).unwrap_or(0))
    }
}

/// One pass over the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Snapshot {
    /// When the pass began: a record later than this is newer.
    pub taken: Timestamp,
    /// How long it took.
    pub took: std::time::Duration,
    /// Processor time that it took: less where others had the processor meanwhile.
    pub cost: std::time::Duration,
    /// The kernel's clock of sockets, if this way of looking tells.
    pub jiffies: Option<Jiffies>,
    /// Every TCP socket that a descriptor leads to, and those in an accept queue that their peers have left, sorted by
    /// `sock`.
    pub sockets: Vec<SocketView>,
    /// The other sockets, if they were asked for and could be listed: in an accept queue whose peer is still there, on
    /// their way to another process, closing, and minisocks.
    pub unheld: Option<UnheldList>,
    /// Who connected to whom lately, as far back as the kernel side remembers; only if `unheld` was asked for.
    pub openers: Vec<Opener>,
}

impl Snapshot {
    /// The network namespaces in which there are any, each once.
    pub fn namespaces(&self) -> Vec<u32> {
        let all = self.sockets.iter().map(|view| view.endpoints.netns);
        all.collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// The socket at this address.
    pub fn find(&self, sock: u64) -> Option<&SocketView> {
        let at = self.sockets.binary_search_by_key(&sock, |view| view.sock);
        at.ok().and_then(|at| self.sockets.get(at))
    }
}

/// A process that connected to a peer, whatever has become of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Unheld {
    /// Addresses.
    pub endpoints: Endpoints,
    /// State; of a minisock its substate.
    pub state: TcpState,
    /// It has no full socket any more.
    pub minisock: bool,
}

/// What goes on without a descriptor, as far as it could be listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UnheldList {
    /// Inode numbers of the network namespaces that were listed. One that may not be entered, or that only a descriptor
    /// holds, is not among them: what is in it has not gone because it is not in the list.
    pub namespaces: Vec<u32>,
    /// All of these namespaces' sockets that no descriptor refers to.
    pub sockets: Vec<Unheld>,
}

/// The local ports that the kernel may choose for a connection (`net.ipv4.ip_local_port_range` less
/// `net.ipv4.ip_local_reserved_ports`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
