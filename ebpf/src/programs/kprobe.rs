//! The kprobe flavour: function entries only, because a return probe loses calls that block.

use aya_ebpf::macros::kprobe;
use aya_ebpf::programs::ProbeContext;
use finback_common::hook::Hook;
use finback_common::tcp;

use crate::globals::global;
use crate::memory::{Pointer, Probe};
use crate::signal::{accept, act, open, segment, state, time_wait};
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
    let substate: i32 = ctx.arg(1).unwrap_or(i32::from(tcp::TIME_WAIT));
    // SAFETY: a null pointer is never read.
    let none = unsafe { Pointer::new(core::ptr::null()) };
    time_wait::entered(sock(&ctx, 0), substate as u8, none, Hook::KpTimeWait);
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
fn kp_inet_csk_complete_hashdance(ctx: ProbeContext) -> u32 {
    // own_req false: another CPU won the race with a child of its own, this one is thrown away.
    let own_req: u32 = ctx.arg(3).unwrap_or(0);
    if own_req & 0xff != 0 {
        accept::queued(sock(&ctx, 0), sock(&ctx, 1), Hook::KpHashdance);
    }
    0
}

#[kprobe]
fn kp_inet_csk_reqsk_queue_add(ctx: ProbeContext) -> u32 {
    accept::queued(sock(&ctx, 0), sock(&ctx, 2), Hook::KpQueueAdd);
    0
}

#[kprobe]
fn kp_tcp_cleanup_rbuf(ctx: ProbeContext) -> u32 {
    let copied: i32 = ctx.arg(1).unwrap_or(-1);
    let sock = sock(&ctx, 0);
    if copied > 0 {
        act::received(sock);
    } else if copied == 0 && act::has_fin(sock) {
        act::end_of_stream(sock, Hook::KpCleanupRbuf);
    }
    0
}

/// `tcp_splice_read(sock, ppos, pipe, len, flags)`: takes an end-of-stream without `tcp_cleanup_rbuf`.
#[kprobe]
fn kp_tcp_splice_read(ctx: ProbeContext) -> u32 {
    let sock = Sock::at(pointer(&ctx, 0).follow(global!(OFFSETS.socket_sk)));
    act::splicing(sock, Hook::KpSpliceRead);
    0
}

#[kprobe]
fn kp_tcp_sendmsg(ctx: ProbeContext) -> u32 {
    let bytes: u64 = ctx.arg(2).unwrap_or(0);
    act::writing(sock(&ctx, 0), bytes, Hook::KpSendmsg);
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
