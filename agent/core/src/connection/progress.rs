//! What a connection was seen doing, look after look.

use super::pauses::Pauses;
use super::spin::Spin;
use super::times::Times;
use super::{Fin, acknowledged_since, written_since};
use crate::model::look::{SocketCounters, SocketView};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::model::waiting::WaitState;

/// What is remembered of a connection between two looks. Progress is dated at the look: it happened then at the
/// latest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Progress {
    /// Numbers of the last look.
    last: Option<SocketCounters>,
    /// When that was.
    looked_at: Option<Timestamp>,
    /// Latest moment at which it may have been sending.
    pub(crate) sent_at: Option<Timestamp>,
    /// When something was taken out of its receive queue.
    pub(crate) reads: Pauses,
    /// When the peer's kernel answered, after the peer's FIN.
    pub(crate) answers: Pauses,
    /// It waited in an accept queue when it was last seen.
    queued: bool,
    /// Latest moment at which it may have been accepted, if that was after its end.
    pub(crate) accepted_at: Option<Timestamp>,
    /// Since this look what it has sent is not answered.
    pub(crate) unanswered_since: Option<Timestamp>,
    /// Not half-closed: nothing was received, read or acknowledged since.
    pub(crate) still_since: Option<Timestamp>,
    /// Since this look its opener was not among its holders.
    pub(crate) left_at: Option<Timestamp>,
    /// Over: its error had been fetched at this look, and not at the one before.
    pub(crate) told_at: Option<Timestamp>,
    /// None of its holders could run when it was last seen.
    halted: bool,
    /// Since this look they can again.
    pub(crate) runs_since: Option<Timestamp>,
    /// How often the end-of-stream is delivered.
    pub(crate) spin: Spin,
    /// Looks in a row at which its event was pending in a level-triggered loop that nobody slept in.
    pending: u8,
}

/// A loop that was not seen asleep so often does not come round.
const STUCK: u8 = 3;

/// What one look found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Half-closed, it has sent since the last look or is still sending.
    pub(crate) sending: bool,
    /// It waited in an accept queue until now.
    pub(crate) accepted: bool,
    /// Half-closed, something of what waits was taken, and there is more.
    pub(crate) reading: bool,
}

impl Progress {
    /// As if it had been looked at when it last showed a sign of life, and had been then as it is now.
    pub(crate) fn suppose(&mut self, view: &SocketView, times: Times) {
        self.last = view.counters;
        // A reset leaves no stamp: what is over may have ended just now.
        self.still_since = (view.state != TcpState::Closed).then_some(times.heard);
        self.reads.begin(times.received);
        let unanswered = view.counters.is_some_and(|c| c.is_unanswered());
        self.unanswered_since = unanswered.then_some(times.heard);
    }

    /// Compares a look with the last one. `fin` is the peer's, while it is half-closed.
    pub(crate) fn look(
        &mut self,
        fin: Option<Fin>,
        view: &SocketView,
        times: Option<&Times>,
        taken: Timestamp,
    ) -> Seen {
        let accepted = self.is_accepted(view, taken);
        self.see_halt(view, taken);
        self.see_loop(view);
        let unanswered = view.counters.is_some_and(|c| c.is_unanswered());
        self.unanswered_since = unanswered.then(|| self.unanswered_since.unwrap_or(taken));
        match view.half().filter(|half| half.eof_at.is_some()) {
            Some(half) => self.spin.look(half.eof_count, taken),
            None => self.spin = Spin::default(),
        }
        let half_closed = fin.filter(|_| view.state == TcpState::CloseWait);
        let seen = if let Some(fin) = half_closed {
            self.look_half_closed(fin, view, times, taken)
        } else {
            self.look_open(view, taken);
            Seen::default()
        };
        self.looked_at = Some(taken);
        Seen { accepted, ..seen }
    }

