//! An incident as it is told.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::entry::Entry;
use super::level::Share;
use super::wording;
use crate::model::finding::{Action, Severity};
use crate::model::incident::{Incident, IncidentId, SeverityChange};
use crate::model::socket::Process;
use crate::model::time::Timestamp;

/// Peers that are shown.
const PEERS: usize = 5;
/// Processes that are shown.
const PROCESSES: usize = 16;
/// Findings whose ids are shown.
const FINDINGS: usize = 100;

/// What an entry is told with, beyond itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) action: Action,
    pub(super) share: Option<Share>,
    pub(super) caused_by: Option<IncidentId>,
    /// The severity of that one, which this one does not exceed.
    pub(super) at_most: Severity,
    /// Now, in watched time.
    pub(super) watched: Timestamp,
}

/// All that there is to say of an entry.
pub(super) fn incident(entry: &Entry, context: Context) -> Incident {
    let (severity, reason) = entry.level;
    let severity = severity.min(context.at_most);
    let listed = || entry.list.iter();
    let verdicts = sorted(entry.verdicts.clone());
    let processes = processes(entry);
    let main = verdicts.first().map(|(verdict, _)| *verdict);
    let window = entry.settings.trend_window;
    let mut incident = Incident {
        id: entry.id,
        action: context.action,
        severity,
        reason: reason.filter(|_| severity > Severity::Info),
        severity_change: change(entry.severity(), severity)
            .filter(|_| context.action != Action::Resolved),
        cause: entry.cause.clone(),
        opened: entry.opened,
        connections: entry.connections,
        total: entry.total,
        waits: sorted(count(listed().filter_map(|listed| listed.waiting))),
        oldest: listed().map(|listed| listed.since).min(),
        rising: entry.trend.is_rising(),
        rate: entry.trend.rate(window, context.watched),
        process_count: u32::try_from(processes.len()).unwrap_or(u32::MAX),
        processes: processes.into_iter().take(PROCESSES).collect(),
        peers: most_common(listed().filter_map(|listed| listed.peer)),
        relays_for: most_common(listed().filter_map(|listed| listed.relays_for)),
        descriptors: context.share.map(|share| share.usage),
        queue: entry.queues.usage(context.watched),
        lost_requests: entry.lost.total,
        caused_by: context.caused_by,
        summary: String::new(),
        hint: wording::hint(main, entry, context.share),
        findings: entry.list.ids().take(FINDINGS).collect(),
        verdicts,
    };
    incident.summary = wording::summary(&incident);
    incident
}

/// Whether two say the same but for what always moves, and for what has just become of the severity.
pub(super) fn is_same(one: &Incident, other: &Incident) -> bool {
    let used = |incident: &Incident| {
        let descriptors = incident.descriptors;
        descriptors.map(|used| (used.process, used.descriptors))
    };
    let queue = |incident: &Incident| incident.queue.map(|queue| (queue.waiting, queue.limit));
    (one.severity, one.reason, one.connections, one.total)
        == (other.severity, other.reason, other.connections, other.total)
        && one.verdicts == other.verdicts
        && one.rising == other.rising
        && one.lost_requests == other.lost_requests
        && one.caused_by == other.caused_by
        && used(one) == used(other)
        && queue(one) == queue(other)
}

fn count<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u32> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// The most common first.
fn sorted<K: Ord>(counts: BTreeMap<K, u32>) -> Vec<(K, u32)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

fn processes(entry: &Entry) -> Vec<(Arc<Process>, u32)> {
    let all = entry.processes.values().filter(|(_, count)| *count > 0);
    let mut all: Vec<_> = all.cloned().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all
}

fn most_common(peers: impl Iterator<Item = SocketAddr>) -> Vec<(SocketAddr, u32)> {
    let mut peers = sorted(count(peers));
    peers.truncate(PEERS);
    peers
}

fn change(before: Severity, now: Severity) -> Option<SeverityChange> {
    match now.cmp(&before) {
        Ordering::Greater => Some(SeverityChange::Raised),
        Ordering::Less => Some(SeverityChange::Lowered),
        Ordering::Equal => None,
    }
}
