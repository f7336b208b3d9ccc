//! A connection that is being watched, and the table of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deadlines::Deadlines;
use crate::connection::progress::Progress;
use crate::connection::{Connection, OtherEnd};
use crate::model::finding::Finding;
use crate::model::look::SocketView;
use crate::model::peer::Peer;
use crate::model::socket::{Owner, Role};
use crate::model::time::Timestamp;

/// A connection, what it was seen doing, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Watched {
    pub(super) connection: Connection,
    pub(super) progress: Progress,
    /// The latest record of it: a look that began before is outdated.
    pub(super) recorded: Timestamp,
    /// A look or a record told of its state as of then.
    pub(super) state_as_of: Timestamp,
    /// A request was lost so; whether its client keeps the connection, a look tells.
    pub(super) lost: Option<Lost>,
    /// The other end, as it was last seen on this host.
    pub(super) peer: Option<OtherEnd>,
    /// The other end was seen on this host while both lived.
    pub(super) met: bool,
    /// What the latest look made of it.
    pub(super) left: Peer,
    /// It came into its state after this moment.
    pub(super) entered_after: Timestamp,
    /// The connection on which its process carried on for it at the latest look.
    pub(super) mate: Option<u64>,
    /// Looks in a row that told nothing.
    pub(super) in_vain: u8,
    /// The open finding.
    pub(super) finding: Option<Arc<Finding>>,
    /// The settings ask for more than when it was told: it ends unless a verdict still holds.
    pub(super) doubtful: bool,
    /// When its verdict was first passed.
    pub(super) began: Timestamp,
    /// The process named in it.
    pub(super) named: Option<Owner>,
    /// The finding is of an earlier run, which was last known to be alive then, and nobody has heard of it in this one.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) resumed: Option<Timestamp>,
    #[cfg_attr(feature = "serde", serde(skip))]
    deadline: Option<Timestamp>,
}

/// Data that a client wrote after the server's FIN was answered with a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Lost {
    /// When the reset came.
    pub(super) time: Timestamp,
    pub(super) bytes: u64,
}

impl Watched {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            progress: Progress::default(),
            recorded: Timestamp::default(),
            state_as_of: Timestamp::default(),
            lost: None,
            peer: None,
            met: false,
            left: Peer::Unknown,
            entered_after: Timestamp::default(),
            mate: None,
            in_vain: 0,
            finding: None,
            doubtful: false,
            began: Timestamp::default(),
            named: None,
            resumed: None,
            deadline: None,
        }
    }

    /// As an earlier run has left it, which was last known to be alive then.
    pub(super) fn resumed(self, alive: Timestamp) -> Self {
        Self {
            resumed: Some(alive),
            recorded: Timestamp::default(),
            in_vain: 0,
            deadline: None,
            ..self
        }
    }

    /// Address of its socket.
    pub(super) const fn sock(&self) -> u64 {
        self.connection.key.sock
    }
}

/// Everything that is watched, by socket.
#[derive(Debug, Default)]
pub(super) struct Table {
    by_sock: BTreeMap<u64, Watched>,
    deadlines: Deadlines,
    /// Sockets whose end a record told, until a look has begun after it: an older one still shows them.
    ended: BTreeMap<u64, Timestamp>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.by_sock.len()
    }

    pub(super) fn get(&self, sock: u64) -> Option<&Watched> {
        self.by_sock.get(&sock)
    }

    pub(super) fn get_mut(&mut self, sock: u64) -> Option<&mut Watched> {
        self.by_sock.get_mut(&sock)
    }

    /// Which end of its connection a socket is, by this look or an earlier one.
    pub(super) fn role(&self, view: &SocketView) -> Role {
        let known = self.get(view.sock).map(|watched| &watched.connection);
        let known = known.filter(|known| view.role == Role::Unknown && known.is_shown_by(view));
        known.map_or(view.role, |known| known.role)
    }

    /// All, by address.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Watched> {
        self.by_sock.values()
    }

    /// Adds a connection; whoever had its socket before must have been removed.
    pub(super) fn insert(&mut self, watched: Watched) {
        self.by_sock.insert(watched.sock(), watched);
    }

    pub(super) fn remove(&mut self, sock: u64) -> Option<Watched> {
        let removed = self.by_sock.remove(&sock)?;
        self.deadlines.replace(sock, removed.deadline, None);
        Some(removed)
    }

    /// A record of this moment has told the end of a connection that was watched.
    pub(super) fn end(&mut self, sock: u64, time: Timestamp) {
        self.ended.insert(sock, time);
    }

    /// Whether what a look shows of this socket is older than its end.
    pub(super) fn has_ended_since(&self, sock: u64, taken: Timestamp) -> bool {
        self.ended.get(&sock).is_some_and(|time| *time >= taken)
    }

    /// No look that is older than this one is still to come.
    pub(super) fn looked(&mut self, taken: Timestamp) {
        self.ended.retain(|_, time| *time >= taken);
    }

    /// Sets or moves the deadline.
    pub(super) fn arm(&mut self, sock: u64, at: Timestamp) {
        if let Some(watched) = self.by_sock.get_mut(&sock) {
            self.deadlines.replace(sock, watched.deadline, Some(at));
            watched.deadline = Some(at);
        }
    }

    /// Moves the deadline to `at` unless it is earlier already.
    pub(super) fn advance(&mut self, sock: u64, at: Timestamp) {
        let known = self.get(sock).map(|watched| watched.deadline);
        if known.is_some_and(|deadline| deadline.is_none_or(|deadline| deadline > at)) {
            self.arm(sock, at);
        }
    }

    /// The earliest deadline.
    pub(super) fn first_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first()
    }
}
