//! The tracker: observations and the time go in, events and requests come out.

use std::collections::VecDeque;
use std::sync::Arc;

use super::deadline::Deadlines;
use super::ended::Ended;
use super::growth::Growth;
use super::inspect::Inspection;
use super::loss::Repair;
use super::model::event::{Connection, Output};
use super::model::finding::Finding;
use super::model::observation::{Observation, What};
use super::model::socket::{Attribution, Owner, Role, SocketKey};
use super::model::state::TcpState;
use super::model::time::Timestamp;
use super::pool::Pools;
use super::pressure::Pressure;
use super::settings::Settings;
use super::table::{Slot, Table};
use super::telling;
use super::time_wait::Sweep;

/// Follows every connection and judges the half-closed ones. Sans-IO: the caller
/// - hands over records with [`Tracker::handle`], in the order in which they come out of the ring,
/// - carries out every [`Output`] and hands back the answer,
/// - calls [`Tracker::handle_timeout`] when [`Tracker::poll_timeout`] has come.
#[derive(Debug)]
pub struct Tracker {
    pub(super) settings: Settings,
    /// `settings.reported` as bits of the kernel's state numbers.
    pub(super) reported: u16,
    pub(super) table: Table,
    pub(super) deadlines: Deadlines,
    pub(super) ended: Ended,
    outputs: VecDeque<Output>,
    pub(super) last_finding: u64,
    pub(super) seeded: bool,
    pub(super) inspection: Inspection,
    pub(super) pools: Pools,
    pub(super) growth: Growth,
    pub(super) pressure: Pressure,
    pub(super) sweep: Sweep,
    pub(super) repair: Repair,
    pub(super) stats: Stats,
}

/// What the tracker counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections in the table, minisocks included.
    pub connections: u64,
    /// Minisocks among them.
    pub minisocks: u64,
    /// Open findings.
    pub findings: u64,
    /// Observations of connections that the table had no room for.
    pub overflow: u64,
    /// Observations that were older than what was known, repeated it, or came after the end.
    pub stale: u64,
}

/// A connection as lists and tests show it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionView {
    /// The connection.
    pub connection: Connection,
    /// When it entered its state, if that was seen.
    pub entered: Option<Timestamp>,
    /// When the peer's FIN was accepted, if that was seen and it is in CLOSE_WAIT.
    pub fin_at: Option<Timestamp>,
    /// When the end-of-stream was first handed to the application.
    pub eof_at: Option<Timestamp>,
    /// It has no full socket any more.
    pub minisock: bool,
    /// The open finding.
    pub finding: Option<Arc<Finding>>,
}

impl Tracker {
    /// An empty tracker. It expects a snapshot of the sockets that are there already
    /// ([`Tracker::handle_snapshot`]); records may come before it.
    pub fn new(settings: Settings) -> Self {
        let reported = settings
            .reported
            .iter()
            .fold(0, |bits, &state| bits | telling::bit(state));
        Self {
            settings,
            reported,
            table: Table::default(),
            deadlines: Deadlines::default(),
            ended: Ended::new(),
            outputs: VecDeque::new(),
            last_finding: 0,
            seeded: false,
            inspection: Inspection::default(),
            pools: Pools::default(),
            growth: Growth::default(),
            pressure: Pressure::default(),
            sweep: Sweep::default(),
            repair: Repair::default(),
            stats: Stats::default(),
        }
    }

