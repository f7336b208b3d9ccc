//! The stream's lines: wire types, their schema and the one encoder.
//!
//! Field names are the contract. They follow OpenTelemetry's, nested; durations are nanoseconds and end in
//! `_ns`. Types borrow from the engine's event, so that encoding a line allocates nothing.

mod about;
mod community;
mod connection;
mod destroyed;
mod duration;
mod encode;
mod evidence;
mod explanation;
mod finding;
mod guard;
mod incident;
mod line;
mod list;
mod listed;
mod names;
mod remedy;
mod socket;
mod stack;
mod thing;
mod workload;

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

pub use about::About;
pub use community::CommunityId;
pub use connection::{Life, Spell};
pub use destroyed::{DestroyResult, Destroyed};
pub use encode::event;
pub use evidence::{Evidence, PortUse, Relayed};
pub use explanation::{End, Explanation, Moment, Origin, Topic};
pub use finding::{Finding, Holder, Past};
pub use guard::Guard;
pub use incident::{
    AcceptQueue, Descriptors, Incident, IncidentCause, IncidentPeer, IncidentProcess, StackCount,
    Trend, VerdictCount, WaitCount,
};
pub use line::write_line;
pub use list::{Accused, List};
pub use listed::Listed;
pub use names::{
    Action, Attribution, Cause, Confidence, FrameReason, Halt, Means, NetworkType, Peer, Reason,
    Resolution, Role, Severity, SeverityChange, StackAbsence, StackKind, State, Transport, Verdict,
    WaitState,
};
pub use remedy::{Decision, Remedy, RemedyAction, RemedyConnections};
pub use socket::{
    Connection, Endpoint, Executable, Network, Process, Socket, SocketId, Subject, User,
};
pub use stack::{Frame, Stack};
pub use thing::{Document, Thing};
pub use workload::{Container, K8s, Named, Pod};

use super::clock::Time;

/// Version of the stream: changes when a field is renamed, removed or changes its meaning.
pub const SCHEMA: u32 = 1;

/// One line of the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event<'a> {
    /// Version of the stream, 1. New fields and new types do not change it.
    pub schema: u32,
    /// Number of the event: grows by one from line to line for as long as the daemon runs. `hello`, and a `lost`
    /// about this subscriber alone, take no number of their own: they bear that of the line before (for `lost`:
    /// of the last line that was dropped).
    pub seq: u64,
    /// When it happened.
    pub time: Time,
    /// What happened.
    #[serde(flatten, borrow)]
    pub body: Body<'a>,
}

