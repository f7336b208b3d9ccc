//! Function exits of the fentry flavour. The return value stands behind the arguments, and these functions
//! have had the same number of them from 5.10 to 7.3; `bpf_get_func_ret` would need 5.17.

use aya_ebpf::macros::fexit;
use aya_ebpf::programs::FExitContext;
use finback_common::hook::Hook;
use finback_common::record::time_wait_action;

use crate::globals::global;
use crate::maps;
use crate::memory::{Direct, Pointer};
use crate::signal::{eof, time_wait};
use crate::sock::Sock;

#[inline(always)]
fn pointer(ctx: &FExitContext, n: usize) -> Pointer<Direct> {
    // SAFETY: the verifier takes the argument's type from BTF.
    unsafe { Pointer::new(ctx.arg::<*const u8>(n)) }
}

/// `inet_twsk_alloc(sk, dr, state)` returns the minisock, or null when there are too many.
#[fexit(function = "inet_twsk_alloc")]
fn fx_inet_twsk_alloc(ctx: FExitContext) -> i32 {
    maps::hit(Hook::FxTwskAlloc);
    if !pointer(&ctx, 3).is_null() {
        time_wait::entered(
            Sock::at(pointer(&ctx, 0)),
            ctx.arg::<i32>(2) as u8,
            time_wait_action::ENTERED,
            Hook::FxTwskAlloc,
        );
    }
    0
}

/// A receive that returned `result` bytes of the `wanted` ones.
#[inline(always)]
fn received(socket: Pointer<Direct>, wanted: u64, result: i64, hook: Hook) {
    if result != 0 || wanted == 0 {
        return;
    }
    let sock = Sock::at(socket.follow(global!(OFFSETS.socket_sk)));
    if !sock.is_null() && eof::tells_end(sock) {
        eof::delivered_unless_seen(sock, hook);
    }
}

/// `inet_recvmsg(sock, msg, size, flags)`: also where kTLS or a sockmap reads in place of `tcp_recvmsg`.
#[fexit(function = "inet_recvmsg")]
fn fx_inet_recvmsg(ctx: FExitContext) -> i32 {
    received(
        pointer(&ctx, 0),
        ctx.arg(2),
        i64::from(ctx.arg::<i32>(4)),
        Hook::FxRecvmsg,
    );
    0
}

/// `inet6_recvmsg(sock, msg, size, flags)`.
#[fexit(function = "inet6_recvmsg")]
fn fx_inet6_recvmsg(ctx: FExitContext) -> i32 {
    received(
        pointer(&ctx, 0),
        ctx.arg(2),
        i64::from(ctx.arg::<i32>(4)),
        Hook::FxRecvmsg6,
    );
    0
}

/// `tcp_splice_read(sock, ppos, pipe, len, flags)`.
#[fexit(function = "tcp_splice_read")]
fn fx_tcp_splice_read(ctx: FExitContext) -> i32 {
    received(
        pointer(&ctx, 0),
        ctx.arg(3),
        ctx.arg::<i64>(5),
        Hook::FxSpliceRead,
    );
    0
}
