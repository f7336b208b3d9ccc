//! The rules for connections that are not half-closed.

use super::{Judgement, Opinion, Proof, dead_open, dead_peer, never_reads, peer_not_closing};
use crate::model::finding::Verdict;
use crate::model::observation::SocketView;
use crate::model::state::TcpState;
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

type Rule = fn(&OpenCase<'_>) -> Opinion;

const RULES: &[(Verdict, Rule)] = &[
    (Verdict::DeadOpen, dead_open::judge),
    (Verdict::DeadPeer, dead_peer::judge),
    (Verdict::NeverReads, never_reads::judge),
    (Verdict::PeerNotClosing, peer_not_closing::judge),
];

/// Whether it is worth remembering between two looks.
pub(crate) fn is_suspicious(view: &SocketView) -> bool {
    if view.holders.is_empty() || view.queued.is_some() {
        return false;
    }
    match view.state {
        TcpState::FinWait2 => true,
        TcpState::Closed => dead_open::is_dead(view),
        TcpState::Established => never_reads::is_full(view) || dead_peer::is_unanswered(view),
        TcpState::FinWait1 => dead_peer::is_unanswered(view),
        TcpState::Listen
        | TcpState::SynSent
        | TcpState::SynReceived
        | TcpState::CloseWait
        | TcpState::LastAck
        | TcpState::Closing
        | TcpState::TimeWait => false,
    }
}

/// Judges one connection.
pub(crate) fn judge_open(case: &OpenCase<'_>) -> Judgement {
    super::first(RULES.iter().map(|&(verdict, rule)| (verdict, rule(case))))
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
