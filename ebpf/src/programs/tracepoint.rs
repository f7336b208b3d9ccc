//! The tracepoint flavour: BTF tracepoints, the cheapest hooks and the only ones some kernels allow.

use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use finback_common::hook::Hook;

use super::again::{self, Twin};
use crate::memory::{Direct, Pointer};
use crate::signal::{eof, release, reset, segment, state};
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
    let sock = sock(&ctx);
    let (old, new) = (ctx.arg::<i32>(1) as u8, ctx.arg::<i32>(2) as u8);
    if !again::is_done(Twin::First, sock.address(), old, new) {
        state::ending(sock, old, new, Hook::TpSetState);
        state::changed(sock, old, new, Hook::TpSetState);
        state::connecting(sock, new, Hook::TpSetState);
    }
    0
}

#[btf_tracepoint(function = "inet_sock_set_state")]
fn tp_inet_sock_set_state_again(ctx: BtfTracePointContext) -> i32 {
    let sock = sock(&ctx);
    let (old, new) = (ctx.arg::<i32>(1) as u8, ctx.arg::<i32>(2) as u8);
    if !again::is_done(Twin::Second, sock.address(), old, new) {
        state::ending(sock, old, new, Hook::TpSetStateAgain);
        state::changed(sock, old, new, Hook::TpSetStateAgain);
        state::connecting(sock, new, Hook::TpSetStateAgain);
    }
    0
}

/// `(sk, skb)`, at the head of `tcp_rcv_established`.
#[btf_tracepoint(function = "tcp_probe")]
fn tp_tcp_probe(ctx: BtfTracePointContext) -> i32 {
    segment::arrived(sock(&ctx), pointer(&ctx, 1), Hook::TpProbe);
    0
}

/// `(sk)`: a reset is accepted, in every flavour.
#[btf_tracepoint(function = "tcp_receive_reset")]
fn tp_tcp_receive_reset(ctx: BtfTracePointContext) -> i32 {
    reset::accepted(sock(&ctx), Hook::TpReceiveReset);
    0
}

/// `(sk, ret, flags)`, at the end of every receive, since 6.3.
#[btf_tracepoint(function = "sock_recv_length")]
fn tp_sock_recv_length(ctx: BtfTracePointContext) -> i32 {
    let sock = sock(&ctx);
    let received: i32 = ctx.arg(1);
    if received > 0 {
        eof::took_data(sock);
    } else if received == 0 && eof::tells_end(sock) {
        // A receive of no bytes returns 0 too, with data still in the queue.
        let peeked = ctx.arg::<i32>(2) & MSG_PEEK != 0;
        let emptied = || sock.tcp().is_some_and(|tcp| tcp.unread() == 0);
        if peeked || emptied() {
            eof::delivered(sock, Hook::TpRecvLength);
        }
    }
    0
}

/// `(sk)`: in every flavour the end of a socket.
#[btf_tracepoint(function = "tcp_destroy_sock")]
fn tp_tcp_destroy_sock(ctx: BtfTracePointContext) -> i32 {
    release::released(sock(&ctx), Hook::TpDestroySock);
    0
}
