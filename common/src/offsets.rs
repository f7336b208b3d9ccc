//! Offsets of kernel struct members, resolved by the agent from the running kernel's BTF: they differ between
//! versions and inside one stable series, so no table of versions can be right.

/// Value of a slot whose member this kernel does not have.
pub const MISSING: u32 = u32::MAX;

macro_rules! offsets {
    ($($field:ident = $strukt:literal, $path:literal;)+) => {
        /// The read-only global `OFFSETS`: bytes from the start of the struct, or [`MISSING`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "user", derive(zerocopy::IntoBytes, zerocopy::Immutable))]
        #[repr(C)]
        pub struct Offsets {
            $(#[doc = concat!("`", $strukt, ".", $path, "`.")] pub $field: u32,)+
        }

        impl Offsets {
            /// Nothing resolved yet.
            pub const UNRESOLVED: Self = Self { $($field: MISSING,)+ };

            /// Asks `resolve(struct, member path)` for every slot; `None` becomes [`MISSING`].
            pub fn resolve(mut resolve: impl FnMut(&'static str, &'static str) -> Option<u32>) -> Self {
                Self { $($field: match resolve($strukt, $path) { Some(offset) => offset, None => MISSING },)+ }
            }

            /// Every slot as (struct, member path, value).
            pub fn slots(&self) -> [(&'static str, &'static str, u32); [$($path,)+].len()] {
                [$(($strukt, $path, self.$field),)+]
            }
        }
    };
}

offsets! {
    skc_daddr = "sock_common", "skc_daddr";
    skc_rcv_saddr = "sock_common", "skc_rcv_saddr";
    skc_dport = "sock_common", "skc_dport";
    skc_num = "sock_common", "skc_num";
    skc_family = "sock_common", "skc_family";
    skc_state = "sock_common", "skc_state";
    skc_net = "sock_common", "skc_net";
    skc_v6_daddr = "sock_common", "skc_v6_daddr";
    skc_v6_rcv_saddr = "sock_common", "skc_v6_rcv_saddr";
    skc_cookie = "sock_common", "skc_cookie";
    skc_flags = "sock_common", "skc_flags";
    sk_err = "sock", "sk_err";
    sk_shutdown = "sock", "sk_shutdown";
    sk_protocol = "sock", "sk_protocol";
    sk_socket = "sock", "sk_socket";
    sk_ack_backlog = "sock", "sk_ack_backlog";
    sk_wq = "sock", "sk_wq";
    wq_head = "socket_wq", "wait.head";
    wait_func = "wait_queue_entry", "func";
    wait_private = "wait_queue_entry", "private";
    wait_entry = "wait_queue_entry", "entry";
    eppoll_wait = "eppoll_entry", "wait";
    eppoll_base = "eppoll_entry", "base";
    epitem_ready = "epitem", "rdllink";
    epitem_events = "epitem", "event.events";
    epitem_ep = "epitem", "ep";
    ep_sleepers = "eventpoll", "wq.head";
    inet_sport = "inet_sock", "inet_sport";
    accept_head = "inet_connection_sock", "icsk_accept_queue.rskq_accept_head";
    req_sk = "request_sock", "sk";
    req_next = "request_sock", "dl_next";
    rcv_nxt = "tcp_sock", "rcv_nxt";
    copied_seq = "tcp_sock", "copied_seq";
    snd_una = "tcp_sock", "snd_una";
    write_seq = "tcp_sock", "write_seq";
    rcv_wnd = "tcp_sock", "rcv_wnd";
    rcv_wup = "tcp_sock", "rcv_wup";
    icsk_backoff = "inet_connection_sock", "icsk_backoff";
    icsk_retransmits = "inet_connection_sock", "icsk_retransmits";
    icsk_probes = "inet_connection_sock", "icsk_probes_out";
    icsk_ulp = "inet_connection_sock", "icsk_ulp_ops";
    bytes_sent = "tcp_sock", "bytes_sent";
    bytes_acked = "tcp_sock", "bytes_acked";
    bytes_received = "tcp_sock", "bytes_received";
    socket_file = "socket", "file";
    socket_sk = "socket", "sk";
    file_inode = "file", "f_inode";
    file_private = "file", "private_data";
    inode_ino = "inode", "i_ino";
    inode_mode = "inode", "i_mode";
    net_inum = "net", "ns.inum";
    task_tgid = "task_struct", "tgid";
    task_pid = "task_struct", "pid";
    task_comm = "task_struct", "comm";
    task_flags = "task_struct", "flags";
    task_leader = "task_struct", "group_leader";
    task_start = "task_struct", "start_boottime";
    task_stack = "task_struct", "stack";
    task_exec = "task_struct", "self_exec_id";
    tw_substate = "inet_timewait_sock", "tw_substate";
    skb_cb = "sk_buff", "cb";
    cb_seq = "tcp_skb_cb", "seq";
    cb_flags = "tcp_skb_cb", "tcp_flags";
}
