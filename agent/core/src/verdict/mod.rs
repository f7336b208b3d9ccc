//! The verdicts: one file each, every one a pure rule.
//!
//! A rule sees one connection and the latest look at it and says whether its proof holds. The order of the rules
//! decides where the proofs of several could hold: the more particular one comes first.

pub(crate) mod case;
mod dead_open;
mod dead_peer;
mod eof_not_requested;
mod eof_spin;
mod eof_unread;
pub(crate) mod inherited;
mod never_accepted;
mod never_reads;
mod not_closed;
pub(crate) mod open_case;
mod peer_not_closing;
pub(crate) mod pool;
mod stale_pooled;
pub(crate) mod wording;
mod write_after_fin;

use self::case::{Case, Opinion, Proof};
use self::open_case::OpenCase;
use crate::model::finding::Verdict;
use crate::model::look::SocketView;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

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
pub(crate) enum Judgement {
    /// This is wrong. At the moment that is given a more particular verdict may hold.
    Wrong(Verdict, Proof, Option<Timestamp>),
    /// Nothing is wrong before that moment.
    Wait(Timestamp),
    /// The look tells too little.
    Silence,
}

/// Judges one half-closed connection.
pub(crate) fn judge(case: &Case<'_>) -> Judgement {
    first(RULES.iter().map(|&(verdict, rule)| (verdict, rule(case))))
}

type OpenRule = fn(&OpenCase<'_>) -> Opinion;

const OPEN_RULES: &[(Verdict, OpenRule)] = &[
    (Verdict::NeverAccepted, never_accepted::judge_reset),
    (Verdict::DeadOpen, dead_open::judge),
    (Verdict::DeadPeer, dead_peer::judge),
    (Verdict::NeverReads, never_reads::judge),
    (Verdict::PeerNotClosing, peer_not_closing::judge),
];

/// Whether it is worth remembering between two looks.
pub(crate) fn is_suspicious(view: &SocketView) -> bool {
    if view.queued.is_some() {
        return never_accepted::is_reset(view);
    }
    if view.holders.is_empty() {
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

/// Judges one connection that is not half-closed.
pub(crate) fn judge_open(case: &OpenCase<'_>) -> Judgement {
    first(
        OPEN_RULES
            .iter()
            .map(|&(verdict, rule)| (verdict, rule(case))),
    )
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
            Opinion::Holds(proof) => return Judgement::Wrong(verdict, proof, wait),
        }
        if alone {
            break;
        }
    }
    wait.map_or(Judgement::Silence, Judgement::Wait)
}
