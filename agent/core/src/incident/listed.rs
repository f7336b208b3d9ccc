//! The connections of an incident that are listed; more are only counted.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::charge::Charge;
use crate::model::finding::{Finding, Verdict};
use crate::model::socket::ProcessId;
use crate::model::time::Timestamp;
use crate::model::waiting::WaitState;

/// How many are listed.
pub(super) const MOST: usize = 1_000;

/// Connections by the id of their finding.
#[derive(Debug, Default)]
pub(super) struct List {
    all: BTreeMap<u64, Listed>,
}

/// A connection that is listed.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) peer: Option<SocketAddr>,
    /// The peer of the connection for which it carries on.
    pub(super) relays_for: Option<SocketAddr>,
    pub(super) since: Timestamp,
    pub(super) waiting: Option<WaitState>,
    /// The process at the other end, if what is wrong may be its fault.
    pub(super) peer_process: Option<ProcessId>,
    /// The finding that it follows from.
    pub(super) caused_by: Option<u64>,
}

impl List {
    /// A finding as it was told.
    pub(super) fn take(&mut self, charge: &Charge) {
        let finding = &charge.finding;
        let may_follow = matches!(finding.verdict, Verdict::PeerNotClosing | Verdict::DeadPeer);
        let connection = charge.connection.as_ref();
        let peer = connection.and_then(|connection| connection.peer_owner.as_ref());
        let listed = Listed {
            peer: charge.peer(),
            relays_for: charge.relays_for(),
            since: charge.since(),
            peer_process: peer.filter(|_| may_follow).map(|owner| owner.process.id),
            ..alone(finding)
        };
        if self.all.len() < MOST || self.all.contains_key(&finding.id) {
            self.all.insert(finding.id, listed);
        }
    }

    /// A finding of the incident that was only counted until now.
    pub(super) fn take_counted(&mut self, finding: &Finding) {
        if self.all.len() < MOST {
            self.all.entry(finding.id).or_insert_with(|| alone(finding));
        }
    }

    pub(super) fn remove(&mut self, finding: u64) {
        self.all.remove(&finding);
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Listed> {
        self.all.values()
    }

    /// Their ids, the oldest first.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.all.keys().copied()
    }
}

/// What a finding says without its connection.
fn alone(finding: &Finding) -> Listed {
    Listed {
        peer: None,
        relays_for: None,
        since: finding.half_closed_since.unwrap_or(finding.opened),
        waiting: finding.evidence.waiting.map(|waiting| waiting.state),
        peer_process: None,
        caused_by: finding.evidence.caused_by,
    }
}
