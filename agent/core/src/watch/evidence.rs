//! What a finding shows as its proof, and whom it names.

use std::sync::Arc;

use crate::connection::{Connection, Fin, written_since};
use crate::model::finding::{Confidence, Evidence, Verdict};
use crate::model::look::{Snapshot, SocketView};
use crate::model::socket::{Attribution, Holder, Owner, Process};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::verdict::case::Grade;
use crate::verdict::dead_open::{self, End};
use crate::verdict::wording::Around;

use super::watched::Watched;

/// What a verdict says of a connection.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) verdict: Verdict,
    pub(super) grade: Grade,
    /// When the proof was complete.
    pub(super) time: Timestamp,
    /// State of the connection then.
    pub(super) state: TcpState,
    pub(super) fin: Option<Fin>,
    pub(super) holders: Vec<Holder>,
    /// The process that should have accepted it.
    pub(super) acceptor: Option<Arc<Process>>,
    pub(super) evidence: Evidence,
    pub(super) around: Around,
}

/// How sure one can be with what is missing.
pub(super) const fn confidence(evidence: &Evidence) -> Confidence {
    if evidence.missing.is_empty() {
        Confidence::Proven
    } else {
        Confidence::Likely
    }
}

/// Who can end it: the holders, or the listener's if nobody has accepted it. Sorted, each once.
pub(super) fn holders(view: &SocketView) -> Vec<Holder> {
    let mut holders = match &view.queued {
        Some(queued) => queued.listeners.clone(),
        None => view.holders.clone(),
    };
    holders.sort_unstable_by_key(|holder| (holder.process.id, holder.fd));
    holders.dedup_by_key(|holder| (holder.process.id, holder.fd));
    holders
}

/// The process a finding names: one that holds the socket, preferably its opener.
pub(super) fn named(connection: &Connection, charge: &Charge) -> Option<Owner> {
    let holders = &charge.holders;
    let owner = |process: &Arc<Process>, attribution| Owner {
        process: Arc::clone(process),
        thread: None,
        attribution,
        since: charge.time,
    };
    if charge.verdict == Verdict::NeverAccepted {
        let acceptor = charge.acceptor.as_ref();
        return acceptor.map(|process| owner(process, Attribution::Listener));
    }
    let first = Holder::first(holders)?;
    let by = |attribution| owner(&first.process, attribution);
    let Some(known) = &connection.owner else {
        return Some(by(Attribution::Holder));
    };
    if holders.iter().any(|h| h.process.id == known.process.id) {
        return Some(known.clone());
    }
    Some(by(if charge.verdict == Verdict::Inherited {
        Attribution::Inherited
    } else {
        Attribution::Holder
    }))
}

/// Everything that one look shows.
pub(super) fn evidence(
    watched: &Watched,
    view: &SocketView,
    snapshot: &Snapshot,
    missing: Vec<&'static str>,
) -> Evidence {
    let counters = view.counters;
    let listener = view.queued.as_ref().and_then(|queued| queued.listener);
    let progress = &watched.progress;
    let half_closed = watched.connection.fin.is_some();
    let ended = half_closed || view.state == TcpState::Closed;
    Evidence {
        state: Some(view.state),
        unread_bytes: counters.map(|c| c.unread),
        unacked_bytes: counters.map(|c| c.unacked),
        sent_since_fin_bytes: written_since(view).map(u64::from),
        fin_behind_hole: view.fin_behind_hole,
        still_since: progress.still_since.filter(|_| !half_closed),
        error: counters.map(|c| c.error).filter(|&error| error != 0),
        window_bytes: counters.and_then(|c| c.window),
        retransmits: counters.map(|c| c.retransmits).filter(|&n| n > 0),
        backoff: counters.map(|c| c.backoff).filter(|&n| n > 0),
        probes: counters.map(|c| c.probes).filter(|&n| n > 0),
        accepted: Some(view.queued.is_none()),
        accept_queue: listener.and_then(|listener| backlog(snapshot, listener)),
        waiting: view.waiting,
        halted: view.halted,
        error_delivered: view.state == TcpState::Closed
            && dead_open::end(progress, view) == End::Told,
        peer: ended.then_some(watched.left),
        observed: Some(snapshot.taken),
        missing,
        ..known(&watched.connection)
    }
}

/// What is known without a look.
pub(super) fn known(connection: &Connection) -> Evidence {
    let delivery = connection.delivery;
    let written = connection.written;
    Evidence {
        written: connection.sent_at,
        written_bytes: (written > 0).then_some(u64::from(written)),
        eof_delivered: delivery.at,
        eof_deliveries: delivery.at.map(|_| delivery.count),
        eof_process: delivery.by,
        ..Evidence::default()
    }
}

/// How many connections wait in this listener's accept queue.
fn backlog(snapshot: &Snapshot, listener: u64) -> Option<u32> {
    let counters = snapshot.find(listener)?.counters?;
    Some(counters.backlog)
}
