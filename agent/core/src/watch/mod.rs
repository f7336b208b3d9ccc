//! The watch: findings, from looks alone. It is always on and costs a healthy connection nothing.
//!
//! The table of what is half-closed now names candidates; a look at everything shows them, and what no FIN announces.
//! Records of connections that have a finding make it end sooner, no more.

mod book;
mod candidates;
mod chain;
mod configure;
mod deadlines;
mod departure;
mod descriptors;
mod evidence;
mod facing;
mod finding;
pub(crate) mod kept;
mod listeners;
mod look;
mod lost_request;
mod minisocks;
pub(crate) mod names;
mod pairs;
mod peer;
mod pressure;
mod process_finding;
mod record;
mod relays;
mod restore;
mod watched;

use std::sync::Arc;

use self::book::{Book, Numbers};
use self::candidates::Candidates;
use self::descriptors::Counted;
use self::listeners::Acceptors;
use self::look::Look;
use self::names::Names;
use self::pairs::Pairs;
use self::peer::Peers;
use self::pressure::Pressure;
use self::relays::Relays;
use self::watched::Table;
use crate::connection::clock::WatchedTime;
use crate::connection::sleep::Sleeps;
use crate::model::event::Output;
use crate::model::finding::Finding;
use crate::model::look::{Candidate, LocalPorts, Snapshot, SocketView};
use crate::model::observation::{Observation, What};
use crate::model::process::ProcessView;
use crate::model::socket::{Endpoints, ProcessId, SocketKey};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;
use crate::settings::rules::Rules;
use crate::verdict::pool::Pools;

/// Engine 1.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    table: Table,
    candidates: Candidates,
    numbers: Numbers,
    clock: WatchedTime,
    sleeps: Sleeps,
    pairs: Pairs,
    acceptors: Acceptors,
    counted: Counted,
    /// When the latest look began.
    looked: Timestamp,
    pressure: Pressure,
    /// Those with a finding of an earlier run that no look has shown yet.
    unproven: Vec<watched::Watched>,
}

impl Watch {
    /// One record; `names` is what the other engine calls its connection.
    pub(crate) fn handle(
        &mut self,
        observation: &Observation,
        names: &dyn Names,
        rules: &Rules,
        out: &mut Outbox,
    ) {
        if let What::ResetQueued { .. } = observation.what {
            self.candidates.hurry(rules.first_look_at(observation.time));
            return;
        }
        if let What::ResetWrite(reset) = &observation.what {
            let key = self.key_of(observation, reset.endpoints, names);
            let mut book = book(&mut self.table, &mut self.numbers, rules, out);
            return lost_request::recorded(&mut book, key, observation.time, reset);
        }
        let mut book = book(&mut self.table, &mut self.numbers, rules, out);
        record::handle(&mut book, observation);
    }

    fn key_of(
        &self,
        observation: &Observation,
        endpoints: Endpoints,
        names: &dyn Names,
    ) -> SocketKey {
        let sock = observation.sock;
        self.key(sock, endpoints)
            .or_else(|| names.known(sock, endpoints).map(|known| known.key))
            .unwrap_or(SocketKey {
                sock,
                birth: observation.time,
            })
    }

    /// The table of what is half-closed now.
    pub(crate) fn handle_scan(&mut self, found: &[Candidate], rules: &Rules) {
        let table = &self.table;
        self.candidates.scanned(found, rules, |candidate| {
            table.get(candidate.sock).is_some_and(|watched| {
                let fin = watched.connection.fin;
                fin.is_none_or(|fin| fin.since >= candidate.fin_at)
            })
        });
    }

    /// A look at everything.
    pub(crate) fn handle_look(
        &mut self,
        snapshot: &Snapshot,
        names: &dyn Names,
        rules: &Rules,
        now: Timestamp,
        out: &mut Outbox,
    ) {
        self.clock.tick(now);
        let resumed = self.resume(snapshot, rules, out);
        let stale = self.candidates.looked(snapshot, rules);
        for place in stale {
            out.put(Output::Clear(place));
        }
        let views = self.worth_a_look(snapshot);
        let pools = Pools::find(&views, |view| self.table.role(view));
        let peers = Peers::find(snapshot, &views);
        self.pairs.look(snapshot);
        self.sleeps.look(snapshot);
        self.acceptors.look(snapshot, &views);
        let before = std::mem::replace(&mut self.looked, snapshot.taken);
        let relays = Relays::find(snapshot, &views, &self.table, &self.sleeps, before);
        let look = Look {
            snapshot,
            pairs: &self.pairs,
            relays: &relays,
            acceptors: &self.acceptors,
            counted: &self.counted,
            sleeps: &self.sleeps,
            before,
            clock: &self.clock,
            pools: &pools,
            peers: &peers,
            names,
            now,
        };
        let mut book = book(&mut self.table, &mut self.numbers, rules, out);
        for view in &views {
            look::at(&mut book, view, &look);
        }
        let taken = snapshot.taken;
        let gone = book.table.iter().filter(|watched| {
            let old = watched.recorded < taken && watched.connection.key.birth < taken;
            old && snapshot.find(watched.sock()).is_none()
        });
        let gone: Vec<u64> = gone.map(watched::Watched::sock).collect();
        for sock in gone {
            departure::absent(&mut book, sock, taken);
        }
        book.table.looked(taken);
        kept::proven(&mut book, &resumed, taken);
        self.pressure.count(snapshot, &mut book);
    }

