//! What a finding weighs: can it be work?

use super::charge::Charge;
use crate::model::finding::{Verdict, Weight};
use crate::model::peer::Peer;
use crate::model::socket::Role;
use crate::model::waiting::WaitState;

/// How a finding counts for the severity of its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Standing {
    /// It cannot be work (class A).
    Certain,
    /// It may be work, but nobody is left to wait for it (class B).
    PeerGone,
    /// It may be work (class B).
    Open,
    /// A peer that has fallen silent: at a server that is the client's affair (class B).
    Silent,
    /// An idle connection of a pool (class C), or one whose severity is its own.
    Pool,
}

/// A standing, and whether anybody could act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Kind {
    pub(super) standing: Standing,
    /// None of its holders can run.
    pub(super) halted: bool,
}

impl Kind {
    /// How many kinds there are.
    pub(super) const COUNT: usize = 10;

    /// Of a finding as it was told.
    pub(super) fn of(charge: &Charge) -> Self {
        Self {
            standing: Standing::of(charge),
            halted: charge.finding.evidence.halted.is_some(),
        }
    }

    /// One place for each.
    pub(super) const fn index(self) -> usize {
        self.standing as usize * 2 + self.halted as usize
    }
}

impl From<Standing> for Kind {
    fn from(standing: Standing) -> Self {
        Self {
            standing,
            halted: false,
        }
    }
}

impl Standing {
    /// Of a finding as it was told.
    pub(super) fn of(charge: &Charge) -> Self {
        let evidence = &charge.finding.evidence;
        let connection = charge.connection.as_ref();
        let role = connection.map_or(Role::Client, |connection| connection.role);
        match charge.finding.verdict {
            _ if charge.finding.weight != Weight::Shared => Self::Pool,
            Verdict::NeverAccepted | Verdict::EofSpin | Verdict::Inherited => Self::Certain,
            Verdict::EofUnread if is_stuck(charge) => Self::Certain,
            Verdict::DeadOpen if evidence.error_delivered => Self::Certain,
            Verdict::StalePooled => Self::Pool,
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
