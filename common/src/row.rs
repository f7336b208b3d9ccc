//! What the iterators write. `iter/task_file`: one [`HolderRow`] per descriptor that refers to a TCP socket. Rows follow
//! one another without a separator; the first byte tells which one it is. Connections that wait in accept queues although
//! their peer has left go into a mapped array of [`QueueRow`]s.

use crate::record::Registers;
use crate::socket::{Tuple, widen};

/// Values of a row's first byte.
pub mod kind {
    /// [`HolderRow`](super::HolderRow).
    pub const HOLDER: u8 = 1;
    /// [`QueueRow`](super::QueueRow), in a table of its own.
    pub const QUEUED: u8 = 2;
    /// [`WaitRow`](super::WaitRow).
    pub const WAIT: u8 = 3;
    /// [`ThreadRow`](super::ThreadRow).
    pub const THREAD: u8 = 4;
    /// [`StartRow`](super::StartRow).
    pub const START: u8 = 5;
}

/// Rows of accept queues that one look has room for.
pub const QUEUE_ROWS: u32 = 4096;
/// Listeners whose queues one look remembers to have walked.
pub const QUEUE_LISTENERS: u32 = 128;

/// So much unread is much even where the window is still open.
pub const MUCH_UNREAD: u32 = 64 << 10;

