//! `struct sock` and its kin, by the offsets the agent resolved.

use finback_common::row::{QueueRow, SocketView, kind};
use finback_common::socket::Tuple;
use finback_common::tcp;

use crate::globals::{global, has};
use crate::memory::{Copied, Memory, Pointer, Probe};

/// A socket (or, for the members of `sock_common`, a minisock).
pub(crate) struct Sock<M>(Pointer<M>);

impl<M> Clone for Sock<M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Sock<M> {}

impl<M: Memory> Sock<M> {
    #[inline(always)]
    pub(crate) const fn at(pointer: Pointer<M>) -> Self {
        Self(pointer)
    }

    #[inline(always)]
    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    #[inline(always)]
    pub(crate) fn address(self) -> u64 {
        self.0.address()
    }

    /// TCP proper: the hooks also see MPTCP (protocol 262), DCCP and SCTP.
    #[inline(always)]
    pub(crate) fn is_tcp(self) -> bool {
        self.0.get::<u16>(global!(OFFSETS.sk_protocol)) == tcp::IPPROTO_TCP
    }

    #[inline(always)]
    pub(crate) fn family(self) -> u16 {
        self.0.get(global!(OFFSETS.skc_family))
    }

    #[inline(always)]
    pub(crate) fn state(self) -> u8 {
        self.0.get(global!(OFFSETS.skc_state))
    }

    #[inline(always)]
    pub(crate) fn flags(self) -> u64 {
        self.0.get(global!(OFFSETS.skc_flags))
    }

    #[inline(always)]
    pub(crate) fn error(self) -> u32 {
        self.0.get(global!(OFFSETS.sk_err))
    }

    #[inline(always)]
    pub(crate) fn cookie(self) -> u64 {
        self.0.get(global!(OFFSETS.skc_cookie))
    }

    /// `struct socket`. See [`Sock::netns`] for why it is no typed pointer.
    #[inline(always)]
    pub(crate) fn socket(self) -> Pointer<Probe> {
        self.0.wide().follow(global!(OFFSETS.sk_socket))
    }

    /// `struct socket_wq`: who waits for it.
    #[inline(always)]
    pub(crate) fn wait_queue(self) -> Pointer<M::Next> {
        self.0.follow(global!(OFFSETS.sk_wq))
    }

    /// `sk_shutdown`: 1 receive, 2 send.
    #[inline(always)]
    pub(crate) fn shutdown(self) -> u8 {
        self.0.get(global!(OFFSETS.sk_shutdown))
    }

    /// Whether `connect` chose its local port: such a bucket has `fastreuse` -1 (`__inet_hash_connect`), one that was
    /// bound, and what a listener hands down, never. The bucket is given back at the end.
    #[inline(always)]
    pub(crate) fn has_connected(self) -> bool {
        if !has!(bind_bucket) || !has!(bucket_reuse) {
            return false;
        }
        let bucket = self.0.wide().follow(global!(OFFSETS.bind_bucket));
        !bucket.is_null() && bucket.get::<u8>(global!(OFFSETS.bucket_reuse)) > i8::MAX as u8
    }

    /// The request that is accepted next; 0 for none.
    #[inline(always)]
    fn accept_head(self) -> u64 {
        if !has!(accept_head) {
            return 0;
        }
        self.0.wide().get(global!(OFFSETS.accept_head))
    }

    /// Whether nobody asked for its local port by number; no where that cannot be told.
    #[inline(always)]
    fn has_chosen_port(self) -> bool {
        if !has!(sk_userlocks) {
            return false;
        }
        let locks: u8 = self.0.get(global!(OFFSETS.sk_userlocks));
        locks & tcp::BINDPORT_LOCK == 0
    }

    #[inline(always)]
    pub(crate) fn peer_port(self) -> u16 {
        u16::from_be(self.0.get(global!(OFFSETS.skc_dport)))
    }

    /// Never loaded out of a typed pointer: for each that is, the verifier walks all types of the kernel four times, on
    /// every path that it follows.
    #[inline(always)]
    pub(crate) fn netns(self) -> u32 {
        let net = self.0.wide().follow(global!(OFFSETS.skc_net));
        if net.is_null() {
            0
        } else {
            net.get(global!(OFFSETS.net_inum))
        }
    }

    /// Network order; IPv4 in the first four bytes.
    #[inline(always)]
    pub(crate) fn write_peer_addr(self, into: &mut [u8; 16]) {
        if has!(skc_v6_daddr) && self.family() == tcp::AF_INET6 {
            self.0.fill(global!(OFFSETS.skc_v6_daddr), into);
        } else {
            *into = [0; 16];
            if let Some(first) = into.first_chunk_mut::<4>() {
                self.0.fill(global!(OFFSETS.skc_daddr), first);
            }
        }
    }

