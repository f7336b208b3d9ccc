//! What the kernel programs remember of a half-closed socket, as the agent's words have it.

use finback_common::place::{HalfPlace, half_flag};

use finback_core::model::look::HalfClosed;
use finback_core::model::time::Timestamp;

/// One place.
pub(super) const fn words(place: &HalfPlace) -> HalfClosed {
    HalfClosed {
        fin_at: Timestamp::from_nanos(place.fin_ns),
        snd_una: place.snd_una,
        write_seq: place.write_seq,
        unread: place.unread,
        last_sent: place.last_sent,
        last_received: place.last_received,
        eof_at: Timestamp::from_abi(place.eof_ns),
        eof_count: place.eof_count,
        eof_by: if place.eof_pid == 0 {
            None
        } else {
            Some(place.eof_pid)
        },
        fin_with_data: place.flags & half_flag::FIN_WITH_DATA != 0,
        by_reset: place.flags & half_flag::RESET != 0,
        connected: place.flags & half_flag::CONNECTED != 0,
    }
}