    /// The first look of a run shows what has become of the findings of an earlier one.
    fn resume(&mut self, snapshot: &Snapshot, rules: &Rules, out: &mut Outbox) -> Vec<u64> {
        let unproven = std::mem::take(&mut self.unproven);
        let socks = unproven.iter().map(watched::Watched::sock).collect();
        let mut book = book(&mut self.table, &mut self.numbers, rules, out);
        kept::resume(&mut book, unproven, snapshot);
        socks
    }

    /// Those that may be in trouble, and those that are watched.
    fn worth_a_look<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a SocketView> {
        let all = snapshot.sockets.iter();
        let mut views: Vec<_> = all.filter(|view| look::is_candidate(view)).collect();
        let watched = self.table.iter().filter_map(|w| snapshot.find(w.sock()));
        views.extend(watched.filter(|view| !look::is_candidate(view)));
        views
    }

    /// How many descriptors some processes have.
    pub(crate) fn handle_processes(&mut self, found: &[ProcessView]) {
        self.counted.learn(found);
    }

    /// The settings of namespaces that could be read, and those of the processes that have ended.
    pub(crate) fn handle_ports(
        &mut self,
        ports: &[LocalPorts],
        ended: &[ProcessId],
        rules: &Rules,
        now: Timestamp,
        out: &mut Outbox,
    ) {
        let mut book = book(&mut self.table, &mut self.numbers, rules, out);
        self.pressure.judge(ports, ended, &mut book, now);
    }

    /// Something is due: a scan, if it is time for one.
    pub(crate) fn handle_timeout(&mut self, rules: &Rules, now: Timestamp, out: &mut Outbox) {
        self.clock.tick(now);
        if self.candidates.scan_due() <= now {
            self.candidates.scanning(now, rules);
            out.put(Output::Scan);
        }
    }

    /// When to scan next.
    pub(crate) const fn scan_due(&self) -> Timestamp {
        self.candidates.scan_due()
    }

    /// When somebody who is watched, or a candidate, wants to be looked at.
    pub(crate) fn look_due(&self, rules: &Rules) -> Option<Timestamp> {
        let watched = self.table.first_deadline();
        let first = [watched, self.candidates.due()]
            .into_iter()
            .flatten()
            .min()?;
        // All those together that fall into the slack.
        Some(first + rules.slack())
    }

    /// When a look is to list the sockets without descriptor, too, unless nothing is looked for regularly.
    pub(crate) fn unheld_due(&self, rules: &Rules) -> Option<Timestamp> {
        rules.scan_pause().map(|_| self.pressure.due(rules))
    }

    /// A look that lists the sockets without descriptor as well is under way.
    pub(crate) const fn looking_at_unheld(&mut self, now: Timestamp) {
        self.pressure.asked(now);
    }

    /// Other rules: everything is to be looked at again, at once.
    pub(crate) fn configure(&mut self, before: &Rules, rules: &Rules, now: Timestamp) {
        configure::apply(&mut self.table, &before.settings, &rules.settings, now);
        self.candidates.begin_anew(now);
    }

    /// The name of the connection that has this socket, if it is watched.
    pub(crate) fn key(&self, sock: u64, endpoints: Endpoints) -> Option<SocketKey> {
        let watched = self.table.get(sock)?;
        (watched.connection.endpoints == endpoints).then_some(watched.connection.key)
    }

    /// Every open finding.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Arc<Finding>> {
        let watched = self.table.iter().filter_map(|w| w.finding.clone());
        watched.chain(self.pressure.findings())
    }

    /// Those about connections, with what names these.
    pub(crate) fn accused(&self) -> impl Iterator<Item = (SocketKey, Endpoints, Arc<Finding>)> {
        let watched = self.table.iter();
        watched.filter_map(|w| {
            let connection = &w.connection;
            Some((connection.key, connection.endpoints, w.finding.clone()?))
        })
    }

    /// How many connections are watched.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many requests were lost without a finding.
    pub(crate) const fn lost_requests(&self) -> u64 {
        self.numbers.lost_requests
    }

    /// How many findings are open.
    pub(crate) const fn open(&self) -> u64 {
        self.numbers.open
    }
}

fn book<'a>(
    table: &'a mut Table,
    numbers: &'a mut Numbers,
    rules: &'a Rules,
    out: &'a mut Outbox,
) -> Book<'a> {
    Book {
        rules,
        table,
        numbers,
        out,
    }
}
