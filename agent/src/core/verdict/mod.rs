//! The verdicts of design §5: one file each, every one a pure rule.
//!
//! A rule sees one connection and the latest look at it and says whether its proof holds. The rules exclude each
//! other; the order of [`RULES`] decides if that should ever fail.

mod eof_not_requested;
mod eof_unread;
mod never_accepted;
mod not_closed;
pub(super) mod wording;

use std::time::Duration;

use finback_common::hook::Signal;

use super::finding::Verdict;
use super::observation::{SocketCounters, SocketView};
use super::settings::Settings;
use super::table::HalfClosed;
use super::time::Timestamp;
use super::watch::Watch;

/// Parts of a proof that can be missing.
pub(super) mod missing {
    /// Who has the socket open.
    pub(in super::super) const HOLDERS: &str = "holders";
    /// Whether the end-of-stream was delivered.
    pub(in super::super) const EOF: &str = "eof";
    /// The socket's numbers.
    pub(in super::super) const COUNTERS: &str = "counters";
    /// Whose accept queue it waits in.
    pub(in super::super) const LISTENER: &str = "listener";
}

/// Everything a rule may look at.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) settings: &'a Settings,
    /// When the look began.
    pub(super) taken: Timestamp,
    pub(super) half: HalfClosed,
    /// The end-of-stream was first handed to the application.
    pub(super) eof_at: Option<Timestamp>,
    /// First write after the FIN.
    pub(super) write_at: Option<Timestamp>,
    pub(super) watch: &'a Watch,
    pub(super) view: &'a SocketView,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// Not this.
    No,
    /// It will hold at that moment if nothing changes.
    NotYet(Timestamp),
    /// It holds; these parts of the proof are missing.
    Holds(Vec<&'static str>),
}

type Rule = fn(&Case<'_>) -> Opinion;

const RULES: &[(Verdict, Rule)] = &[
    (Verdict::NeverAccepted, never_accepted::judge),
    (Verdict::NotClosed, not_closed::judge),
    (Verdict::EofUnread, eof_unread::judge),
    (Verdict::EofNotRequested, eof_not_requested::judge),
];

/// What all rules together say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// This is wrong; these parts of the proof are missing.
    Wrong(Verdict, Vec<&'static str>),
    /// Nothing is wrong before that moment.
    Wait(Timestamp),
    /// The look tells too little.
    Silence,
}

/// Judges one connection.
pub(super) fn judge(case: &Case<'_>) -> Judgement {
    let mut wait: Option<Timestamp> = None;
    for &(verdict, rule) in RULES {
        match rule(case) {
            Opinion::No => {}
            Opinion::NotYet(at) => wait = Some(wait.map_or(at, |known| known.min(at))),
            Opinion::Holds(missing) => return Judgement::Wrong(verdict, missing),
        }
    }
    wait.map_or(Judgement::Silence, Judgement::Wait)
}

impl Case<'_> {
    /// The verdict holds once its threshold has passed since `base`, the acceptance and the last sign of sending.
    fn settle(&self, verdict: Verdict, base: Timestamp, missing: Vec<&'static str>) -> Opinion {
        let after = self.settings.after(verdict);
        let accepted = self.watch.accepted_at.unwrap_or_default();
        let idle: Duration = after.max(self.settings.draining_window);
        let sent = self.watch.sent_at.map_or(base, |sent| sent + idle);
        let due = (base.max(accepted).max(self.half.since) + after).max(sent);
        if self.taken < due {
            Opinion::NotYet(due)
        } else {
            Opinion::Holds(missing)
        }
    }

    /// Its numbers, unless it waits in an accept queue: then the application cannot have done anything yet.
    fn accepted_counters(&self) -> Option<SocketCounters> {
        self.view.counters.filter(|_| self.view.queued.is_none())
    }

    /// No delivery of the end-of-stream can have been missed.
    fn eof_watched(&self) -> bool {
        let signal = self.settings.signals.contains(&Signal::Eof);
        signal && self.half.exact && self.half.since >= self.settings.watching_since
    }

    /// The last moment at which it may have read.
    fn read_at(&self) -> Timestamp {
        self.watch.read_at.unwrap_or(self.half.since)
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
