//! The kprobe flavour: function entries only, because a return probe loses calls that block.

use aya_ebpf::macros::kprobe;
use aya_ebpf::programs::ProbeContext;
use finback_common::hook::Hook;
use finback_common::record::time_wait_action;
use finback_common::tcp;

use crate::globals::global;
use crate::maps;
use crate::memory::{Pointer, Probe};
use crate::signal::{accept, act, eof, half, open, segment, state, time_wait};
use crate::sock::Sock;

/// Argument `n` as a pointer that is read through the helper.
#[inline(always)]
fn pointer(ctx: &ProbeContext, n: usize) -> Pointer<Probe> {
    let address: *const u8 = ctx.arg(n).unwrap_or(core::ptr::null());
    // SAFETY: probe reads accept any address.
    unsafe { Pointer::new(address) }
}

#[inline(always)]
fn sock(ctx: &ProbeContext, n: usize) -> Sock<Probe> {
    Sock::at(pointer(ctx, n))
}

#[kprobe]
fn kp_tcp_fin(ctx: ProbeContext) -> u32 {
    half::fin(sock(&ctx, 0), Hook::KpFin);
    0
}

#[kprobe]
fn kp_tcp_set_state(ctx: ProbeContext) -> u32 {
    let sock = sock(&ctx, 0);
    let new: i32 = ctx.arg(1).unwrap_or(0);
    // The function is entered before the state is written.
    state::changed(sock, sock.state(), new as u8, Hook::KpSetState);
    0
}

#[kprobe]
fn kp_tcp_rcv_established(ctx: ProbeContext) -> u32 {
    segment::arrived(sock(&ctx, 0), pointer(&ctx, 1), Hook::KpRcvEstablished);
    0
}

#[kprobe]
fn kp_tcp_rcv_state_process(ctx: ProbeContext) -> u32 {
    segment::arrived(sock(&ctx, 0), pointer(&ctx, 1), Hook::KpRcvStateProcess);
    0
}

#[kprobe]
fn kp_tcp_time_wait(ctx: ProbeContext) -> u32 {
    maps::hit(Hook::KpTimeWait);
    let substate: i32 = ctx.arg(1).unwrap_or(i32::from(tcp::TIME_WAIT));
    let action = time_wait_action::ENTER;
    time_wait::entered(sock(&ctx, 0), substate as u8, action, Hook::KpTimeWait);
    0
}

#[kprobe]
fn kp_inet_twsk_kill(ctx: ProbeContext) -> u32 {
    time_wait::left(sock(&ctx, 0), Hook::KpTwskKill);
    0
}

#[kprobe]
fn kp_tcp_connect(ctx: ProbeContext) -> u32 {
    open::connecting(sock(&ctx, 0), Hook::KpConnect);
    0
}

#[kprobe]
fn kp_security_sock_graft(ctx: ProbeContext) -> u32 {
    accept::grafted(sock(&ctx, 0), pointer(&ctx, 1), Hook::KpSockGraft);
    0
}

#[kprobe]
fn kp_tcp_cleanup_rbuf(ctx: ProbeContext) -> u32 {
    let copied: i32 = ctx.arg(1).unwrap_or(-1);
    eof::received(sock(&ctx, 0), copied, Hook::KpCleanupRbuf);
    0
}

/// `tcp_splice_read(sock, ppos, pipe, len, flags)`: takes an end-of-stream without `tcp_cleanup_rbuf`.
#[kprobe]
fn kp_tcp_splice_read(ctx: ProbeContext) -> u32 {
    let sock = Sock::at(pointer(&ctx, 0).follow(global!(OFFSETS.socket_sk)));
    eof::splicing(sock, Hook::KpSpliceRead);
    0
}

#[kprobe]
fn kp_inet_shutdown(ctx: ProbeContext) -> u32 {
    let how: i32 = ctx.arg(1).unwrap_or(0);
    let sock = Sock::at(pointer(&ctx, 0).follow(global!(OFFSETS.socket_sk)));
    act::shut_down(sock, how, Hook::KpShutdown);
    0
}

#[kprobe]
fn kp_tcp_close(ctx: ProbeContext) -> u32 {
    act::closed(sock(&ctx, 0), Hook::KpClose);
    0
}
