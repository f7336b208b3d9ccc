//! A finding: whose fault, since when, and how we know.

use std::net::SocketAddr;
use std::time::Duration;

use super::incident_id::IncidentId;
use super::peer::Peer;
use super::run::Halt;
use super::socket::{Endpoints, Holder};
use super::state::TcpState;
use super::time::Timestamp;
use super::waiting::Waiting;

/// What is wrong. Names are promised in docs/events.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Verdict {
    /// The peer's FIN is in the receive queue and nobody reads.
    EofUnread,
    /// The last read took data and FIN together; the application never asked again.
    EofNotRequested,
    /// The end-of-stream was delivered, the descriptor is still open, nothing is being sent.
    NotClosed,
    /// Hung up while waiting in the accept queue.
    NeverAccepted,
    /// Its opener has closed its descriptor or ended; another process keeps it alive.
    Inherited,
    /// The end-of-stream is read over and over.
    EofSpin,
    /// A client's data are lost: they were written after the server's FIN.
    WriteAfterFin,
    /// An idle outgoing connection that the server has ended, in whatever way, and its client still keeps.
    StalePooled,
    /// Over: reset, timed out, destroyed or ended in order; the descriptor is still open.
    DeadOpen,
    /// The receive window is shut and untouched.
    NeverReads,
    /// The peer does not answer.
    DeadPeer,
    /// We have sent FIN, the peer keeps its side open.
    PeerNotClosing,
    /// A process's connections in TIME_WAIT use up the local ports toward one peer.
    TimeWaitPressure,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: &'static [Self] = &[
        Self::EofUnread,
        Self::EofNotRequested,
        Self::NotClosed,
        Self::NeverAccepted,
        Self::Inherited,
        Self::EofSpin,
        Self::WriteAfterFin,
        Self::StalePooled,
        Self::DeadOpen,
        Self::NeverReads,
        Self::DeadPeer,
        Self::PeerNotClosing,
        Self::TimeWaitPressure,
    ];

    /// Whether its threshold is a time in which nothing happens and that only a look at the sockets shows: the others
    /// show by what happens.
    pub const fn is_measured_in_silence(self) -> bool {
        !matches!(
            self,
            Self::EofSpin | Self::WriteAfterFin | Self::DeadPeer | Self::TimeWaitPressure
        )
    }

    /// Whether its connection is not half-closed: no record announces it.
    pub const fn is_found_by_scanning(self) -> bool {
        matches!(
            self,
            Self::DeadOpen | Self::NeverReads | Self::DeadPeer | Self::PeerNotClosing
        )
    }

    /// Name in output and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EofUnread => "eof_unread",
            Self::EofNotRequested => "eof_not_requested",
            Self::NotClosed => "not_closed",
            Self::NeverAccepted => "never_accepted",
            Self::Inherited => "inherited",
            Self::EofSpin => "eof_spin",
            Self::WriteAfterFin => "write_after_fin",
            Self::StalePooled => "stale_pooled",
            Self::DeadOpen => "dead_open",
            Self::NeverReads => "never_reads",
            Self::DeadPeer => "dead_peer",
            Self::PeerNotClosing => "peer_not_closing",
            Self::TimeWaitPressure => "time_wait_pressure",
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A leak or about to be one.
    Warning,
    /// Users are hurt now.
    Critical,
}

impl Severity {
    /// One step worse.
    #[must_use]
    pub const fn worse(self) -> Self {
        match self {
            Self::Info => Self::Warning,
            Self::Warning | Self::Critical => Self::Critical,
        }
    }

    /// Name in output and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// How bad a finding is beside its incident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Weight {
    /// As bad as its incident.
    #[default]
    Shared,
    /// Worth knowing at most: an idle connection of a pool does no harm.
    Harmless,
    /// So bad by itself, whatever else is wrong; its incident is no better.
    Own(Severity),
}

impl Weight {
    /// The severity of a finding whose incident is so severe.
    pub const fn beside(self, incident: Severity) -> Severity {
        match self {
            Self::Shared => incident,
            Self::Harmless => Severity::Info,
            Self::Own(severity) => severity,
        }
    }
}

/// How sure we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Confidence {
    /// Every part of the proof was seen.
    Proven,
    /// A part is missing: [`Evidence::missing`] names it.
    Likely,
}

impl Confidence {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Likely => "likely",
        }
    }
}

/// Where a finding is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Action {
    /// New.
    Opened,
    /// The proof or the verdict changed.
    Updated,
    /// Over: [`Finding::resolution`] says why.
    Resolved,
}

impl Action {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Resolved => "resolved",
        }
    }
}

/// Why a finding is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Resolution {
    /// The application closed the connection or its sending side.
    ClosedByApp,
    /// Its process ended.
    ProcessExited,
    /// The peer reset it.
    Reset,
    /// Somebody destroyed it.
    Destroyed,
    /// The kernel gave up.
    TimedOut,
    /// The application is at work on it again.
    Resumed,
    /// It was accepted at last.
    Accepted,
    /// The peer has closed its side.
    PeerClosed,
    /// Found closed when the table was compared with the kernel.
    Resync,
    /// The settings were changed and ask for more than there is.
    Reconfigured,
}

