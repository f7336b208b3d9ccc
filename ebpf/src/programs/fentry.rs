//! The fentry flavour: the same functions as the kprobes, entered through a trampoline and with typed
//! pointers, which makes hook and reads cheaper.

use aya_ebpf::macros::fentry;
use aya_ebpf::programs::FEntryContext;
use finback_common::hook::Hook;

use super::again::{self, Twin};
use crate::globals::global;
use crate::memory::{Direct, Pointer};
use crate::signal::{accept, act, eof, half, open, segment, state, time_wait};
use crate::sock::Sock;

/// Argument `n`, which the function's BTF declares as a pointer to a struct.
#[inline(always)]
fn pointer(ctx: &FEntryContext, n: usize) -> Pointer<Direct> {
    // SAFETY: the verifier takes the argument's type from BTF.
    unsafe { Pointer::new(ctx.arg::<*const u8>(n)) }
}

#[inline(always)]
fn sock(ctx: &FEntryContext, n: usize) -> Sock<Direct> {
    Sock::at(pointer(ctx, n))
}

#[fentry(function = "tcp_fin")]
fn fe_tcp_fin(ctx: FEntryContext) -> i32 {
    half::fin(sock(&ctx, 0), Hook::FeFin);
    0
}

#[fentry(function = "tcp_set_state")]
fn fe_tcp_set_state(ctx: FEntryContext) -> i32 {
    let sock = sock(&ctx, 0);
    // The function is entered before the state is written.
    let (old, new) = (sock.state(), ctx.arg::<i32>(1) as u8);
    if !again::is_done(Twin::First, sock.address(), old, new) {
        state::changed(sock, old, new, Hook::FeSetState);
        state::connecting(sock, new, Hook::FeSetState);
    }
    0
}

#[fentry(function = "tcp_set_state")]
fn fe_tcp_set_state_again(ctx: FEntryContext) -> i32 {
    let sock = sock(&ctx, 0);
    let (old, new) = (sock.state(), ctx.arg::<i32>(1) as u8);
    if !again::is_done(Twin::Second, sock.address(), old, new) {
        state::changed(sock, old, new, Hook::FeSetStateAgain);
        state::connecting(sock, new, Hook::FeSetStateAgain);
    }
    0
}

#[fentry(function = "tcp_rcv_established")]
fn fe_tcp_rcv_established(ctx: FEntryContext) -> i32 {
    segment::arrived(sock(&ctx, 0), pointer(&ctx, 1), Hook::FeRcvEstablished);
    0
}

#[fentry(function = "tcp_rcv_state_process")]
fn fe_tcp_rcv_state_process(ctx: FEntryContext) -> i32 {
    segment::arrived(sock(&ctx, 0), pointer(&ctx, 1), Hook::FeRcvStateProcess);
    0
}

#[fentry(function = "inet_twsk_kill")]
fn fe_inet_twsk_kill(ctx: FEntryContext) -> i32 {
    time_wait::left(sock(&ctx, 0), Hook::FeTwskKill);
    0
}

#[fentry(function = "tcp_connect")]
fn fe_tcp_connect(ctx: FEntryContext) -> i32 {
    open::connecting(sock(&ctx, 0), Hook::FeConnect);
    0
}

#[fentry(function = "security_sock_graft")]
fn fe_security_sock_graft(ctx: FEntryContext) -> i32 {
    accept::grafted(sock(&ctx, 0), pointer(&ctx, 1), Hook::FeSockGraft);
    0
}

#[fentry(function = "tcp_cleanup_rbuf")]
fn fe_tcp_cleanup_rbuf(ctx: FEntryContext) -> i32 {
    eof::received(sock(&ctx, 0), ctx.arg(1), Hook::FeCleanupRbuf);
    0
}

#[fentry(function = "inet_shutdown")]
fn fe_inet_shutdown(ctx: FEntryContext) -> i32 {
    let sock = Sock::at(pointer(&ctx, 0).follow(global!(OFFSETS.socket_sk)));
    act::shut_down(sock, ctx.arg::<i32>(1), Hook::FeShutdown);
    0
}

#[fentry(function = "tcp_close")]
fn fe_tcp_close(ctx: FEntryContext) -> i32 {
    act::closed(sock(&ctx, 0), Hook::FeClose);
    0
}