    /// Network order; IPv4 in the first four bytes.
    #[inline(always)]
    fn write_local_addr(self, into: &mut [u8; 16]) {
        if has!(skc_v6_rcv_saddr) && self.family() == tcp::AF_INET6 {
            self.0.fill(global!(OFFSETS.skc_v6_rcv_saddr), into);
        } else {
            *into = [0; 16];
            if let Some(first) = into.first_chunk_mut::<4>() {
                self.0.fill(global!(OFFSETS.skc_rcv_saddr), first);
            }
        }
    }

    /// Addresses of a full socket. Its local port comes from `inet_sport`, which outlives the binding
    /// (`skc_num` is 0 by the time of the change to CLOSE).
    #[inline(always)]
    pub(crate) fn write_tuple(self, into: &mut Tuple) {
        let port: u16 = self.0.wide().get(global!(OFFSETS.inet_sport));
        self.write_tuple_with(u16::from_be(port), into);
    }

    /// Addresses of a minisock, which is no `inet_sock`.
    #[inline(always)]
    pub(crate) fn write_minisock_tuple(self, into: &mut Tuple) {
        self.write_tuple_with(self.0.get(global!(OFFSETS.skc_num)), into);
    }

    #[inline(always)]
    fn write_tuple_with(self, local_port: u16, into: &mut Tuple) {
        self.write_local_addr(&mut into.local_addr);
        self.write_peer_addr(&mut into.peer_addr);
        into.netns = self.netns();
        into.local_port = local_port;
        into.peer_port = self.peer_port();
        into.family = self.family();
        into.reserved = 0;
    }

    /// Its numbers; `None` if it is no full TCP socket.
    #[inline(always)]
    pub(crate) fn tcp(self) -> Option<Tcp<M>> {
        let tcp = self.0.tcp();
        if tcp.is_null() { None } else { Some(Tcp(tcp)) }
    }

    /// What a look tells of a connection in an accept queue, without a branch.
    #[inline(always)]
    pub(crate) fn write_queued(self, listener: u64, into: &mut QueueRow) {
        into.kind = kind::QUEUED;
        into.state = self.state();
        into.family = self.family();
        into.peer_port = self.0.get(global!(OFFSETS.skc_dport));
        into.shutdown = self.shutdown();
        into.sock_flags = self.flags() as u8;
        into.listener = listener;
        into.sock = self.address();
        into.cookie = self.cookie();
        let [peer, local] = &mut into.v4;
        self.0.fill(global!(OFFSETS.skc_daddr), peer);
        self.0.fill(global!(OFFSETS.skc_rcv_saddr), local);
        if has!(skc_v6_daddr) {
            self.0
                .fill(global!(OFFSETS.skc_v6_daddr), &mut into.v6_peer);
        }
        if has!(skc_v6_rcv_saddr) {
            self.0
                .fill(global!(OFFSETS.skc_v6_rcv_saddr), &mut into.v6_local);
        }
        into.unread = Tcp(self.0).unread();
        into.error = self.error();
    }

    /// Everything a look tells of a full socket.
    #[inline(always)]
    pub(crate) fn write_view(self, into: &mut SocketView) {
        into.sock = self.address();
        into.cookie = self.cookie();
        self.write_tuple(&mut into.tuple);
        into.state = self.state();
        into.shutdown = self.shutdown();
        into.sock_flags = self.flags() as u8;
        into.error = self.error();
        into.backlog = self.0.get(global!(OFFSETS.sk_ack_backlog));
        into.max_backlog = self.0.get(global!(OFFSETS.sk_max_ack_backlog));
        into.connected = u8::from(self.has_connected());
        into.accept_head = self.accept_head();
        into.port_chosen = u8::from(self.has_chosen_port());
        into.reserved = [0; 4];
        Tcp(self.0).write_view(into);
        Tcp(self.0).write_guard(into);
    }
}

impl Sock<Probe> {
    /// All of its members, read at once; it has to be a full socket.
    #[inline(always)]
    pub(crate) fn copied(self) -> Sock<Copied> {
        Sock(self.0.copied())
    }
}

/// A full TCP socket (`struct tcp_sock`).
pub(crate) struct Tcp<M>(Pointer<M>);

impl<M> Clone for Tcp<M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Tcp<M> {}

impl<M: Memory> Tcp<M> {
    /// `rcv_nxt - copied_seq`: bytes that wait to be read; the FIN counts as one.
    #[inline(always)]
    pub(crate) fn unread(self) -> u32 {
        let copied: u32 = self.0.get(global!(OFFSETS.copied_seq));
        self.rcv_nxt().wrapping_sub(copied)
    }

    #[inline(always)]
    pub(crate) fn rcv_nxt(self) -> u32 {
        self.0.get(global!(OFFSETS.rcv_nxt))
    }