shared! {
    /// The first row of a walk.
    #[derive(Default)]
    pub struct StartRow {
        /// [`kind::START`].
        pub kind: u8,
        /// Keeps the fields aligned.
        pub reserved: [u8; 3],
        /// The kernel's jiffies, of which sockets keep the low 32 bits.
        pub jiffies: u32,
        /// The same moment, nanoseconds of `CLOCK_BOOTTIME`.
        pub now_ns: u64,
    }

    /// The socket itself, as it is at the moment of the look.
    #[derive(Default)]
    pub struct SocketView {
        /// Address of the socket.
        pub sock: u64,
        /// `skc_cookie`, 0 until somebody asked the kernel for it.
        pub cookie: u64,
        /// `tcp_sock.bytes_sent`, retransmissions included.
        pub bytes_sent: u64,
        /// `tcp_sock.bytes_acked`.
        pub bytes_acked: u64,
        /// `tcp_sock.bytes_received`.
        pub bytes_received: u64,
        /// `icsk_accept_queue.rskq_accept_head`: for a listener, the address of the request that is accepted next; 0 for
        /// none.
        pub accept_head: u64,
        /// Addresses.
        pub tuple: Tuple,
        /// `rcv_nxt - copied_seq`: bytes that wait to be read; the FIN counts as one.
        pub unread: u32,
        /// `tcp_sock.snd_una`.
        pub snd_una: u32,
        /// `tcp_sock.write_seq`.
        pub write_seq: u32,
        /// `tcp_sock.lsndtime`, jiffies: data was last sent.
        pub last_sent: u32,
        /// `icsk_ack.lrcvtime`, jiffies: data was last received.
        pub last_received: u32,
        /// `tcp_sock.rcv_tstamp`, jiffies: an acknowledgement was last received.
        pub last_heard: u32,
        /// `sk_ack_backlog`: for a listener, connections in its accept queue.
        pub backlog: u32,
        /// `sk_max_ack_backlog`: for a listener, how many its accept queue may hold.
        pub max_backlog: u32,
        /// `sk_err`, an errno.
        pub error: u32,
        /// Bytes the peer may still send, `rcv_wup + rcv_wnd - rcv_nxt` (`tcp_receive_window`).
        pub window: u32,
        /// `tcp_sock.keepalive_time`, jiffies: so long idle before the first probe; 0: what the namespace says, or
        /// keep-alive is off.
        pub keep_alive_time: u32,
        /// `tcp_sock.keepalive_intvl`, jiffies: so long from probe to probe; 0 as above.
        pub keep_alive_interval: u32,
        /// `icsk_user_timeout`, milliseconds; 0: none.
        pub user_timeout: u32,
        /// State, see [`tcp`](crate::tcp).
        pub state: u8,
        /// `sk_shutdown`: 1 receive, 2 send.
        pub shutdown: u8,
        /// Low bits of `skc_flags` (bit 0 `SOCK_DEAD`, bit 1 `SOCK_DONE`, bit 3 `SOCK_KEEPOPEN`).
        pub sock_flags: u8,
        /// 1: the last segment that waits behind a hole (`ooo_last_skb`) carries a FIN.
        pub fin_behind_hole: u8,
        /// `icsk_retransmits`: unanswered retransmissions.
        pub retransmits: u8,
        /// `icsk_backoff`: how often the retransmission time was doubled.
        pub backoff: u8,
        /// `icsk_probes_out`: unanswered window or keep-alive probes.
        pub probes: u8,
        /// 1: an upper layer protocol (kTLS) reads in place of the application.
        pub upper_layer: u8,
        /// 1: its local port was chosen when it connected, so this end is the client. 0 says nothing.
        pub connected: u8,
        /// 1: a port that nobody asked for by its number (no `SOCK_BINDPORT_LOCK` in `sk_userlocks`).
        pub port_chosen: u8,
        /// `tcp_sock.keepalive_probes`: unanswered probes that are the end; 0 as above.
        pub keep_alive_probes: u8,
        /// 1: the four fields about keep-alive and the user timeout were read.
        pub guard_read: u8,
        /// Keeps the size a multiple of eight.
        pub reserved: [u8; 4],
    }

    /// A descriptor that refers to a socket.
    #[derive(Default)]
    pub struct HolderRow {
        /// [`kind::HOLDER`].
        pub kind: u8,
        /// Keeps the fields aligned.
        pub reserved: [u8; 3],
        /// Process id (`tgid`).
        pub pid: u32,
        /// Thread id; differs from `pid` only for a thread with a descriptor table of its own.
        pub tid: u32,
        /// Descriptor number.
        pub fd: u32,
        /// Start of the process, nanoseconds of `CLOCK_BOOTTIME`.
        pub start_ns: u64,
        /// Inode number of the socket (`socket:[N]`).
        pub inode: u64,
        /// Name of the process (`task_struct.comm` of its leader).
        pub comm: [u8; 16],
        /// The socket.
        pub socket: SocketView,
    }

    /// A connection in an accept queue. Addresses are as the kernel has them, because the loop that writes these
    /// rows must do without branches; [`QueueRow::tuple`] makes a [`Tuple`] of them.
    #[derive(Default)]
    pub struct QueueRow {
        /// [`kind::QUEUED`].
        pub kind: u8,
        /// State, see [`tcp`](crate::tcp): one that was reset in the queue is in CLOSE.
        pub state: u8,
        /// [`AF_INET`](crate::tcp::AF_INET) or [`AF_INET6`](crate::tcp::AF_INET6).
        pub family: u16,
        /// Network order.
        pub peer_port: [u8; 2],
        /// `sk_shutdown`: 1 receive, 2 send.
        pub shutdown: u8,
        /// Low bits of `skc_flags` (bit 0 `SOCK_DEAD`, bit 1 `SOCK_DONE`).
        pub sock_flags: u8,
        /// Address of the listener's socket.
        pub listener: u64,
        /// Address of the socket.
        pub sock: u64,
        /// `skc_cookie`, 0 until somebody asked the kernel for it.
        pub cookie: u64,
        /// Peer and local IPv4 address, network order.
        pub v4: [[u8; 4]; 2],
        /// Peer IPv6 address.
        pub v6_peer: [u8; 16],
        /// Local IPv6 address.
        pub v6_local: [u8; 16],
        /// `rcv_nxt - copied_seq`: bytes that wait to be read; the FIN counts as one.
        pub unread: u32,
        /// `sk_err`, an errno.
        pub error: u32,
    }

    /// How far the walk of accept queues has got in one look.
    pub struct QueueWalk {
        /// Rows written.
        pub rows: u64,
        /// Listeners whose queues were walked, each at the place of its address.
        pub listeners: [u64; QUEUE_LISTENERS as usize],
    }

    /// Somebody who waits for a socket that [shows it](SocketView::shows_waiters): one entry of its wait queue
    /// (`sk_wq`). Which kind of waiter it is, the wake-up function tells; fields that do not belong to that kind mean
    /// nothing.
    #[derive(Default)]
    pub struct WaitRow {
        /// [`kind::WAIT`].
        pub kind: u8,
        /// epoll: 1 if the item is in the ready list.
        pub ready: u8,
        /// epoll: 1 if a thread sleeps in `epoll_wait` on that instance.
        pub sleeping: u8,
        /// Keeps the fields aligned.
        pub reserved: u8,
        /// epoll: the events asked for, with the mode bits (`EPOLLET`, `EPOLLONESHOT`).
        pub events: u32,
        /// Address of the socket.
        pub sock: u64,
        /// Address of the wake-up function (`wait_queue_entry.func`).
        pub function: u64,
        /// Blocked in a system call: the process.
        pub pid: u32,
        /// Blocked in a system call: the thread.
        pub tid: u32,
    }

    /// A thread of the process that is asked for, written by the iterator `iter/task`. The registers are what its last
    /// entry into the kernel saved: they mean something only while it is blocked there.
    #[derive(Default)]
    pub struct ThreadRow {
        /// [`kind::THREAD`].
        pub kind: u8,
        /// Keeps the fields aligned.
        pub reserved: [u8; 3],
        /// Process id.
        pub pid: u32,
        /// Thread id.
        pub tid: u32,
        /// `task_struct.self_exec_id`: changes with every exec.
        pub exec_id: u32,
        /// Start of the process, nanoseconds of `CLOCK_BOOTTIME`.
        pub start_ns: u64,
        /// Name of the thread.
        pub comm: [u8; 16],
        /// As its last entry into the kernel saved them.
        pub registers: Registers,
    }
}

