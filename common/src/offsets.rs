//! Offsets of kernel struct members, resolved by the agent from the running kernel's BTF: they differ between
//! versions and inside one stable series, so no table of versions can be right.

/// Value of a slot whose member this kernel does not have.
pub const MISSING: u32 = u32::MAX;

/// What a member is needed for: where it is missing, only that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Addresses, state and flags: every program.
    Sock,
    /// IPv6 addresses; a kernel without IPv6 has none.
    Ipv6,
    /// Sequence numbers and moments of a live connection.
    Numbers,
    /// The current process.
    Process,
    /// The inode number of a socket.
    Inode,
    /// The socket behind a `struct socket`.
    Socket,
    /// The walk over all descriptors.
    Look,
    /// A FIN behind a hole.
    Hole,
    /// How a socket came to its local port.
    Port,
    /// Accept queues.
    Queue,
    /// Whether the kernel chose a listener's port.
    Bound,
    /// Keep-alive and the user timeout.
    Guard,
    /// Who waits for a socket.
    Waiters,
    /// Flags of a segment.
    Segment,
    /// A segment's sequence number.
    Sequence,
    /// User stacks.
    Stack,
}

/// One slot: a member of a kernel struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What it is needed for.
    pub need: Need,
    /// Name of the struct.
    pub strukt: &'static str,
    /// Dotted path of the member.
    pub path: &'static str,
    /// Bytes that are read there; 0 where only its place counts.
    pub bytes: u32,
}

