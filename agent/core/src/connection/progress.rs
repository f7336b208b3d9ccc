//! What a connection was seen doing, look after look.

use super::spin::Spin;
use super::{Fin, acknowledged_since, written_since};
use crate::model::look::{SocketCounters, SocketView};
use crate::model::time::Timestamp;

/// What is remembered of a connection between two looks. Progress is dated at the look: it happened then at the
/// latest.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Numbers of the last look.
    last: Option<SocketCounters>,
    /// Latest moment at which it may have been sending.
    pub(crate) sent_at: Option<Timestamp>,
    /// Latest moment at which it may have been reading.
    pub(crate) read_at: Option<Timestamp>,
    /// It waited in an accept queue when it was last seen.
    queued: bool,
    /// Latest moment at which it may have been accepted, if that was after its end.
    pub(crate) accepted_at: Option<Timestamp>,
    /// Not half-closed: nothing was received, read or acknowledged since.
    pub(crate) still_since: Option<Timestamp>,
    /// Since this look its opener was not among its holders.
    pub(crate) left_at: Option<Timestamp>,
    /// How often the end-of-stream is delivered.
    pub(crate) spin: Spin,
}

/// What one look found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// It has sent since the last look or is still sending.
    pub(crate) sending: bool,
    /// It waited in an accept queue until now.
    pub(crate) accepted: bool,
}

impl Progress {
    /// Compares a look at a connection that is not half-closed with the last one.
    pub(crate) fn look_open(&mut self, view: &SocketView, taken: Timestamp) -> Seen {
        let accepted = self.is_accepted(view, taken);
        match view.counters {
            Some(counters) => self.compare(counters, taken),
            None => self.still_since = self.still_since.or(Some(taken)),
        }
        Seen {
            accepted,
            sending: false,
        }
    }

    /// Not half-closed: since then nothing has happened to it and nobody has accepted it.
    pub(crate) fn untouched_since(&self) -> Option<Timestamp> {
        self.still_since.max(self.accepted_at)
    }

    fn compare(&mut self, counters: SocketCounters, taken: Timestamp) {
        let numbers = |c: SocketCounters| (c.unread, c.bytes_received, c.bytes_acked);
        let moved = self
            .last
            .replace(counters)
            .is_none_or(|last| numbers(last) != numbers(counters));
        if moved {
            self.still_since = Some(taken);
        }
    }

    /// Compares a look at a half-closed connection with the last one.
    pub(crate) fn look(&mut self, fin: Fin, view: &SocketView, taken: Timestamp) -> Seen {
        let mut seen = Seen {
            accepted: self.is_accepted(view, taken),
            sending: false,
        };
        if let Some(half) = view.half.filter(|half| half.eof_at.is_some()) {
            self.spin.look(half.eof_count, taken);
        }
        let Some(counters) = view.counters else {
            return seen;
        };
        let last = self.last.replace(counters);
        let sent = has_sent(view, &counters, last.as_ref());
        let answered = !counters.is_unanswered();
        let under_way = counters.unacked > 0 && answered;
        seen.sending = (sent && last.is_some() && answered) || under_way;
        if sent || under_way {
            self.sent_at = Some(taken);
        }
        let unread_before = last.map(|last| last.unread).or(fin.unread);
        if unread_before.is_none_or(|before| counters.unread < before) {
            self.read_at = Some(taken);
        }
        seen
    }

    /// Whether it was accepted since the last look.
    fn is_accepted(&mut self, view: &SocketView, taken: Timestamp) -> bool {
        if view.queued.is_some() {
            self.queued = true;
            return false;
        }
        !view.holders.is_empty() && self.accept(taken)
    }

    /// Somebody has it. Whether nobody had before.
    pub(crate) fn accept(&mut self, at: Timestamp) -> bool {
        let accepted = std::mem::take(&mut self.queued);
        if accepted {
            self.accepted_at = Some(at);
        }
        accepted
    }
}

/// Whether it has sent since the last look or, at the first one, since the FIN. Without a mark to measure from, the
/// first look is the mark.
fn has_sent(view: &SocketView, now: &SocketCounters, last: Option<&SocketCounters>) -> bool {
    if let Some(last) = last {
        now.bytes_acked > last.bytes_acked || has_written(now, last)
    } else {
        let acknowledged = acknowledged_since(view);
        let written = written_since(view).map(|bytes| bytes > 0);
        acknowledged.zip(written).is_none_or(|(a, b)| a || b)
    }
}

/// Whether the application has written. Where only the bytes sent are known, those that are sent again count as long as
/// they are answered.
fn has_written(now: &SocketCounters, last: &SocketCounters) -> bool {
    match now.write_seq.zip(last.write_seq) {
        Some((now, last)) => now.wrapping_sub(last).cast_signed() > 0,
        None => now.bytes_sent > last.bytes_sent && !now.is_unanswered(),
    }
}
