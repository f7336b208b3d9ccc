//! Everything a rule may look at, and what it can answer.

use std::time::Duration;

use finback_common::hook::Signal;

use super::mate::Mate;
use super::pool::Pool;
use crate::connection::clock::WatchedTime;
use crate::connection::progress::Progress;
use crate::connection::times::Times;
use crate::connection::{Connection, Fin};
use crate::model::finding::{Verdict, Weight};
use crate::model::look::{SocketCounters, SocketView};
pub(crate) use crate::model::missing;
use crate::model::peer::Peer;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::settings::Settings;
use crate::settings::exception::Subject;
use crate::settings::verdict::Level;

/// After its holders were stopped, they have so long to see to what has come meanwhile.
const GRACE: Duration = Duration::from_secs(10);

/// Everything a rule may look at.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) clock: &'a WatchedTime,
    /// When the look began.
    pub(crate) taken: Timestamp,
    pub(crate) connection: &'a Connection,
    pub(crate) progress: &'a Progress,
    pub(crate) view: &'a SocketView,
    /// The socket's own stamps, if this way of looking reads them.
    pub(crate) times: Option<Times>,
    /// Whether somebody is left at the other end.
    pub(crate) peer: Peer,
    /// The idle connections to the same address, if it may be one of them.
    pub(crate) pool: Option<Pool>,
    /// The connection on which its process carries on what this one has received.
    pub(crate) mate: Option<Mate>,
    /// It carries on for one that has ended: what is known of the other end of that.
    pub(crate) relays_for: Option<Peer>,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// Not this.
    No,
    /// It will hold at that moment if nothing changes.
    NotYet(Timestamp),
    /// As [`Opinion::NotYet`], and the rules after this one do not fit.
    NothingElse(Timestamp),
    /// Nothing is wrong, at least until that moment, and the rules after this one do not fit.
    Excused(Timestamp),
    /// It holds.
    Holds(Proof),
}

/// A proof that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Parts of it that are missing.
    pub(crate) missing: Vec<&'static str>,
    /// How bad it is for its verdict.
    pub(crate) grade: Grade,
}

impl Proof {
    pub(super) const fn missing(missing: Vec<&'static str>) -> Self {
        Self {
            missing,
            grade: Grade::Normal,
        }
    }
}

/// How bad a finding is beside others of its verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Grade {
    /// As set.
    #[default]
    Normal,
    /// Worth knowing at most: an idle connection of a pool does no harm.
    Harmless,
}

impl Grade {
    /// What a finding weighs for which that is set.
    pub(crate) const fn weight(self, level: Level) -> Weight {
        match (self, level) {
            (Self::Harmless, _) => Weight::Harmless,
            (Self::Normal, Level::Fixed(severity)) => Weight::Own(severity),
            (Self::Normal, Level::Auto | Level::Off) => Weight::Shared,
        }
    }
}

impl Opinion {
    /// Until it holds, nothing else is the verdict.
    pub(super) fn alone(self) -> Self {
        if let Self::NotYet(at) = self {
            Self::NothingElse(at)
        } else {
            self
        }
    }

    /// With that grade, if it holds.
    pub(super) fn graded(self, grade: Grade) -> Self {
        if let Self::Holds(proof) = self {
            Self::Holds(Proof { grade, ..proof })
        } else {
            self
        }
    }
}