macro_rules! offsets {
    ($($need:ident { $($field:ident = $strukt:literal, $path:literal, $bytes:literal;)+ })+) => {
        /// The read-only global `OFFSETS`: bytes from the start of the struct, or [`MISSING`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "user", derive(zerocopy::IntoBytes, zerocopy::Immutable))]
        #[repr(C)]
        pub struct Offsets {
            $($(#[doc = concat!("`", $strukt, ".", $path, "`.")] pub $field: u32,)+)+
        }

        impl Offsets {
            /// Nothing resolved yet.
            pub const UNRESOLVED: Self = Self { $($($field: MISSING,)+)+ };

            /// Asks `resolve` for every slot; `None` becomes [`MISSING`].
            pub fn resolve(mut resolve: impl FnMut(Slot) -> Option<u32>) -> Self {
                Self {
                    $($($field: resolve(Slot {
                        need: Need::$need,
                        strukt: $strukt,
                        path: $path,
                        bytes: $bytes,
                    }).unwrap_or(MISSING),)+)+
                }
            }
        }
    };
}

offsets! {
    Sock {
        skc_daddr = "sock_common", "skc_daddr", 4;
        skc_rcv_saddr = "sock_common", "skc_rcv_saddr", 4;
        skc_dport = "sock_common", "skc_dport", 2;
        skc_num = "sock_common", "skc_num", 2;
        skc_family = "sock_common", "skc_family", 2;
        skc_state = "sock_common", "skc_state", 1;
        skc_net = "sock_common", "skc_net", 8;
        skc_cookie = "sock_common", "skc_cookie", 8;
        skc_flags = "sock_common", "skc_flags", 8;
        sk_err = "sock", "sk_err", 4;
        sk_shutdown = "sock", "sk_shutdown", 1;
        sk_protocol = "sock", "sk_protocol", 2;
        sk_socket = "sock", "sk_socket", 8;
        inet_sport = "inet_sock", "inet_sport", 2;
        net_inum = "net", "ns.inum", 4;
    }
    Ipv6 {
        skc_v6_daddr = "sock_common", "skc_v6_daddr", 16;
        skc_v6_rcv_saddr = "sock_common", "skc_v6_rcv_saddr", 16;
    }
    Numbers {
        rcv_nxt = "tcp_sock", "rcv_nxt", 4;
        copied_seq = "tcp_sock", "copied_seq", 4;
        snd_una = "tcp_sock", "snd_una", 4;
        write_seq = "tcp_sock", "write_seq", 4;
        last_sent = "tcp_sock", "lsndtime", 4;
        last_received = "inet_connection_sock", "icsk_ack.lrcvtime", 4;
        bytes_acked = "tcp_sock", "bytes_acked", 8;
        bytes_received = "tcp_sock", "bytes_received", 8;
    }
    Process {
        task_flags = "task_struct", "flags", 4;
        task_leader = "task_struct", "group_leader", 8;
        task_start = "task_struct", "start_boottime", 8;
        task_comm = "task_struct", "comm", 16;
    }
    Inode {
        socket_file = "socket", "file", 8;
        file_inode = "file", "f_inode", 8;
        inode_ino = "inode", "i_ino", 8;
    }
    Socket {
        socket_sk = "socket", "sk", 8;
    }
    Look {
        file_private = "file", "private_data", 8;
        inode_mode = "inode", "i_mode", 2;
        task_tgid = "task_struct", "tgid", 4;
        task_pid = "task_struct", "pid", 4;
        sk_ack_backlog = "sock", "sk_ack_backlog", 4;
        sk_max_ack_backlog = "sock", "sk_max_ack_backlog", 4;
        rcv_wnd = "tcp_sock", "rcv_wnd", 4;
        rcv_wup = "tcp_sock", "rcv_wup", 4;
        last_heard = "tcp_sock", "rcv_tstamp", 4;
        bytes_sent = "tcp_sock", "bytes_sent", 8;
        icsk_backoff = "inet_connection_sock", "icsk_backoff", 1;
        icsk_retransmits = "inet_connection_sock", "icsk_retransmits", 1;
        icsk_probes = "inet_connection_sock", "icsk_probes_out", 1;
        icsk_ulp = "inet_connection_sock", "icsk_ulp_ops", 8;
    }
    Hole {
        ooo_root = "tcp_sock", "out_of_order_queue", 8;
        ooo_last = "tcp_sock", "ooo_last_skb", 8;
    }
    Port {
        bind_bucket = "inet_connection_sock", "icsk_bind_hash", 8;
        bucket_reuse = "inet_bind_bucket", "fastreuse", 1;
    }
    Queue {
        accept_head = "inet_connection_sock", "icsk_accept_queue.rskq_accept_head", 8;
        req_sk = "request_sock", "sk", 8;
        req_next = "request_sock", "dl_next", 8;
    }
    Bound {
        // A bit field up to Linux 6.7: not to be had there.
        sk_userlocks = "sock", "sk_userlocks", 1;
    }
    Guard {
        keepalive_time = "tcp_sock", "keepalive_time", 4;
        keepalive_intvl = "tcp_sock", "keepalive_intvl", 4;
        keepalive_probes = "tcp_sock", "keepalive_probes", 1;
        icsk_user_timeout = "inet_connection_sock", "icsk_user_timeout", 4;
    }
    Waiters {
        sk_wq = "sock", "sk_wq", 8;
        wq_head = "socket_wq", "wait.head", 0;
        wait_func = "wait_queue_entry", "func", 8;
        wait_private = "wait_queue_entry", "private", 8;
        wait_entry = "wait_queue_entry", "entry", 0;
        eppoll_wait = "eppoll_entry", "wait", 0;
        eppoll_base = "eppoll_entry", "base", 8;
        epitem_ready = "epitem", "rdllink", 0;
        epitem_events = "epitem", "event.events", 4;
        epitem_ep = "epitem", "ep", 8;
        ep_sleepers = "eventpoll", "wq.head", 0;
    }
    Segment {
        skb_cb = "sk_buff", "cb", 0;
        cb_flags = "tcp_skb_cb", "tcp_flags", 1;
    }
    Sequence {
        cb_seq = "tcp_skb_cb", "seq", 4;
    }
    Stack {
        task_stack = "task_struct", "stack", 8;
        task_exec = "task_struct", "self_exec_id", 4;
    }
}
