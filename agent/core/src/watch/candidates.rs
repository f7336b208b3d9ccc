//! What the table of half-closed connections says: whom to look at, and when.

use rustc_hash::FxHashMap;

use crate::model::look::{Candidate, Snapshot, SocketView};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::settings::rules::Rules;
use crate::verdict;

/// So many looks in a row that do not find a place's socket make the place stale.
const LOOKS: u8 = 2;

/// The latest scan, and what looks made of it.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Those that nobody watches yet.
    waiting: Vec<Candidate>,
    /// Those that no look has found: not a reason for another look.
    missing: FxHashMap<u64, Missing>,
    /// When to scan again.
    scan_due: Timestamp,
    /// When the first of those that wait is worth a look.
    due: Option<Timestamp>,
    /// When something that no place shows is worth one.
    hurried: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    fin_at: Timestamp,
    looks: u8,
}

impl Candidates {
    /// When to scan next.
    pub(super) const fn scan_due(&self) -> Timestamp {
        self.scan_due
    }

    /// The scan was asked for.
    pub(super) fn scanning(&mut self, now: Timestamp, rules: &Rules) {
        self.scan_due = now + rules.scan_table_every();
    }

    /// When a candidate wants to be looked at.
    pub(super) fn due(&self) -> Option<Timestamp> {
        [self.due, self.hurried].into_iter().flatten().min()
    }

    /// Something that no place shows wants to be looked at.
    pub(super) fn hurry(&mut self, at: Timestamp) {
        self.hurried = Some(self.hurried.map_or(at, |due| due.min(at)));
    }

    /// Other rules: a scan and a look are due.
    pub(super) fn begin_anew(&mut self, now: Timestamp) {
        self.scan_due = self.scan_due.min(now);
        self.hurry(now);
    }

    /// A scan; `watched` knows those that have a deadline of their own.
    pub(super) fn scanned(
        &mut self,
        found: &[Candidate],
        rules: &Rules,
        watched: impl Fn(&Candidate) -> bool,
    ) {
        self.waiting.clear();
        self.waiting
            .extend(found.iter().filter(|found| !watched(found)));
        let missing = std::mem::take(&mut self.missing);
        for candidate in &self.waiting {
            if let Some(known) = missing.get(&candidate.sock)
                && known.fin_at == candidate.fin_at
            {
                self.missing.insert(candidate.sock, *known);
            }
        }
        self.settle(rules);
    }

    /// A look: those that it found are watched now. Returns the places that are stale.
    pub(super) fn looked(&mut self, snapshot: &Snapshot, rules: &Rules) -> Vec<Candidate> {
        self.hurried = self.hurried.filter(|wanted| snapshot.taken < *wanted);
        let mut stale = Vec::new();
        let missing = &mut self.missing;
        self.waiting.retain(|candidate| {
            // The FIN came while the look was under way, or after it.
            if candidate.fin_at >= snapshot.taken {
                return true;
            }
            let found = snapshot.find(candidate.sock);
            if found.is_some() {
                missing.remove(&candidate.sock);
            }
            let is_stale = match found {
                None => missed(missing, candidate),
                Some(view) => !is_kept(view),
            };
            if is_stale {
                stale.push(*candidate);
            }
            found.is_none() && !is_stale
        });
        self.settle(rules);
        stale
    }

    /// Those that no look has found do not ask for one.
    fn settle(&mut self, rules: &Rules) {
        let unseen = self
            .waiting
            .iter()
            .filter(|candidate| !self.missing.contains_key(&candidate.sock));
        self.due = unseen
            .map(|candidate| rules.first_look_at(candidate.fin_at))
            .min();
    }
}

/// Whether its place still tells anything. In ESTABLISHED the FIN is being taken just now; who holds a connection that
/// was reset is told of the end from the same place.
fn is_kept(view: &SocketView) -> bool {
    matches!(view.state, TcpState::CloseWait | TcpState::Established)
        || verdict::is_suspicious(view)
}

/// A look did not find the socket. Whether that has happened so often that its place is stale.
fn missed(missing: &mut FxHashMap<u64, Missing>, candidate: &Candidate) -> bool {
    let entry = missing.entry(candidate.sock).or_insert(Missing {
        fin_at: candidate.fin_at,
        looks: 0,
    });
    entry.looks += 1;
    let is_stale = entry.looks >= LOOKS;
    if is_stale {
        missing.remove(&candidate.sock);
    }
    is_stale
}
