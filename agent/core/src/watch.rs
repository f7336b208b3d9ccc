//! What a half-closed connection was seen doing, look after look.

use std::sync::Arc;

use super::model::finding::Finding;
use super::model::observation::{SocketCounters, SocketView};
use super::model::socket::Owner;
use super::model::time::Timestamp;
use super::table::HalfClosed;
use super::verdict;

/// What is remembered of a half-closed connection between two looks.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Numbers of the last look.
    pub(super) last: Option<SocketCounters>,
    /// Latest moment at which it may have been sending.
    pub(super) sent_at: Option<Timestamp>,
    /// Latest moment at which it may have been reading.
    pub(super) read_at: Option<Timestamp>,
    /// Latest moment at which it may have been accepted, if that was after the FIN.
    pub(super) accepted_at: Option<Timestamp>,
    /// Not half-closed: nothing was received, read or acknowledged since.
    pub(super) still_since: Option<Timestamp>,
    /// Since this look its opener was not among its holders.
    pub(super) left_at: Option<Timestamp>,
    /// How often the end-of-stream is delivered.
    pub(super) spin: Spin,
    /// It was reset while half-closed so, and no write was known of.
    pub(super) reset: Option<HalfClosed>,
    /// Data was refused so; the look that shows who holds the descriptor is under way.
    pub(super) refused: Option<Refused>,
    /// Looks in a row that told nothing.
    pub(super) in_vain: u8,
    /// The open finding.
    pub(super) finding: Option<Arc<Finding>>,
    /// When its verdict was first passed.
    pub(super) began: Timestamp,
    /// The process named in it.
    pub(super) named: Option<Owner>,
}

/// Data sent after the peer's FIN was answered with a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// When the reset came.
    pub(super) time: Timestamp,
    pub(super) half: HalfClosed,
}

/// How often the end-of-stream is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spin {
    /// Looks at it.
    pub(super) looks: u32,
    /// When, and the deliveries until then.
    last: (Timestamp, u32),
    /// The look since which there were more than [`SPIN_RATE`] between any two, and before it as well.
    pub(super) since: Option<Timestamp>,
}

/// Deliveries of the end-of-stream in a second.
const SPIN_RATE: u128 = 100;

impl Spin {
    fn look(&mut self, count: u32, taken: Timestamp) {
        let (before, known) = self.last;
        let passed = taken.since(before).as_nanos();
        let deliveries = u128::from(count.wrapping_sub(known));
        let fast = self.looks > 0 && passed > 0 && deliveries * 1_000_000_000 > SPIN_RATE * passed;
        // A burst between two looks that are far apart would do: the first such look only raises the suspicion.
        self.since = if fast {
            self.since.or(Some(taken))
        } else {
            None
        };
        self.last = (taken, count);
        self.looks = self.looks.saturating_add(1);
    }
}

/// What one look found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// It has sent since the last look or is still sending.
    pub(super) sending: bool,
    /// It waited in an accept queue until now.
    pub(super) accepted: bool,
}

impl Watch {
    /// Of a connection that was reset while half-closed so.
    pub(super) fn reset(half: HalfClosed) -> Box<Self> {
        Box::new(Self {
            reset: Some(half),
            ..Self::default()
        })
    }

    /// Of a connection whose data were refused so. What was seen before the reset says nothing of the closed socket.
    pub(super) fn refused(refused: Refused) -> Box<Self> {
        Box::new(Self {
            refused: Some(refused),
            ..Self::default()
        })
    }

    /// Compares a look at a connection that is not half-closed with the last one.
    pub(super) fn look_open(&mut self, counters: SocketCounters, taken: Timestamp) {
        let progress = |c: SocketCounters| (c.unread, c.bytes_received, c.bytes_acked);
        let moved = self
            .last
            .replace(counters)
            .is_none_or(|last| progress(last) != progress(counters));
        if moved {
            self.still_since = Some(taken);
        }
    }

    /// Compares a look with the last one. Progress is dated at the look: it happened then at the latest.
    pub(super) fn look(
        &mut self,
        half: &mut HalfClosed,
        view: &SocketView,
        taken: Timestamp,
    ) -> Seen {
        let mut seen = Seen::default();
        if view.queued.is_none() && !view.holders.is_empty() && half.unattached {
            half.unattached = false;
            self.accepted_at = Some(self.accepted_at.unwrap_or(taken));
            seen.accepted = true;
        } else if view.queued.is_some() {
            half.unattached = true;
        }
        if view.eof_at.is_some() {
            self.spin.look(view.eof_count, taken);
        }
        let Some(counters) = view.counters else {
            return seen;
        };
        let last = self.last.replace(counters);
        let stuck = verdict::is_unacknowledged(&counters);
        let sent = match last {
            // What is only sent again counts as sent.
            Some(last) => {
                counters.bytes_acked > last.bytes_acked
                    || counters.bytes_sent > last.bytes_sent && !stuck
            }
            // Without a mark to measure from, the first look is the mark.
            None => view
                .sent_at_fin
                .is_none_or(|sent| counters.bytes_sent > sent),
        };
        let under_way = counters.unacked > 0 && !stuck;
        seen.sending = (sent && last.is_some()) || under_way;
        if sent || under_way {
            self.sent_at = Some(taken);
        }
        let unread_before = last.map(|last| last.unread).or(half.unread);
        if unread_before.is_none_or(|before| counters.unread < before) {
            self.read_at = Some(taken);
        }
        seen
    }
}
