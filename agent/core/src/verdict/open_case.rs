//! Everything a rule for connections that are not half-closed may look at.

use super::case::{Opinion, Proof};
use crate::model::finding::Verdict;
use crate::model::look::SocketView;
use crate::model::time::Timestamp;
use crate::settings::Settings;
use crate::settings::exception::Subject;

/// Everything a rule may look at.
#[derive(Debug)]
pub(crate) struct OpenCase<'a> {
    pub(crate) settings: &'a Settings,
    /// When the look began.
    pub(crate) taken: Timestamp,
    /// Since then nothing was received, read or acknowledged.
    pub(crate) still_since: Timestamp,
    pub(crate) view: &'a SocketView,
    pub(crate) subject: Subject<'a>,
}

impl OpenCase<'_> {
    /// The verdict holds once its threshold has passed without anything happening.
    pub(super) fn settle(&self, verdict: Verdict) -> Opinion {
        let due = self.still_since + self.settings.verdict_about(verdict, self.subject).after;
        if self.taken < due {
            Opinion::NotYet(due)
        } else {
            Opinion::Holds(Proof::default())
        }
    }
}
