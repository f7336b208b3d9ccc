//! The verdicts: one file each, every one a pure rule.
//!
//! A rule sees one connection and the latest look at it and says whether its proof holds. The order of the rules
//! decides where the proofs of several could hold: the more particular one comes first.

mod dead_open;
mod dead_peer;
mod eof_not_requested;
mod eof_spin;
mod eof_unread;
pub(super) mod inherited;
mod never_accepted;
mod never_reads;
mod not_closed;
mod open;
mod peer_not_closing;
mod stale_pooled;
pub(super) mod wording;
mod write_after_fin;

use std::time::Duration;

use finback_common::hook::Signal;

pub(super) use dead_peer::is_unacknowledged;
pub(super) use open::{OpenCase, is_suspicious, judge_open};

use super::pool::Pool;
use super::settings::Settings;
use super::table::{HalfClosed, Tracked};
use super::watch::Watch;
use crate::model::finding::Verdict;
use crate::model::observation::{SocketCounters, SocketView};
use crate::model::time::Timestamp;
use crate::settings::exception::Subject;

/// Parts of a proof that can be missing.
pub(super) mod missing {
    /// Who has the socket open.
    pub(crate) const HOLDERS: &str = "holders";
    /// Whether the end-of-stream was delivered.
    pub(crate) const EOF: &str = "eof";
    /// The socket's numbers.
    pub(crate) const COUNTERS: &str = "counters";
    /// Whose accept queue it waits in.
    pub(crate) const LISTENER: &str = "listener";
    /// What an upper layer protocol (kTLS) has read in place of the application.
    pub(crate) const UPPER_LAYER: &str = "upper_layer";
}

/// Everything a rule may look at.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) settings: &'a Settings,
    /// When the look began.
    pub(super) taken: Timestamp,
    pub(super) half: HalfClosed,
    pub(super) tracked: &'a Tracked,
    pub(super) watch: &'a Watch,
    pub(super) view: &'a SocketView,
    /// The idle connections to the same address, if it may be one of them.
    pub(super) pool: Option<Pool>,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opinion {
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
pub(super) struct Proof {
    /// Parts of it that are missing.
    pub(super) missing: Vec<&'static str>,
    /// How bad it is for its verdict.
    pub(super) grade: Grade,
}

impl Proof {
    const fn missing(missing: Vec<&'static str>) -> Self {
        Self {
            missing,
            grade: Grade::Normal,
        }
    }
}

/// How bad a finding is compared with the severity that is set for its verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Grade {
    /// As set.
    #[default]
    Normal,
    /// One step worse.
    Worse,
}

type Rule = fn(&Case<'_>) -> Opinion;

const RULES: &[(Verdict, Rule)] = &[
    (Verdict::NeverAccepted, never_accepted::judge),
    (Verdict::EofSpin, eof_spin::judge),
    (Verdict::WriteAfterFin, write_after_fin::judge),
    (Verdict::Inherited, inherited::judge),
    (Verdict::StalePooled, stale_pooled::judge),
    (Verdict::NotClosed, not_closed::judge),
    (Verdict::EofUnread, eof_unread::judge),
    (Verdict::EofNotRequested, eof_not_requested::judge),
];

/// What all rules together say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// This is wrong.
    Wrong(Verdict, Proof),
    /// Nothing is wrong before that moment.
    Wait(Timestamp),
    /// The look tells too little.
    Silence,
}

/// Judges one half-closed connection.
pub(super) fn judge(case: &Case<'_>) -> Judgement {
    first(RULES.iter().map(|&(verdict, rule)| (verdict, rule(case))))
}

/// The first verdict that holds, or the first moment at which one may.
fn first(opinions: impl Iterator<Item = (Verdict, Opinion)>) -> Judgement {
    let mut wait: Option<Timestamp> = None;
    for (verdict, opinion) in opinions {
        let alone = matches!(opinion, Opinion::NothingElse(_));
        match opinion {
            Opinion::No => {}
            Opinion::NotYet(at) | Opinion::NothingElse(at) => {
                wait = Some(wait.map_or(at, |known| known.min(at)));
            }
            Opinion::Holds(proof) => return Judgement::Wrong(verdict, proof),
        }
        if alone {
            break;
        }
    }
    wait.map_or(Judgement::Silence, Judgement::Wait)
}

impl Case<'_> {
    /// The verdict holds once its threshold has passed since `base`, the acceptance and the last sign of sending.
    fn settle(&self, verdict: Verdict, base: Timestamp, missing: Vec<&'static str>) -> Opinion {
        let after = self.after(verdict);
        let accepted = self.watch.accepted_at.unwrap_or_default();
        let idle: Duration = after.max(self.settings.draining_window);
        let sent = self.watch.sent_at.map_or(base, |sent| sent + idle);
        let due = (base.max(accepted).max(self.half.since) + after).max(sent);
        if self.taken < due {
            Opinion::NotYet(due)
        } else {
            Opinion::Holds(Proof::missing(missing))
        }
    }

    /// The threshold of a verdict about this connection.
    fn after(&self, verdict: Verdict) -> Duration {
        let holders = match &self.view.queued {
            Some(queued) => &queued.listeners,
            None => &self.view.holders,
        };
        let subject = Subject::new(self.tracked, holders);
        self.settings.verdict_about(verdict, subject).after
    }

    /// As [`Case::settle`]; until then nothing else is the verdict.
    fn settle_alone(&self, verdict: Verdict, base: Timestamp) -> Opinion {
        let opinion = self.settle(verdict, base, Vec::new());
        if let Opinion::NotYet(at) = opinion {
            Opinion::NothingElse(at)
        } else {
            opinion
        }
    }

    /// Its numbers, unless it waits in an accept queue: then the application cannot have done anything yet.
    fn accepted_counters(&self) -> Option<SocketCounters> {
        self.view.counters.filter(|_| self.view.queued.is_none())
    }

    /// No delivery of the end-of-stream can have been missed: the receive was seen that took the FIN together with
    /// data. Without it something that no hook sees (`splice`, with tracepoints) has emptied the queue.
    fn eof_watched(&self) -> bool {
        let signal = self.settings.signals.contains(&Signal::Eof);
        signal
            && self.view.fin_with_data
            && self.half.exact
            && self.half.since >= self.settings.watching_since
    }

    /// The last moment at which it may have read.
    fn read_at(&self) -> Timestamp {
        self.watch.read_at.unwrap_or(self.half.since)
    }

    /// What is missing where the queue is the proof.
    fn without_queue(&self) -> Vec<&'static str> {
        let mut missing = self.without_holders();
        if self.view.counters.is_some_and(|c| c.upper_layer) {
            missing.push(missing::UPPER_LAYER);
        }
        missing
    }

    /// What is missing of who holds it.
    fn without_holders(&self) -> Vec<&'static str> {
        if self.view.holders.is_empty() {
            vec![missing::HOLDERS]
        } else {
            Vec::new()
        }
    }
}
