//! What every part of the stream shares, and the one place that tells.
//!
//! What is told of a connection is told in the order of time. A record can come after what a comparison with the
//! kernel, or a record of another CPU, has told already; a change that has been overtaken so is not told: a subscriber
//! would take the last line for the latest state. Everything else is dated no earlier than the line before it.

use super::minisocks::Minisocks;
use super::other_end::Ends;
use super::overflow::Overflow;
use super::places::Slot;
use super::table::Table;
use super::tombstones::Tombstones;
use crate::model::event::{Body, Connection as Shown, Transition};
use crate::model::interest::Interest;
use crate::model::socket::Owner;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::outbox::Outbox;
use crate::settings::Settings;

/// How much is followed, and how it is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) minisocks: usize,
    /// No hook tells of minisocks: entries are inferred, exits found by listing.
    pub(super) by_sweep: bool,
}

impl Limits {
    pub(super) const fn new(settings: &Settings) -> Self {
        Self {
            connections: settings.max_connections,
            minisocks: settings.max_minisocks,
            by_sweep: settings.time_wait_by_sweep,
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Full sockets that are followed.
    pub connections: u64,
    /// Minisocks.
    pub minisocks: u64,
    /// Connections and minisocks that there was no room for.
    pub overflow: u64,
    /// Records that were older than what was known, repeated it, or came after the end.
    pub stale: u64,
    /// Changes that no record told of and a later one made up for.
    pub holes: u64,
}

/// What every part of the stream shares.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) interest: Interest,
    /// What was entered before was not asked for.
    pub(super) since: Timestamp,
    pub(super) limits: Limits,
    pub(super) table: Table,
    pub(super) minisocks: Minisocks,
    pub(super) tombstones: Tombstones,
    pub(super) overflow: Overflow,
    /// A comparison was over by then: what began before it and is not in the table is over, too.
    pub(super) compared: Timestamp,
    pub(super) stale: u64,
    pub(super) holes: u64,
}

impl Book {
    pub(super) fn new(settings: &Settings, interest: Interest, now: Timestamp) -> Self {
        Self {
            interest,
            since: now,
            limits: Limits::new(settings),
            table: Table::default(),
            minisocks: Minisocks::default(),
            tombstones: Tombstones::new(),
            overflow: Overflow::default(),
            compared: Timestamp::default(),
            stale: 0,
            holes: 0,
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            connections: self.table.len() as u64,
            minisocks: self.minisocks.len() as u64,
            overflow: self.overflow.count,
            stale: self.stale,
            holes: self.holes,
        }
    }

    pub(super) const fn ends(&self) -> Ends<'_> {
        Ends {
            table: &self.table,
            minisocks: &self.minisocks,
        }
    }

    /// Tells a change of a connection's state, if that is asked for.
    pub(super) fn tell_transition(
        &mut self,
        slot: Slot,
        time: Timestamp,
        transition: Transition,
        out: &mut Outbox,
    ) {
        if !self.interest.tells(transition.to) {
            return;
        }
        let Some(shown) = self.shown(slot, transition.to) else {
            return;
        };
        let Some(connection) = self.table.get_mut(slot) else {
            return;
        };
        let transition = Transition {
            segment_refused: connection.id.refused.take(),
            ..transition
        };
        let time = self.date(slot, time);
        tell_change(time, shown, transition, out);
    }

    /// The moment of a line about a connection that happened at `time`: no earlier than the line before it.
    pub(super) fn date(&mut self, slot: Slot, time: Timestamp) -> Timestamp {
        let Some(connection) = self.table.get_mut(slot) else {
            return time;
        };
        let id = &mut connection.id;
        id.told = id.told.max(time);
        let (key, endpoints, told) = (id.key, id.endpoints, id.told);
        if connection.parted {
            let minisock = self.minisocks.at(endpoints).map(|(slot, _)| slot);
            if let Some(minisock) = minisock.and_then(|slot| self.minisocks.get_mut(slot))
                && minisock.id.key == key
            {
                minisock.id.told = minisock.id.told.max(told);
            }
        }
        told
    }

    /// Tells a change of a minisock's substate, if that is asked for.
    pub(super) fn tell_minisock(
        &mut self,
        slot: Slot,
        time: Timestamp,
        transition: Transition,
        out: &mut Outbox,
    ) {
        if !self.interest.tells(transition.to) {
            return;
        }
        let Some(minisock) = self.minisocks.get(slot) else {
            return;
        };
        let peer = self.ends().of(&minisock.id, None);
        let shown = minisock.id.shown(transition.to, peer.and_then(|p| p.owner));
        let Some(minisock) = self.minisocks.get_mut(slot) else {
            return;
        };
        let transition = Transition {
            segment_refused: minisock.id.refused.take(),
            ..transition
        };
        minisock.id.told = minisock.id.told.max(time);
        tell_change(minisock.id.told, shown, transition, out);
    }

    /// Tells a change of state of a connection that is not in the table.
    pub(super) fn tell_stranger(
        &self,
        time: Timestamp,
        mut shown: Shown,
        transition: Transition,
        out: &mut Outbox,
    ) {
        if self.interest.tells(transition.to) {
            let peer = self.ends().of_stranger(shown.endpoints);
            shown.peer_owner = peer.and_then(|peer| peer.owner);
            tell_change(time, shown, transition, out);
        }
    }

    /// A connection as an event shows it.
    pub(super) fn shown(&self, slot: Slot, state: TcpState) -> Option<Shown> {
        let connection = self.table.get(slot)?;
        let peer = self.ends().of(&connection.id, connection.fin_at);
        Some(connection.id.shown(state, peer.and_then(|peer| peer.owner)))
    }
}

/// Whoever holds it now may have got it later: it had no part in what happened before it started.
fn tell_change(time: Timestamp, mut shown: Shown, transition: Transition, out: &mut Outbox) {
    let lived = |owner: &Owner| owner.process.id.start <= time;
    shown.owner = shown.owner.filter(lived);
    shown.peer_owner = shown.peer_owner.filter(lived);
    let connection = shown;
    out.tell(
        time,
        Body::Transition {
            connection,
            transition,
        },
    );
}
