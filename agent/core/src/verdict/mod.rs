//! The verdicts: one file each, every one a pure rule.
//!
//! A rule sees one connection and the latest look at it and says whether its proof holds. The order of the rules
//! decides where the proofs of several could hold: the more particular one comes first.

pub(crate) mod case;
pub(crate) mod dead_open;
mod dead_peer;
mod draining;
mod eof_not_requested;
mod eof_spin;
mod eof_unread;
pub(crate) mod inherited;
pub(crate) mod mate;
mod never_accepted;
mod never_reads;
mod not_closed;
pub(crate) mod peer;
mod peer_not_closing;
pub(crate) mod pool;
mod relaying;
mod stale_pooled;
pub(crate) mod wording;
pub(crate) mod write_after_fin;

use self::case::{Case, Opinion, Proof};
use crate::model::finding::Verdict;
use crate::model::look::SocketView;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

type Rule = fn(&Case<'_>) -> Opinion;

/// In order; those without a verdict excuse from the ones after them.
const RULES: &[(Option<Verdict>, Rule)] = &[
    (Some(Verdict::NeverAccepted), never_accepted::judge),
    (Some(Verdict::EofSpin), eof_spin::judge),
    (Some(Verdict::WriteAfterFin), write_after_fin::judge),
    (Some(Verdict::DeadPeer), dead_peer::judge),
    (None, draining::judge),
    (Some(Verdict::Inherited), inherited::judge),
    (Some(Verdict::StalePooled), stale_pooled::judge),
    (Some(Verdict::DeadOpen), dead_open::judge),
    (None, relaying::judge),
    (Some(Verdict::NotClosed), not_closed::judge),
    (Some(Verdict::EofUnread), eof_unread::judge),
    (Some(Verdict::EofNotRequested), eof_not_requested::judge),
    (Some(Verdict::NeverReads), never_reads::judge),
    (Some(Verdict::PeerNotClosing), peer_not_closing::judge),
];

/// What all rules together say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// This is wrong. At the moment that is given a more particular verdict may hold.
    Wrong(Verdict, Proof, Option<Timestamp>),
    /// Nothing is wrong before that moment.
    Wait(Timestamp),
    /// Nothing is wrong, whatever was said before; at that moment it may be.
    Excused(Timestamp),
    /// The look tells too little.
    Silence,
}

/// Whether it is worth remembering between two looks although it is not half-closed.
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
        TcpState::Established | TcpState::FinWait1 => {
            never_reads::is_shut(view) || dead_peer::is_unanswered(view)
        }
        TcpState::Listen
        | TcpState::SynSent
        | TcpState::SynReceived
        | TcpState::CloseWait
        | TcpState::LastAck
        | TcpState::Closing
        | TcpState::TimeWait => false,
    }
}

/// Judges one connection: the first verdict that holds, or the first moment at which one may.
pub(crate) fn judge(case: &Case<'_>) -> Judgement {
    let mut wait: Option<Timestamp> = None;
    for &(verdict, rule) in RULES {
        let opinion = rule(case);
        let alone = matches!(opinion, Opinion::NothingElse(_));
        match (opinion, verdict) {
            (Opinion::Holds(proof), Some(verdict)) => {
                return Judgement::Wrong(verdict, proof, wait);
            }
            (Opinion::Excused(until), _) => {
                return Judgement::Excused(wait.map_or(until, |known| known.min(until)));
            }
            (Opinion::NotYet(at) | Opinion::NothingElse(at), _) => {
                wait = Some(wait.map_or(at, |known| known.min(at)));
            }
            (Opinion::No | Opinion::Holds(_), _) => {}
        }
        if alone {
            break;
        }
    }
    wait.map_or(Judgement::Silence, Judgement::Wait)
}