    #[inline(always)]
    pub(crate) fn snd_una(self) -> u32 {
        self.0.get(global!(OFFSETS.snd_una))
    }

    #[inline(always)]
    pub(crate) fn write_seq(self) -> u32 {
        self.0.get(global!(OFFSETS.write_seq))
    }

    /// Jiffies: data was last sent.
    #[inline(always)]
    pub(crate) fn last_sent(self) -> u32 {
        self.0.get(global!(OFFSETS.last_sent))
    }

    /// Jiffies: data was last received.
    #[inline(always)]
    pub(crate) fn last_received(self) -> u32 {
        self.0.get(global!(OFFSETS.last_received))
    }

    #[inline(always)]
    pub(crate) fn bytes_acked(self) -> u64 {
        self.0.get(global!(OFFSETS.bytes_acked))
    }

    #[inline(always)]
    pub(crate) fn bytes_received(self) -> u64 {
        self.0.get(global!(OFFSETS.bytes_received))
    }

    /// What the peer may still send (`tcp_receive_window`): never less than nothing, though the right edge may
    /// have been taken back.
    #[inline(always)]
    fn receive_window(self) -> u32 {
        let acknowledged: u32 = self.0.get(global!(OFFSETS.rcv_wup));
        let window: u32 = self.0.get(global!(OFFSETS.rcv_wnd));
        let left = acknowledged
            .wrapping_add(window)
            .wrapping_sub(self.rcv_nxt());
        if left.cast_signed() < 0 { 0 } else { left }
    }

    /// Whether the last segment that waits behind a hole carries a FIN. The pointer to it means nothing while none
    /// waits.
    #[inline(always)]
    fn has_fin_behind_hole(self) -> bool {
        if !has!(ooo_root) || !has!(ooo_last) || !has!(skb_cb) || !has!(cb_flags) {
            return false;
        }
        if self.0.follow(global!(OFFSETS.ooo_root)).is_null() {
            return false;
        }
        let last = self.0.follow(global!(OFFSETS.ooo_last));
        let flags: u8 = last.get(global!(OFFSETS.skb_cb) + global!(OFFSETS.cb_flags));
        flags & tcp::FLAG_FIN != 0
    }

    /// What makes this end notice that its peer is gone; after the flags.
    #[inline(always)]
    fn write_guard(self, into: &mut SocketView) {
        (into.keep_alive_time, into.keep_alive_interval) = (0, 0);
        (into.keep_alive_probes, into.user_timeout, into.guard_read) = (0, 0, 0);
        if !has!(keepalive_time)
            || !has!(keepalive_intvl)
            || !has!(keepalive_probes)
            || !has!(icsk_user_timeout)
        {
            return;
        }
        into.guard_read = 1;
        into.user_timeout = self.0.get(global!(OFFSETS.icsk_user_timeout));
        // Most have it off, and every read counts where there are 50,000 sockets.
        if into.sock_flags & tcp::SOCK_KEEPOPEN != 0 {
            into.keep_alive_time = self.0.get(global!(OFFSETS.keepalive_time));
            into.keep_alive_interval = self.0.get(global!(OFFSETS.keepalive_intvl));
            into.keep_alive_probes = self.0.get(global!(OFFSETS.keepalive_probes));
        }
    }

    #[inline(always)]
    fn write_view(self, into: &mut SocketView) {
        into.bytes_sent = self.0.get(global!(OFFSETS.bytes_sent));
        into.bytes_acked = self.bytes_acked();
        into.bytes_received = self.bytes_received();
        into.unread = self.unread();
        into.snd_una = self.snd_una();
        into.write_seq = self.write_seq();
        into.last_sent = self.last_sent();
        into.last_received = self.last_received();
        into.last_heard = self.0.get(global!(OFFSETS.last_heard));
        into.window = self.receive_window();
        into.fin_behind_hole = u8::from(self.has_fin_behind_hole());
        into.retransmits = self.0.get(global!(OFFSETS.icsk_retransmits));
        into.backoff = self.0.get(global!(OFFSETS.icsk_backoff));
        into.probes = self.0.get(global!(OFFSETS.icsk_probes));
        into.upper_layer = u8::from(self.0.get::<u64>(global!(OFFSETS.icsk_ulp)) != 0);
    }
}

/// Inode number of a `struct socket`: that of its file, 0 while it has none.
#[inline(always)]
pub(crate) fn inode<M: Memory>(socket: Pointer<M>) -> u64 {
    if !has!(socket_file) || !has!(file_inode) || !has!(inode_ino) || socket.is_null() {
        return 0;
    }
    let file = socket.follow(global!(OFFSETS.socket_file));
    if file.is_null() {
        return 0;
    }
    let inode = file.follow(global!(OFFSETS.file_inode));
    if inode.is_null() {
        0
    } else {
        inode.get(global!(OFFSETS.inode_ino))
    }
}