impl Resolution {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClosedByApp => "closed_by_app",
            Self::ProcessExited => "process_exited",
            Self::Reset => "reset",
            Self::Destroyed => "destroyed",
            Self::TimedOut => "timed_out",
            Self::Resumed => "resumed",
            Self::Accepted => "accepted",
            Self::PeerClosed => "peer_closed",
            Self::Resync => "resync",
            Self::Reconfigured => "reconfigured",
        }
    }
}

/// One finding, complete: an event carries all of it, whatever its action.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Finding {
    /// Unique for this run of the daemon and those that it goes on from, counts from 1.
    pub id: u64,
    /// Where it is in its life.
    pub action: Action,
    /// What is wrong.
    pub verdict: Verdict,
    /// How bad: as [`Finding::weight`] makes it of its incident's severity when it is told.
    pub severity: Severity,
    /// How bad beside its incident.
    pub weight: Weight,
    /// Its incident, if its process was known when it was told.
    pub incident: Option<IncidentId>,
    /// How sure.
    pub confidence: Confidence,
    /// When the finding was opened.
    pub opened: Timestamp,
    /// When the peer's FIN was accepted, if that was seen.
    pub half_closed_since: Option<Timestamp>,
    /// How long it has been half-closed, if it is; since the finding's socket was first seen, if the FIN was not.
    pub half_closed: Option<Duration>,
    /// One sentence a human understands.
    pub summary: String,
    /// What to do about it.
    pub hint: String,
    /// Every number used.
    pub evidence: Evidence,
    /// Every descriptor that refers to the socket (`never_accepted`: to its listener).
    pub holders: Vec<Holder>,
    /// Earlier verdicts of the same finding with the time each began, oldest first; the latest few.
    pub history: Vec<(Verdict, Timestamp)>,
    /// How often its verdict has changed.
    pub verdict_changes: u32,
    /// Why it is over.
    pub resolution: Option<Resolution>,
    /// It ended while no agent ran: after this moment, and before it was told.
    #[cfg_attr(feature = "serde", serde(default))]
    pub ended_after: Option<Timestamp>,
}

/// The numbers behind a verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Evidence {
    /// State of the socket.
    pub state: Option<TcpState>,
    /// `rcv_nxt - copied_seq`: bytes that wait to be read; the FIN counts as one.
    pub unread_bytes: Option<u32>,
    /// `write_seq - snd_una`.
    pub unacked_bytes: Option<u32>,
    /// Bytes sent since the FIN.
    pub sent_since_fin_bytes: Option<u64>,
    /// The peer's FIN has come but waits behind a hole in what was received.
    pub fin_behind_hole: bool,
    /// Nothing was received, read or acknowledged since.
    pub still_since: Option<Timestamp>,
    /// `sk_err`, an errno, that nobody has fetched.
    pub error: Option<u32>,
    /// Bytes the peer may still send.
    pub window_bytes: Option<u32>,
    /// Unanswered retransmissions.
    pub retransmits: Option<u8>,
    /// How often their time was doubled.
    pub backoff: Option<u8>,
    /// Unanswered probes of a closed window or of an idle connection.
    pub probes: Option<u8>,
    /// For `time_wait_pressure`: which ports are used up.
    pub port_use: Option<PortUse>,
    /// Data was last sent after the FIN at this moment.
    pub written: Option<Timestamp>,
    /// Bytes written after the FIN.
    pub written_bytes: Option<u64>,
    /// The end-of-stream was handed to the application at this moment.
    pub eof_delivered: Option<Timestamp>,
    /// How often.
    pub eof_deliveries: Option<u32>,
    /// To this process.
    pub eof_process: Option<u32>,
    /// The connection is over and the application has been told of the error.
    pub error_delivered: bool,
    /// What is known of the other end, once that has ended its side.
    pub peer: Option<Peer>,
    /// The connection for which this one carries on what came there.
    pub relays_for: Option<Endpoints>,
    /// Why none of the holders can do anything.
    pub halted: Option<Halt>,
    /// The finding that this one follows from.
    pub caused_by: Option<u64>,
    /// Of the time that it has been half-closed the agent did not live through so much.
    pub suspended: Option<Duration>,
    /// For `stale_pooled`: connections of the same process to the same address in the same condition.
    pub pooled: Option<u32>,
    /// Whether the connection still waits in an accept queue.
    pub accepted: Option<bool>,
    /// For `never_accepted`: connections in the same accept queue.
    pub accept_queue: Option<u32>,
    /// Who waits for the socket, and in which way.
    pub waiting: Option<Waiting>,
    /// Numbers of the last look at the socket: when.
    pub observed: Option<Timestamp>,
    /// The threshold that was passed.
    pub threshold: Duration,
    /// Names of the signals whose proof this kernel or this moment could not deliver.
    #[cfg_attr(feature = "serde", serde(with = "super::missing::names"))]
    pub missing: Vec<&'static str>,
}

/// How many local ports a process's connections in TIME_WAIT take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PortUse {
    /// With whom the connections were.
    pub peer: SocketAddr,
    /// Connections in TIME_WAIT, each with a port of its own.
    pub time_wait: u32,
    /// How many more there are every minute.
    pub time_wait_per_minute: u32,
    /// Ports that the kernel may choose for a connection with that peer.
    pub local_ports: u32,
}
