//! FIN and RST on the wire that the stack does not take at once.

use finback_common::hook::Hook;
use finback_common::interest::SEGMENT;
use finback_common::record::{SegmentRecord, kind};
use finback_common::tcp;

use crate::globals::global;
use crate::maps;
use crate::memory::{Memory, Pointer};
use crate::place;
use crate::ring::{self, Urgency};
use crate::rule;
use crate::sock::Sock;
use crate::time::now;

/// A segment reached the socket. The flag byte is looked at before anything else: this runs per packet.
#[inline(always)]
pub(crate) fn arrived<M: Memory>(sock: Sock<M>, skb: Pointer<M>, hook: Hook) {
    let control_block = global!(OFFSETS.skb_cb);
    let tcp_flags: u8 = skb.get(control_block + global!(OFFSETS.cb_flags));
    if tcp_flags & (tcp::FLAG_FIN | tcp::FLAG_RST) == 0 {
        return;
    }
    maps::hit(hook);
    let seq: u32 = skb.wide().get(control_block + global!(OFFSETS.cb_seq));
    let Some(numbers) = sock.tcp() else {
        return;
    };
    let rcv_nxt = numbers.rcv_nxt();
    let state = sock.state();
    if !rule::is_refused(tcp_flags, state, seq, rcv_nxt) {
        return;
    }
    let address = sock.address();
    if !place::is_asked_for(SEGMENT, address) {
        return;
    }
    let now_ns = now();
    let Some(mut slot) = ring::reserve::<SegmentRecord>() else {
        return;
    };
    let record = ring::record(&mut slot);
    record.header = ring::header(kind::SEGMENT, hook, now_ns, address);
    record.seq = seq;
    record.rcv_nxt = rcv_nxt;
    record.tcp_flags = tcp_flags;
    record.state = state;
    record.reserved = [0; 6];
    ring::submit(slot, now_ns, Urgency::Patient);
}
