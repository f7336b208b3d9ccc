//! What every part of the watch may write: the table, the findings' numbers, what is told.

use std::sync::Arc;

use super::watched::{Table, Watched};
use crate::model::event::{Body, Connection as Shown, Output};
use crate::model::finding::Finding;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::outbox::Outbox;
use crate::settings::rules::Rules;

/// Numbers of findings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    /// The last one given.
    pub(super) last: u64,
    /// How many are open.
    pub(super) open: u64,
    /// Requests that were lost without a finding.
    pub(super) lost_requests: u64,
}

impl Numbers {
    /// A number for a new finding.
    pub(super) const fn open(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.open += 1;
        self.last
    }
}

/// The watch's state, lent to its parts.
pub(super) struct Book<'a> {
    pub(super) rules: &'a Rules,
    pub(super) table: &'a mut Table,
    pub(super) numbers: &'a mut Numbers,
    pub(super) out: &'a mut Outbox,
}

impl Book<'_> {
    /// Tells a finding as it is now.
    pub(super) fn tell(
        &mut self,
        sock: u64,
        time: Timestamp,
        state: TcpState,
        finding: Arc<Finding>,
    ) {
        if let Some(watched) = self.table.get(sock) {
            let connection = shown(watched, state);
            self.out.tell(
                time,
                Body::Finding {
                    connection,
                    finding,
                },
            );
        }
    }

    /// The next look at it counts as the first one after something was learnt.
    pub(super) fn look_at(&mut self, sock: u64, at: Timestamp) {
        if let Some(watched) = self.table.get_mut(sock) {
            watched.in_vain = 0;
        }
        self.table.arm(sock, at);
    }

    /// No longer watched.
    pub(super) fn forget(&mut self, sock: u64) {
        if let Some(watched) = self.table.remove(sock)
            && watched.finding.is_some()
        {
            self.out.put(Output::Unmark(sock));
        }
    }
}

/// As a finding's event shows it.
pub(super) fn shown(watched: &Watched, state: TcpState) -> Shown {
    let connection = &watched.connection;
    Shown {
        key: connection.key,
        endpoints: connection.endpoints,
        role: connection.role,
        state,
        owner: watched.named.clone(),
        peer_owner: watched.peer.as_ref().and_then(|peer| peer.owner.clone()),
        peer_state: watched.peer.as_ref().map(|peer| peer.state),
        inode: connection.inode,
        cookie: connection.cookie,
    }
}
