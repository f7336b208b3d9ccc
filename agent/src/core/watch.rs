//! What a half-closed connection was seen doing, look after look.

use std::sync::Arc;

use super::finding::Finding;
use super::observation::{SocketCounters, SocketView};
use super::socket::Owner;
use super::table::HalfClosed;
use super::time::Timestamp;

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
    /// Looks in a row that told nothing.
    pub(super) in_vain: u8,
    /// The open finding.
    pub(super) finding: Option<Arc<Finding>>,
    /// When its verdict was first passed.
    pub(super) began: Timestamp,
    /// The process named in it.
    pub(super) named: Option<Owner>,
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
        let Some(counters) = view.counters else {
            return seen;
        };
        let last = self.last.replace(counters);
        let sent = match last {
            Some(last) => {
                counters.bytes_sent > last.bytes_sent || counters.bytes_acked > last.bytes_acked
            }
            // Without a mark to measure from, the first look is the mark.
            None => view
                .sent_at_fin
                .is_none_or(|sent| counters.bytes_sent > sent),
        };
        seen.sending = (sent && last.is_some()) || counters.unacked > 0;
        if sent || counters.unacked > 0 {
            self.sent_at = Some(taken);
        }
        let unread_before = last.map(|last| last.unread).or(half.unread);
        if unread_before.is_none_or(|before| counters.unread < before) {
            self.read_at = Some(taken);
        }
        seen
    }
}