/// What an event says; `type` tells which fields there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body<'a> {
    /// First line for every subscriber: who speaks and what it can see.
    Hello {
        /// The daemon and its host.
        #[serde(borrow)]
        hello: Hello<'a>,
    },
    /// A connection changed its state.
    Transition {
        /// The connection.
        #[serde(flatten, borrow)]
        subject: Subject<'a>,
        /// The change.
        transition: Transition,
    },
    /// The application was handed the end-of-stream.
    Eof {
        /// The connection.
        #[serde(flatten, borrow)]
        subject: Subject<'a>,
        /// The delivery.
        eof: Eof,
    },
    /// A finding was opened, updated or resolved. Each carries all of the finding.
    Finding {
        /// The connection.
        #[serde(flatten, borrow)]
        subject: Subject<'a>,
        /// The finding.
        finding: Box<Finding<'a>>,
    },
    /// An incident was opened, updated or resolved. Each carries all of the incident.
    Incident {
        /// The process that has most of its connections.
        #[serde(flatten, borrow)]
        subject: Subject<'a>,
        /// The incident.
        incident: Box<Incident<'a>>,
    },
    /// A connection has ended: its whole life in one line.
    Connection {
        /// The connection.
        #[serde(flatten, borrow)]
        subject: Subject<'a>,
        /// Its life.
        connection: Life,
    },
    /// A socket as one look found it: a line of a list, not of the stream.
    Socket {
        /// The connection.
        #[serde(flatten, borrow)]
        subject: Subject<'a>,
        /// What it is like now.
        #[serde(borrow)]
        listed: Box<Listed<'a>>,
    },
    /// A socket was destroyed by `finback kill`, which prints this; the stream tells the change of state.
    Destroyed {
        /// The connection as it was.
        #[serde(flatten, borrow)]
        subject: Subject<'a>,
        /// Who destroyed it, and what came of it.
        #[serde(borrow)]
        destroyed: Destroyed<'a>,
    },
    /// What a remedy of the configuration has decided about an incident, and what came of it.
    Remedy {
        /// What the incident, or the finding, is about.
        #[serde(flatten, borrow)]
        subject: Subject<'a>,
        /// The decision.
        #[serde(borrow)]
        remedy: Box<Remedy<'a>>,
    },
    /// What there is to say about something: the answer to a question, not a line of the stream.
    Explanation {
        /// What it is about.
        #[serde(flatten, borrow)]
        subject: Subject<'a>,
        /// The page.
        #[serde(borrow)]
        explanation: Box<Explanation<'a>>,
    },
    /// Something was dropped.
    Lost {
        /// What and where.
        #[serde(borrow)]
        lost: Lost<'a>,
    },
    /// The table was compared with the kernel and repaired.
    Resync {
        /// What came of it.
        resync: Resync,
    },
}

impl<'a> Body<'a> {
    /// What it is about, if it is about something.
    pub const fn subject(&self) -> Option<&Subject<'a>> {
        match self {
            Self::Transition { subject, .. }
            | Self::Eof { subject, .. }
            | Self::Finding { subject, .. }
            | Self::Incident { subject, .. }
            | Self::Connection { subject, .. }
            | Self::Socket { subject, .. }
            | Self::Destroyed { subject, .. }
            | Self::Remedy { subject, .. }
            | Self::Explanation { subject, .. } => Some(subject),
            Self::Hello { .. } | Self::Lost { .. } | Self::Resync { .. } => None,
        }
    }
}

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hello<'a> {
    /// Version of finback.
    pub version: Cow<'a, str>,
    /// Name of the host.
    pub host: Cow<'a, str>,
    /// Release of its kernel.
    pub kernel: Cow<'a, str>,
    /// Changes with every boot of the host.
    pub boot_id: Cow<'a, str>,
    /// How each signal is learnt; null for one that is turned off or that this kernel does not give.
    pub signals: BTreeMap<Cow<'a, str>, Option<Means>>,
    /// `seq` of the next line.
    pub next_seq: u64,
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transition {
    /// Before.
    pub from: State,
    /// After.
    pub to: State,
    /// How long it was in `from`; absent if the entry was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_ns: Option<u64>,
    /// Why.
    pub cause: Cause,
    /// A FIN or RST had reached the socket at this moment and was not accepted at once: behind a hole in the data, or
    /// not where a reset must be. The last one since the change that was told before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_refused: Option<Time>,
}

/// The end-of-stream reached the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Eof {
    /// So long after the peer's FIN; absent if that was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_ns: Option<u64>,
    /// The thread it was handed to.
    pub thread_id: u32,
}

/// Something was dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lost<'a> {
    /// How many records (of the kernel) or lines (of this subscriber).
    pub records: u64,
    /// Where: a counter of the kernel programs (`ring_full`, …), `subscriber_slow` or `stdout_slow`.
    pub reason: Cow<'a, str>,
    /// Nothing is missing from before this moment.
    pub since: Time,
}

/// The table was compared with the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resync {
    /// Sockets compared.
    pub sockets: u64,
    /// Sockets corrected, added or removed.
    pub corrected: u64,
    /// How long it took.
    pub took_ns: u64,
}

/// The schema of one line.
pub fn schema() -> Schema {
    schemars::schema_for!(Event<'static>)
}

#[cfg(test)]
mod tests;
