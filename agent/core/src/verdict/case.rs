//! Everything a rule for half-closed connections may look at, and what it can answer.

use std::time::Duration;

use finback_common::hook::Signal;

use super::pool::Pool;
use crate::connection::progress::Progress;
use crate::connection::{Connection, Fin};
use crate::model::finding::{Severity, Verdict};
use crate::model::look::{SocketCounters, SocketView};
use crate::model::time::Timestamp;
use crate::settings::Settings;
use crate::settings::exception::Subject;

/// Parts of a proof that can be missing.
pub(crate) mod missing {
    /// Who has the socket open.
    pub(crate) const HOLDERS: &str = "holders";
    /// Whether the end-of-stream was delivered.
    pub(crate) const EOF: &str = "eof";
    /// The numbers at the peer's FIN.
    pub(crate) const FIN: &str = "fin";
    /// The socket's numbers.
    pub(crate) const COUNTERS: &str = "counters";
    /// Whose accept queue it waits in.
    pub(crate) const LISTENER: &str = "listener";
    /// What an upper layer protocol (kTLS) has read in place of the application.
    pub(crate) const UPPER_LAYER: &str = "upper_layer";
}

/// Everything a rule may look at.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) settings: &'a Settings,
    /// When the look began.
    pub(crate) taken: Timestamp,
    pub(crate) fin: Fin,
    pub(crate) connection: &'a Connection,
    pub(crate) progress: &'a Progress,
    pub(crate) view: &'a SocketView,
    /// The idle connections to the same address, if it may be one of them.
    pub(crate) pool: Option<Pool>,
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

/// How bad a finding is compared with the severity that is set for its verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Grade {
    /// As set.
    #[default]
    Normal,
    /// One step worse.
    Worse,
}

impl Grade {
    /// The severity that comes of what is set.
    pub(crate) const fn of(self, severity: Severity) -> Severity {
        match self {
            Self::Normal => severity,
            Self::Worse => severity.worse(),
        }
    }
}

impl Case<'_> {
    /// The verdict holds once its threshold has passed since `base`, the acceptance and the last sign of sending.
    pub(super) fn settle(
        &self,
        verdict: Verdict,
        base: Timestamp,
        missing: Vec<&'static str>,
    ) -> Opinion {
        let after = self.after(verdict);
        let accepted = self.progress.accepted_at.max(self.connection.accepted_at());
        let accepted = accepted.unwrap_or_default();
        let idle: Duration = after.max(self.settings.draining_window);
        let sent = self.progress.sent_at.map_or(base, |sent| sent + idle);
        let due = (base.max(accepted).max(self.fin.since) + after).max(sent);
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

    /// As [`Case::settle`]; until then nothing else is the verdict.
    pub(super) fn settle_alone(&self, verdict: Verdict, base: Timestamp) -> Opinion {
        let opinion = self.settle(verdict, base, Vec::new());
        if let Opinion::NotYet(at) = opinion {
            Opinion::NothingElse(at)
        } else {
            opinion
        }
    }

    /// Its numbers, unless it waits in an accept queue: then the application cannot have done anything yet.
    pub(super) fn accepted_counters(&self) -> Option<SocketCounters> {
        self.view.counters.filter(|_| self.view.queued.is_none())
    }

    /// No delivery of the end-of-stream can have been missed: the receive was seen that took the FIN together with
    /// data. Without it something that no hook sees (`splice`, with tracepoints) has emptied the queue.
    pub(super) fn eof_watched(&self) -> bool {
        let signal = self.settings.signals.contains(&Signal::Eof);
        signal
            && self.view.half.is_some_and(|half| half.fin_with_data)
            && self.fin.exact
            && self.fin.since >= self.settings.watching_since
    }

    /// The last moment at which it may have read.
    pub(super) fn read_at(&self) -> Timestamp {
        self.progress.read_at.unwrap_or(self.fin.since)
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
}
