//! What a finding weighs: can it be work?

use super::charge::Charge;
use crate::model::finding::Verdict;
use crate::model::peer::Peer;
use crate::model::socket::Role;
use crate::model::waiting::WaitState;

/// How a finding counts for the severity of its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It cannot be work (class A).
    Certain,
    /// It may be work, but nobody is left to wait for it (class B).
    PeerGone,
    /// It may be work (class B).
    Open,
    /// A peer that has fallen silent: at a server that is the client's affair (class B).
    Silent,
    /// An idle connection of a pool (class C).
    Pool,
}

impl Standing {
    /// Every standing.
    pub(super) const ALL: [Self; 5] = [
        Self::Certain,
        Self::PeerGone,
        Self::Open,
        Self::Silent,
        Self::Pool,
    ];

    /// Of a finding as it was told.
    pub(super) fn of(charge: &Charge) -> Self {
        let evidence = &charge.finding.evidence;
        let connection = charge.connection.as_ref();
        let role = connection.map_or(Role::Client, |connection| connection.role);
        match charge.finding.verdict {
            Verdict::NeverAccepted | Verdict::EofSpin | Verdict::Inherited => Self::Certain,
            Verdict::EofUnread if is_stuck(charge) => Self::Certain,
            Verdict::DeadOpen if evidence.error_delivered => Self::Certain,
            Verdict::StalePooled => Self::Pool,
            Verdict::DeadOpen if role == Role::Client && is_idle(charge) => Self::Pool,
            Verdict::DeadOpen => Self::PeerGone,
            Verdict::DeadPeer if role == Role::Client => Self::Open,
            Verdict::DeadPeer => Self::Silent,
            Verdict::EofUnread
            | Verdict::EofNotRequested
            | Verdict::NotClosed
            | Verdict::WriteAfterFin
            | Verdict::NeverReads
            | Verdict::PeerNotClosing
            | Verdict::TimeWaitPressure => {
                if evidence.peer == Some(Peer::Gone) {
                    Self::PeerGone
                } else {
                    Self::Open
                }
            }
        }
    }
}

/// A loop that has been told, or would be if it asked, and does not read.
fn is_stuck(charge: &Charge) -> bool {
    let waiting = charge.finding.evidence.waiting;
    waiting.is_some_and(|waiting| {
        matches!(
            waiting.state,
            WaitState::EpollLevelReady | WaitState::EpollEdgeNotFetched
        )
    })
}

/// Its error has not been fetched, and nothing was on its way.
fn is_idle(charge: &Charge) -> bool {
    let evidence = &charge.finding.evidence;
    let empty = |bytes: Option<u32>| bytes.unwrap_or(0) == 0;
    evidence.error.is_some() && empty(evidence.unacked_bytes) && empty(evidence.unread_bytes)
}
