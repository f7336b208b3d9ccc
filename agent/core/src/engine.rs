//! The front door: what goes in, what comes out, when to call again. It hands on and decides nothing.

use std::sync::Arc;

use crate::looks::Looks;
use crate::model::event::Output;
use crate::model::finding::Finding;
use crate::model::observation::{Candidate, LocalPorts, Observation, Snapshot};
use crate::model::socket::ProcessId;
use crate::model::time::Timestamp;
use crate::outbox::Outbox;
use crate::settings::Settings;
use crate::settings::rules::Rules;
use crate::watch::Watch;
use crate::watch::names::Nobody;

/// Both engines. Sans-IO: the caller
/// - carries out every [`Output`] and hands back the answer,
/// - hands over records with [`Engine::handle`], in the order in which they come out of the ring,
/// - calls [`Engine::handle_timeout`] when [`Engine::poll_timeout`] has come.
#[derive(Debug)]
pub struct Engine {
    rules: Rules,
    watch: Watch,
    looks: Looks,
    out: Outbox,
}

/// What the engines count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections that are being watched.
    pub watched: u64,
    /// Open findings.
    pub findings: u64,
}

impl Engine {
    /// Nothing is known yet; the first thing it wants is a look.
    pub fn new(settings: Settings) -> Self {
        Self {
            rules: Rules::new(settings),
            watch: Watch::default(),
            looks: Looks::default(),
            out: Outbox::default(),
        }
    }

    /// One record.
    pub fn handle(&mut self, observation: &Observation) {
        self.watch
            .handle(observation, &Nobody, &self.rules, &mut self.out);
    }

    /// The answer to [`Output::Scan`].
    pub fn handle_scan(&mut self, found: &[Candidate]) {
        self.watch.handle_scan(found, &self.rules);
    }

    /// The answer to [`Output::Look`].
    pub fn handle_look(&mut self, snapshot: &Snapshot, now: Timestamp) {
        self.looks.come(snapshot.taken, snapshot.took, now);
        self.watch
            .handle_look(snapshot, &Nobody, &self.rules, now, &mut self.out);
    }

    /// What was asked for could not be done.
    pub fn handle_failure(&mut self, now: Timestamp) {
        self.looks.fail(now);
    }

    /// The answer to [`Output::LookAtPorts`].
    pub fn handle_ports(&mut self, ports: &[LocalPorts], ended: &[ProcessId], now: Timestamp) {
        self.watch
            .handle_ports(ports, ended, &self.rules, now, &mut self.out);
    }

    /// Something that [`Engine::poll_timeout`] announced is due.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.watch.handle_timeout(&self.rules, now, &mut self.out);
        if self.look_when().is_some_and(|when| when <= now) {
            self.ask_for_look(now);
        }
    }

    fn ask_for_look(&mut self, now: Timestamp) {
        let unheld = self.watch.unheld_due(&self.rules);
        let unheld = unheld.is_some_and(|due| due <= now);
        if unheld {
            self.watch.looking_at_unheld(now);
        }
        self.looks.ask(now);
        self.out.put(Output::Look { unheld });
    }

    /// When to call [`Engine::handle_timeout`].
    pub fn poll_timeout(&self) -> Timestamp {
        let scan = self.watch.scan_due();
        self.look_when().map_or(scan, |look| scan.min(look))
    }

    /// When to ask for the next look.
    fn look_when(&self) -> Option<Timestamp> {
        let due = self.look_due()?;
        Some(self.looks.when(due))
    }

    /// When anybody wants a look; at first everything does.
    fn look_due(&self) -> Option<Timestamp> {
        if !self.looks.have_begun() {
            return Some(Timestamp::default());
        }
        let regular = self
            .rules
            .scan_pause()
            .map(|pause| self.looks.latest() + pause);
        let all = [
            regular,
            self.watch.look_due(&self.rules),
            self.watch.unheld_due(&self.rules),
        ];
        all.into_iter().flatten().min()
    }

    /// The next thing to do or to tell, in order.
    pub fn next_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    /// Every open finding, sorted by id.
    pub fn findings(&self) -> Vec<Arc<Finding>> {
        let mut findings: Vec<_> = self.watch.findings().collect();
        findings.sort_unstable_by_key(|finding| finding.id);
        findings
    }

    /// Counts.
    pub fn stats(&self) -> Stats {
        Stats {
            watched: self.watch.len() as u64,
            findings: self.watch.open(),
        }
    }
}