    /// Not half-closed.
    fn look_open(&mut self, view: &SocketView, taken: Timestamp) {
        let Some(now) = view.counters else {
            self.still_since = self.still_since.or(Some(taken));
            return;
        };
        let last = self.last.replace(now);
        let numbers = |c: SocketCounters| (c.unread, c.bytes_received, c.bytes_acked);
        if last.is_none_or(|last| numbers(last) != numbers(now)) {
            self.still_since = Some(taken);
        }
        // Of what was waiting something was taken; or more has come.
        let total = now.read_total();
        if last.is_some_and(|last| last.unread > 0 && last.read_total() != total) {
            self.reads.found(taken, self.looked_at);
        } else if last.is_none_or(|last| (last.read_total(), last.unread) != (total, now.unread)) {
            self.reads.moved(taken);
        }
        if last.is_some_and(|last| last.error != 0) && now.error == 0 {
            self.told_at = Some(taken);
        }
    }

    /// Since then nothing has happened to it and nobody has accepted it.
    pub(crate) fn untouched_since(&self) -> Option<Timestamp> {
        self.still_since.max(self.accepted_at)
    }

    fn look_half_closed(
        &mut self,
        fin: Fin,
        view: &SocketView,
        times: Option<&Times>,
        taken: Timestamp,
    ) -> Seen {
        let Some(counters) = view.counters else {
            return Seen::default();
        };
        let last = self.last.replace(counters);
        let sent = has_sent(view, &counters, last.as_ref());
        let answered = !counters.is_unanswered();
        let under_way = counters.unacked > 0 && answered;
        if sent || under_way {
            self.sent_at = Some(taken);
        }
        if last.is_none() {
            // The first pause begins with the FIN, unless it was seen reading before.
            self.reads.begin(fin.since);
        }
        let unread_before = last.map(|last| last.unread).or(fin.unread);
        let read = unread_before.is_some_and(|before| counters.unread < before);
        if read {
            self.reads.found(taken, self.looked_at);
        } else if unread_before.is_none() {
            self.reads.moved(taken);
        }
        self.hear(fin, view, last.as_ref(), times, taken);
        Seen {
            sending: (sent && last.is_some() && answered) || under_way,
            reading: read && last.is_some() && counters.unread > 0,
            accepted: false,
        }
    }

    /// The peer's kernel has answered: by its stamp or, where there is none, by what it has acknowledged.
    fn hear(
        &mut self,
        fin: Fin,
        view: &SocketView,
        last: Option<&SocketCounters>,
        times: Option<&Times>,
        taken: Timestamp,
    ) {
        self.answers.latest = self.answers.latest.or(Some(fin.since));
        let acknowledged = match last.and_then(|last| last.snd_una) {
            Some(before) => view.counters.and_then(|c| c.snd_una) != Some(before),
            None => acknowledged_since(view) == Some(true),
        };
        let heard = times.map(|times| times.heard);
        let news = heard.filter(|heard| self.answers.latest < Some(*heard));
        if let Some(heard) = news.or(acknowledged.then_some(taken)) {
            self.answers.happened(heard);
        }
    }

    /// A loop that comes round leaves nothing pending for long, or is asleep at some of the looks.
    fn see_loop(&mut self, view: &SocketView) {
        let waiting = view.waiting.filter(|waiting| !waiting.attended);
        let pending = waiting.is_some_and(|w| w.state == WaitState::EpollLevelReady);
        self.pending = if pending {
            self.pending.saturating_add(1)
        } else {
            0
        };
    }

    /// Whether its event is pending in a loop that does not come round.
    pub(crate) const fn is_stuck(&self) -> bool {
        self.pending >= STUCK
    }

    fn see_halt(&mut self, view: &SocketView, taken: Timestamp) {
        let halted = view.halted.is_some();
        if std::mem::replace(&mut self.halted, halted) && !halted {
            self.runs_since = Some(taken);
        }
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

    /// The connection has another state: its numbers count from there.
    pub(crate) fn turn(&mut self) {
        let before = std::mem::take(self);
        *self = Self {
            queued: before.queued,
            accepted_at: before.accepted_at,
            left_at: before.left_at,
            halted: before.halted,
            runs_since: before.runs_since,
            spin: before.spin,
            reads: before.reads,
            pending: before.pending,
            ..Self::default()
        };
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
