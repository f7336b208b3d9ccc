//! Processes whose half-closed connections become more and more.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::book::Book;
use super::process_finding::{Accusation, accuse, acquit};
use super::trend::Trend;
use crate::effort;
use crate::model::finding::{Evidence, Finding, Resolution, Verdict};
use crate::model::look::SocketView;
use crate::model::socket::{Attribution, Endpoints, Owner, Process, ProcessId, Role};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::settings::exception::Subject;
use crate::settings::verdict::VerdictSettings;
use crate::verdict::case::Grade;
use crate::verdict::wording;

/// The processes that have half-closed connections.
#[derive(Debug, Default)]
pub(super) struct Growth {
    processes: BTreeMap<ProcessId, Crowd>,
}

/// The half-closed connections of one process.
#[derive(Debug)]
struct Crowd {
    process: Arc<Process>,
    trend: Trend,
    finding: Option<Arc<Finding>>,
    /// When the open finding was last told, and with how many connections.
    told: (Timestamp, u32),
}

/// What one look found of a process.
#[derive(Debug)]
struct Found {
    process: Arc<Process>,
    connections: Vec<(u64, Timestamp)>,
    peers: BTreeMap<SocketAddr, u32>,
    ports: BTreeMap<u16, u32>,
}

impl Growth {
    /// Open findings.
    pub(super) fn findings(&self) -> impl Iterator<Item = Arc<Finding>> {
        let crowds = self.processes.values();
        crowds.filter_map(|crowd| crowd.finding.clone())
    }

    /// Counts what a look found.
    pub(super) fn count(&mut self, views: &[&SocketView], taken: Timestamp, book: &mut Book<'_>) {
        let found = census(views, taken, book);
        for (id, found) in &found {
            self.processes
                .entry(*id)
                .or_insert_with(|| Crowd::new(Arc::clone(&found.process)));
        }
        for (id, crowd) in &mut self.processes {
            effort::step();
            crowd.judge(found.get(id), taken, book);
        }
        self.processes.retain(|id, crowd| {
            effort::step();
            found.contains_key(id) || crowd.finding.is_some()
        });
    }
}

impl Crowd {
    fn new(process: Arc<Process>) -> Self {
        Self {
            process,
            trend: Trend::default(),
            finding: None,
            told: (Timestamp::default(), 0),
        }
    }

    fn judge(&mut self, found: Option<&Found>, taken: Timestamp, book: &mut Book<'_>) {
        let subject = Subject::of_process(&self.process);
        let set = book
            .rules
            .settings
            .verdict_about(Verdict::CloseWaitGrowth, subject);
        let connections = found.map(|found| found.connections.iter().copied());
        self.trend
            .look(connections.into_iter().flatten(), set.after, taken);
        match found {
            Some(found) if self.trend.is_rising() => self.accuse(found, set, taken, book),
            Some(_) => self.acquit(taken, Resolution::Resumed, book),
            // All at once: it has closed them, or has ended.
            None => self.acquit(taken, Resolution::ClosedByApp, book),
        }
    }

    /// Its numbers are those of this look; they are told once in a window.
    fn accuse(
        &mut self,
        found: &Found,
        set: VerdictSettings,
        taken: Timestamp,
        book: &mut Book<'_>,
    ) {
        let count = self.trend.count();
        let (told, known) = self.told;
        let news = self.finding.is_none() || (count != known && taken >= told + set.after);
        let evidence = Evidence {
            close_wait: Some(count),
            close_wait_per_minute: Some(self.trend.per_minute(set.after)),
            most_common_peer: most(&found.peers),
            most_common_port: most(&found.ports),
            observed: Some(taken),
            threshold: set.after,
            ..Evidence::default()
        };
        let accusation = Accusation {
            verdict: Verdict::CloseWaitGrowth,
            severity: set.severity,
            grade: Grade::Normal,
            summary: wording::growth(&self.process, &evidence),
            evidence,
            time: taken,
            news,
        };
        let owner = self.owner(taken);
        self.finding = Some(accuse(book, &owner, self.finding.as_ref(), accusation));
        if news {
            self.told = (taken, count);
        }
    }

    fn acquit(&mut self, taken: Timestamp, why: Resolution, book: &mut Book<'_>) {
        if let Some(finding) = self.finding.take() {
            acquit(book, self.owner(taken), finding, taken, why);
        }
    }

    fn owner(&self, taken: Timestamp) -> Owner {
        Owner {
            process: Arc::clone(&self.process),
            thread: None,
            attribution: Attribution::Holder,
            since: taken,
        }
    }
}

/// The half-closed connections of every process, each counted with its first holder.
fn census(views: &[&SocketView], taken: Timestamp, book: &Book<'_>) -> BTreeMap<ProcessId, Found> {
    let mut all = BTreeMap::new();
    let half_closed = |view: &&&SocketView| view.state == TcpState::CloseWait;
    for view in views.iter().filter(half_closed) {
        effort::step();
        let Some(first) = view.holders.iter().min_by_key(|h| (h.process.id, h.fd)) else {
            continue;
        };
        let fin = book.table.get(view.sock).and_then(|w| w.connection.fin);
        let found = all.entry(first.process.id).or_insert_with(|| Found {
            process: Arc::clone(&first.process),
            connections: Vec::new(),
            peers: BTreeMap::new(),
            ports: BTreeMap::new(),
        });
        let since = fin.map_or(taken, |fin| fin.since);
        found.connections.push((view.sock, since));
        // A client's own port is another one each time, and so is the peer's of a server.
        let Endpoints { local, peer, .. } = view.endpoints;
        if view.role == Role::Client {
            *found.peers.entry(peer).or_default() += 1;
        } else {
            let host = SocketAddr::new(peer.ip(), 0);
            *found.peers.entry(host).or_default() += 1;
            *found.ports.entry(local.port()).or_default() += 1;
        }
    }
    all
}

fn most<K: Copy + Ord>(counts: &BTreeMap<K, u32>) -> Option<K> {
    let most = counts.iter().max_by_key(|(_, count)| **count)?;
    Some(*most.0)
}
