//! Processes whose number of half-closed connections keeps rising.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use super::model::finding::{Evidence, Finding, Resolution, Verdict};
use super::model::observation::{Snapshot, SocketView};
use super::model::socket::{Attribution, Endpoints, Owner, Process, ProcessId, Role};
use super::model::state::TcpState;
use super::model::time::Timestamp;
use super::process_finding::Accusation;
use super::settings::exception::Subject;
use super::tracker::Tracker;
use super::verdict::{Grade, wording};

/// So many windows in a row, each ending with more than it began with.
const WINDOWS: usize = 5;

/// The processes.
#[derive(Debug, Default)]
pub(super) struct Growth {
    processes: BTreeMap<ProcessId, Crowd>,
    sampled: Timestamp,
}

/// The half-closed connections of one process.
#[derive(Debug)]
struct Crowd {
    process: Arc<Process>,
    /// How many there were at the ends of the latest windows.
    counts: VecDeque<(Timestamp, u32)>,
    finding: Option<Arc<Finding>>,
}

/// What one look found of a process.
#[derive(Debug)]
struct Found {
    process: Arc<Process>,
    count: u32,
    peers: BTreeMap<SocketAddr, u32>,
    ports: BTreeMap<u16, u32>,
}

impl Tracker {
    /// Open findings about processes.
    pub(super) fn crowds(&self) -> impl Iterator<Item = Arc<Finding>> {
        let crowds = self.growth.processes.values();
        crowds.filter_map(|crowd| crowd.finding.clone())
    }

    /// Counts, once in the shortest window that is set for any process.
    pub(super) fn count_half_closed(&mut self, snapshot: &Snapshot) {
        let taken = snapshot.taken;
        let window = self.settings.shortest(Verdict::CloseWaitGrowth);
        if taken < self.growth.sampled + window {
            return;
        }
        self.growth.sampled = taken;
        let mut found = census(snapshot);
        for id in found.keys() {
            let process = &found[id].process;
            self.growth
                .processes
                .entry(*id)
                .or_insert_with(|| Crowd::new(Arc::clone(process)));
        }
        let known: Vec<ProcessId> = self.growth.processes.keys().copied().collect();
        for id in known {
            self.judge_crowd(id, found.remove(&id), taken);
        }
    }

    fn judge_crowd(&mut self, id: ProcessId, found: Option<Found>, taken: Timestamp) {
        let Some(crowd) = self.growth.processes.get_mut(&id) else {
            return;
        };
        let subject = Subject::of_process(&crowd.process);
        let set = self
            .settings
            .verdict_about(Verdict::CloseWaitGrowth, subject);
        let last = crowd.counts.back().map(|(sampled, _)| *sampled);
        if last.is_some_and(|last| taken < last + set.after) {
            return;
        }
        crowd.push(taken, found.as_ref().map_or(0, |found| found.count));
        let rising = crowd.is_rising();
        match (found, &crowd.finding) {
            (Some(found), None) if rising => self.open_crowd(id, &found, taken),
            (found, Some(_)) if !rising => {
                let why = if found.is_some() {
                    Resolution::Resumed
                } else {
                    Resolution::ClosedByApp
                };
                self.resolve_crowd(id, taken, why);
            }
            (Some(_) | None, Some(_) | None) => {}
        }
        self.growth
            .processes
            .retain(|_, crowd| crowd.counts.back().is_none_or(|(_, count)| *count > 0));
    }

    fn open_crowd(&mut self, id: ProcessId, found: &Found, taken: Timestamp) {
        let Some(crowd) = self.growth.processes.get_mut(&id) else {
            return;
        };
        let subject = Subject::of_process(&crowd.process);
        let set = self
            .settings
            .verdict_about(Verdict::CloseWaitGrowth, subject);
        let evidence = Evidence {
            close_wait: Some(found.count),
            close_wait_per_minute: Some(crowd.per_minute()),
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
            summary: wording::growth(&crowd.process, &evidence),
            evidence,
            time: taken,
        };
        let owner = crowd.owner(taken);
        let finding = self.accuse_process(&owner, None, accusation);
        if let Some(crowd) = self.growth.processes.get_mut(&id) {
            crowd.finding = Some(finding);
        }
    }

    fn resolve_crowd(&mut self, id: ProcessId, taken: Timestamp, why: Resolution) {
        let crowd = self.growth.processes.get_mut(&id);
        let Some((crowd, finding)) = crowd.and_then(|c| c.finding.take().map(|f| (c, f))) else {
            return;
        };
        let owner = crowd.owner(taken);
        self.acquit_process(owner, finding, taken, why);
    }
}

impl Crowd {
    const fn new(process: Arc<Process>) -> Self {
        Self {
            process,
            counts: VecDeque::new(),
            finding: None,
        }
    }

    fn push(&mut self, taken: Timestamp, count: u32) {
        self.counts.push_back((taken, count));
        if self.counts.len() > WINDOWS + 1 {
            self.counts.pop_front();
        }
    }

    fn is_rising(&self) -> bool {
        let counts = self.counts.iter().map(|(_, count)| count);
        self.counts.len() > WINDOWS && counts.is_sorted_by(|a, b| a < b)
    }

    /// How many more there are every minute.
    fn per_minute(&self) -> u32 {
        let (Some(first), Some(last)) = (self.counts.front(), self.counts.back()) else {
            return 0;
        };
        let passed = last.0.since(first.0).as_millis().max(1);
        let more = u128::from(last.1.saturating_sub(first.1));
        u32::try_from(more * 60_000 / passed).unwrap_or(u32::MAX)
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
fn census(snapshot: &Snapshot) -> BTreeMap<ProcessId, Found> {
    let mut all = BTreeMap::new();
    let half_closed = |view: &&SocketView| view.state == TcpState::CloseWait;
    for view in snapshot.sockets.iter().filter(half_closed) {
        let Some(first) = view.holders.iter().min_by_key(|h| (h.process.id, h.fd)) else {
            continue;
        };
        let found = all.entry(first.process.id).or_insert_with(|| Found {
            process: Arc::clone(&first.process),
            count: 0,
            peers: BTreeMap::new(),
            ports: BTreeMap::new(),
        });
        found.count += 1;
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
