//! The tracepoint flavour: BTF tracepoints, the cheapest hooks and the only ones some kernels allow.

use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use finback_common::hook::Hook;

use crate::globals::global;
use crate::maps;
use crate::memory::{Direct, Pointer};
use crate::signal::{act, gone, owner, segment, state};
use crate::sock::Sock;

/// `MSG_PEEK`: what was returned is still in the queue.
const MSG_PEEK: i32 = 2;

#[inline(always)]
fn pointer(ctx: &BtfTracePointContext, n: usize) -> Pointer<Direct> {
    // SAFETY: the verifier takes the argument's type from BTF.
    unsafe { Pointer::new(ctx.arg::<*const u8>(n)) }
}

#[inline(always)]
fn sock(ctx: &BtfTracePointContext) -> Sock<Direct> {
    Sock::at(pointer(ctx, 0))
}

/// `(sk, oldstate, newstate)`; complete: also LISTEN and a listener's child.
#[btf_tracepoint(function = "inet_sock_set_state")]
fn tp_inet_sock_set_state(ctx: BtfTracePointContext) -> i32 {
    state::changed(
        sock(&ctx),
        ctx.arg::<i32>(1) as u8,
        ctx.arg::<i32>(2) as u8,
        Hook::TpSetState,
    );
    0
}

/// `(sk, skb)`, at the head of `tcp_rcv_established`.
#[btf_tracepoint(function = "tcp_probe")]
fn tp_tcp_probe(ctx: BtfTracePointContext) -> i32 {
    segment::arrived(sock(&ctx), pointer(&ctx, 1), Hook::TpProbe);
    0
}

/// `(sk)`: a reset is accepted; the change to CLOSE that follows says so too, with its error.
#[btf_tracepoint(function = "tcp_receive_reset")]
fn tp_tcp_receive_reset(_ctx: BtfTracePointContext) -> i32 {
    maps::hit(Hook::TpReceiveReset);
    0
}

/// `(sk, ret, flags)`, at the end of every receive, since 6.3.
#[btf_tracepoint(function = "sock_recv_length")]
fn tp_sock_recv_length(ctx: BtfTracePointContext) -> i32 {
    let sock = sock(&ctx);
    let received: i32 = ctx.arg(1);
    if received > 0 {
        if global!(SETTINGS.accept_from_use) != 0 && sock.is_tcp() {
            owner::own_by_use(sock, Hook::TpRecvLength);
        }
        act::received(sock);
    } else if received == 0 && act::has_fin(sock) {
        // A receive of no bytes returns 0 too, with data still in the queue.
        let peeked = ctx.arg::<i32>(2) & MSG_PEEK != 0;
        if peeked || sock.unread() == 0 {
            if global!(SETTINGS.accept_from_use) != 0 {
                owner::own_by_use(sock, Hook::TpRecvLength);
            }
            act::end_of_stream(sock, Hook::TpRecvLength);
        }
    }
    0
}

/// `(sk, ret, flags)`, at the end of every send, since 6.3.
#[btf_tracepoint(function = "sock_send_length")]
fn tp_sock_send_length(ctx: BtfTracePointContext) -> i32 {
    let sent: i32 = ctx.arg(1);
    if sent > 0 {
        let sock = sock(&ctx);
        if global!(SETTINGS.accept_from_use) != 0 && sock.is_tcp() {
            owner::own_by_use(sock, Hook::TpSendLength);
        }
        act::written(sock, u64::from(sent.unsigned_abs()), Hook::TpSendLength);
    }
    0
}

/// `(sk)`: in every flavour the end of a socket.
#[btf_tracepoint(function = "tcp_destroy_sock")]
fn tp_tcp_destroy_sock(ctx: BtfTracePointContext) -> i32 {
    gone::destroyed(sock(&ctx), Hook::TpDestroySock);
    0
}