impl Case<'_> {
    /// The peer's FIN, while it is half-closed.
    pub(super) fn fin(&self) -> Option<Fin> {
        let half_closed = self.view.state == TcpState::CloseWait;
        self.connection.fin.filter(|_| half_closed)
    }

    /// When the peer ended it, or when it ended.
    pub(super) fn ended_at(&self) -> Timestamp {
        let fin = self.connection.fin.map(|fin| fin.since);
        fin.unwrap_or(self.connection.since)
    }

    /// The verdict holds once its threshold has passed since `base` and all that is said of it in [`Case::settle_after`].
    pub(super) fn settle(
        &self,
        verdict: Verdict,
        base: Timestamp,
        missing: Vec<&'static str>,
    ) -> Opinion {
        self.settle_after(self.after(verdict), base, missing)
    }

    /// It holds once so much time was lived through since `base`, since it came into its state and was accepted, since
    /// it last sent, and a grace since its holders can run again.
    pub(super) fn settle_after(
        &self,
        after: Duration,
        base: Timestamp,
        missing: Vec<&'static str>,
    ) -> Opinion {
        let progress = self.progress;
        let accepted = progress.accepted_at.max(self.connection.accepted_at());
        let accepted = accepted.unwrap_or_default();
        let sent = progress.sent_at.unwrap_or_default();
        let due = self
            .clock
            .due(base.max(accepted).max(self.ended_at()).max(sent), after);
        let runs = progress.runs_since.map(|since| since + GRACE);
        let due = due.max(runs.unwrap_or_default());
        if self.taken < due {
            Opinion::NotYet(due)
        } else {
            Opinion::Holds(Proof::missing(missing))
        }
    }

    /// The threshold of a verdict about this connection.
    pub(super) fn after(&self, verdict: Verdict) -> Duration {
        let holders = match &self.view.queued {
            Some(queued) => &queued.listeners,
            None => &self.view.holders,
        };
        let subject = Subject::new(
            self.connection.owner.as_ref(),
            self.connection.endpoints.local.port(),
            holders,
        );
        self.settings.verdict_about(verdict, subject).after
    }

    /// Its numbers, unless it waits in an accept queue: then the application cannot have done anything yet.
    pub(super) fn accepted_counters(&self) -> Option<SocketCounters> {
        self.view.counters.filter(|_| self.view.queued.is_none())
    }

    /// No delivery of the end-of-stream can have been missed: the receive was seen that took the FIN together with
    /// data. Without it something that no hook sees (`splice`, with tracepoints) has emptied the queue.
    pub(super) fn eof_watched(&self, fin: Fin) -> bool {
        let signal = self.settings.signals.contains(&Signal::Eof);
        signal
            && self.view.half().is_some_and(|half| half.fin_with_data)
            && fin.exact
            && fin.since >= self.settings.watching_since
    }

    /// The last moment at which it may have read.
    pub(super) fn read_at(&self) -> Timestamp {
        self.progress.reads.latest.unwrap_or(self.ended_at())
    }

    /// What is missing where the queue is the proof.
    pub(super) fn without_queue(&self) -> Vec<&'static str> {
        let mut missing = self.without_holders();
        if self.view.counters.is_some_and(|c| c.upper_layer) {
            missing.push(missing::UPPER_LAYER);
        }
        missing
    }

    /// What is missing of who holds it.
    pub(super) fn without_holders(&self) -> Vec<&'static str> {
        if self.view.holders.is_empty() {
            vec![missing::HOLDERS]
        } else {
            Vec::new()
        }
    }

    /// Where the fault is that a connection is kept for nobody: who may still be there is missing.
    pub(super) fn without_peer(&self, mut missing: Vec<&'static str>) -> Vec<&'static str> {
        if self.peer == Peer::Unknown {
            missing.push(missing::PEER);
        }
        missing
    }

    /// Its opener has left it to processes that were there before: which of them used it nobody saw. Or it may be a
    /// relay's.
    pub(super) fn without_user(&self, mut missing: Vec<&'static str>) -> Vec<&'static str> {
        let told = self.connection.delivery.by;
        let used = |pid| self.view.holders.iter().any(|h| h.process.id.pid == pid);
        if self.mate.is_some_and(|mate| !mate.fits) {
            missing.push(missing::MATE);
        }
        let known = self.progress.left_at.is_none() || told.is_some_and(used);
        if !known && !missing.contains(&missing::USE) {
            missing.push(missing::USE);
        }
        missing
    }
}