    /// One record. `now` may be later than the record.
    pub fn handle(&mut self, observation: Observation, now: Timestamp) {
        let Observation { time, key, what } = observation;
        match what {
            What::State(change) => self.state_changed(time, key, &change),
            What::Owner {
                endpoints,
                state,
                role,
                owner,
                inode,
            } => {
                if let Some(slot) = self.meet(time, key, endpoints, state) {
                    self.found_in_use(slot, time);
                    self.owner_seen(slot, time, role, &owner, inode, now);
                }
            }
            What::Eof { pid, thread } => self.eof_delivered(time, key, pid, thread),
            What::Write {
                pid: _,
                thread: _,
                bytes,
            } => self.written(time, key, bytes),
            // Shown with the next change of state; a look that opens a finding brings its moment as well.
            What::Segment {
                fin: _,
                rst: _,
                seq: _,
                rcv_nxt: _,
            } => {
                if let Some(tracked) = self.table.find(key).and_then(|s| self.table.get_mut(s)) {
                    tracked.refuse_segment(time);
                }
            }
            What::TimeWaitEntered {
                endpoints,
                substate,
            } => self.time_wait_entered(time, key, endpoints, substate),
            What::TimeWaitLeft { endpoints } => {
                if let Some(slot) = self.table.minisock(endpoints) {
                    // The addresses may be those of an earlier connection: this one was there later.
                    if self.table.get(slot).is_some_and(|t| t.changed > time) {
                        self.stats.stale += 1;
                        return;
                    }
                    self.time_wait_left(slot, time);
                }
            }
            What::Gone => self.gone(time, key),
        }
    }

    /// Something that [`Tracker::poll_timeout`] announced is due.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.ask_for_looks(now);
        self.ask_for_scan(now);
        self.ask_for_sweep(now);
        self.ask_for_ports(now);
        self.ask_for_resync(now);
    }

    /// When to call [`Tracker::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let due = [
            self.looks_due(),
            self.scan_due(),
            self.sweep.due(),
            self.pressure_due(),
            self.repair.due(),
        ];
        due.into_iter().flatten().min()
    }

    /// The next thing to do or to tell, in order.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Every connection, sorted by key.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionView> {
        let mut slots: Vec<(SocketKey, Slot)> =
            self.table.iter().map(|(slot, t)| (t.key, slot)).collect();
        slots.sort_unstable();
        slots.into_iter().filter_map(|(_, slot)| {
            let tracked = self.table.get(slot)?;
            let peer = self.table.other_end(slot);
            Some(ConnectionView {
                connection: tracked.shown(tracked.state, peer),
                entered: tracked.entered,
                fin_at: tracked.half.and_then(|half| half.fin_at()),
                eof_at: tracked.eof_at,
                minisock: tracked.minisock,
                finding: tracked.watch.as_ref().and_then(|w| w.finding.clone()),
            })
        })
    }

    /// Every open finding, sorted by id.
    pub fn findings(&self) -> impl Iterator<Item = Arc<Finding>> {
        let mut findings: Vec<Arc<Finding>> = self
            .table
            .iter()
            .filter_map(|(_, tracked)| tracked.watch.as_ref()?.finding.clone())
            .chain(self.crowds())
            .chain(self.squeezes())
            .collect();
        findings.sort_unstable_by_key(|finding| finding.id);
        findings.into_iter()
    }

    /// Counts.
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.table.len() as u64,
            ..self.stats
        }
    }

    pub(super) fn put(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// A connection that is met first in use has its state from the user; the record of the change comes later.
    fn found_in_use(&mut self, slot: Slot, time: Timestamp) {
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        if tracked.seen != Timestamp::default() || tracked.announced {
            return;
        }
        tracked.changed = time;
        if tracked.state == TcpState::CloseWait {
            self.watch_from(slot, time, None, None);
        }
    }

    fn owner_seen(
        &mut self,
        slot: Slot,
        time: Timestamp,
        role: Role,
        owner: &Owner,
        inode: Option<u64>,
        now: Timestamp,
    ) {
        let Some(tracked) = self.table.get_mut(slot) else {
            return;
        };
        tracked.seen = tracked.seen.max(time);
        tracked.offer_owner(owner);
        tracked.inode = inode.or(tracked.inode);
        if role != Role::Unknown {
            tracked.role = role;
        }
        if owner.attribution != Attribution::Listener {
            self.accepted(slot, time, now);
        }
    }
}