impl SocketView {
    /// Whether the iterator tells who waits for it: it is half-closed, dead, or nothing moves. The others are too many
    /// to ask, and nothing is said of them.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the kernel programs must not call it")]
    pub const fn shows_waiters(&self) -> bool {
        match self.state {
            crate::tcp::CLOSE_WAIT | crate::tcp::FIN_WAIT2 | crate::tcp::CLOSE => true,
            crate::tcp::ESTABLISHED | crate::tcp::FIN_WAIT1 => {
                self.backoff > 0
                    || self.probes > 0
                    || self.unread >= MUCH_UNREAD
                    || (self.unread > 0 && self.window == 0)
            }
            _ => false,
        }
    }
}

impl QueueRow {
    /// Addresses. Port and namespace are those of the listener, which every child shares.
    pub const fn tuple(&self, listener: &Tuple) -> Tuple {
        let [peer, local] = self.v4;
        let (local_addr, peer_addr) = if self.family == crate::tcp::AF_INET6 {
            (self.v6_local, self.v6_peer)
        } else {
            (widen(local), widen(peer))
        };
        Tuple {
            local_addr,
            peer_addr,
            netns: listener.netns,
            local_port: listener.local_port,
            peer_port: u16::from_be_bytes(self.peer_port),
            family: self.family,
            reserved: 0,
        }
    }
}

const _: () = assert!(size_of::<StartRow>() == 16);
const _: () = assert!(size_of::<ThreadRow>() == 72);
const _: () = assert!(size_of::<WaitRow>() == 32);
const _: () = assert!(size_of::<SocketView>() == 160);
const _: () = assert!(size_of::<HolderRow>() == 208);
const _: () = assert!(size_of::<QueueRow>() == 80);
