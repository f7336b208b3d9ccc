//! Data sent after the peer's FIN: is it on its way, or refused?

use std::time::Duration;

use super::life::Charge;
use super::model::finding::{Resolution, Verdict};
use super::model::socket::{Holder, Role, SocketKey};
use super::model::state::{Cause, TcpState};
use super::model::time::Timestamp;
use super::table::{HalfClosed, Slot};
use super::tracker::Tracker;
use super::verdict::Grade;
use super::watch::{Refused, Watch};

/// A write so soon after the FIN may have crossed it: the application could not have known.
const CROSSING: Duration = Duration::from_millis(100);

impl Tracker {
    /// The application writes after the peer's FIN.
    pub(super) fn written(&mut self, time: Timestamp, key: SocketKey, bytes: u64) {
        let Some(slot) = self.table.find(key) else {
            return;
        };
        let slack = self.settings.slack();
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        tracked.seen = tracked.seen.max(time);
        tracked.offer_written(time, bytes);
        if let Some(half) = tracked.watch.as_mut().and_then(|watch| watch.reset.take()) {
            // The reset came while the write was under way, and its record first.
            self.refuse(slot, time, half);
        } else if tracked
            .watch
            .as_ref()
            .is_some_and(|watch| watch.finding.is_some())
        {
            // A look shortly after tells whether it is sending; a refusal arrives as a reset.
            self.deadlines.advance(slot, tracked, time + slack);
        }
    }

    /// The connection leaves CLOSE_WAIT for CLOSED: if data had been written since the FIN and the peer answered
    /// with a reset, that is the verdict.
    pub(super) fn may_be_refused(&mut self, slot: Slot, time: Timestamp, cause: Cause) {
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let Some(half) = tracked.half.filter(|_| cause == Cause::RstReceived) else {
            return;
        };
        if tracked.write_at().is_some() {
            self.refuse(slot, time, half);
        }
    }

    fn refuse(&mut self, slot: Slot, time: Timestamp, half: HalfClosed) {
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        let Some(written) = tracked.write_at() else {
            return;
        };
        let open = tracked.watch.as_ref().and_then(|w| w.finding.clone());
        // A client speaks first: it should have looked before. A server may answer a peer that has only stopped
        // sending; unless it was told before, it learns that the peer is gone by writing.
        let told = tracked.eof_at.is_some_and(|told| told <= written);
        let careless = tracked.role == Role::Client && written.since(half.since) >= CROSSING;
        let refused = Refused { time, half };
        if let Some(open) = open {
            self.accuse_writer(slot, refused, open.holders.clone());
        } else if told || careless {
            // Who holds the descriptor, the next look tells.
            tracked.watch = Some(Watch::refused(refused));
            self.deadlines.arm(slot, tracked, time);
        }
    }

    /// A refusal waits for a look: this is it, or there will be none.
    pub(super) fn settle_refused(&mut self, slot: Slot, holders: Vec<Holder>) {
        let watch = self.table.get_mut(slot).and_then(|t| t.watch.as_mut());
        let Some(refused) = watch.and_then(|watch| watch.refused.take()) else {
            return;
        };
        self.accuse_writer(slot, refused, holders);
        self.resolve(slot, refused.time, TcpState::Closed, Resolution::Reset);
    }

    fn accuse_writer(&mut self, slot: Slot, refused: Refused, holders: Vec<Holder>) {
        let Some(tracked) = self.table.get(slot) else {
            return;
        };
        let mut evidence = tracked.evidence();
        evidence.state = Some(TcpState::Closed);
        self.accuse(
            slot,
            Charge {
                verdict: Verdict::WriteAfterFin,
                grade: Grade::Normal,
                time: refused.time,
                state: TcpState::Closed,
                half: Some(refused.half),
                holders,
                evidence,
            },
        );
    }
}
