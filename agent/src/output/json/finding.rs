//! A finding on the wire.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::nanos;
use super::names::{
    Action, Confidence, Halt, Peer, Resolution, Severity, State, Verdict, WaitState,
};
use super::socket::{Endpoint, Executable};
use super::stack::Stack;
use crate::output::clock::{Time, WallClock};
use crate::process::stack::model;
use finback_core::model::finding as core;
use finback_core::model::socket;

/// Whose fault, since when, and how we know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding<'a> {
    /// Unique for this run of the daemon.
    pub id: u64,
    /// Where it is in its life.
    pub action: Action,
    /// What is wrong.
    pub verdict: Verdict,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// When it was opened.
    pub opened: Time,
    /// When the peer's FIN was accepted; absent if that was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_closed_since: Option<Time>,
    /// How long the connection has been half-closed; if the FIN was not seen, since it was first seen so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_closed_ns: Option<u64>,
    /// One sentence.
    pub summary: Cow<'a, str>,
    /// What to do about it.
    pub hint: Cow<'a, str>,
    /// Every number used.
    pub evidence: Evidence,
    /// Signals whose proof this kernel or this moment could not deliver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Cow<'a, str>>,
    /// Every descriptor that refers to the socket; for `never_accepted`, to its listener.
    #[serde(borrow)]
    pub holders: Vec<Holder<'a>>,
    /// Earlier verdicts of the same finding, oldest first; the latest eight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Past>,
    /// How often the verdict has changed; absent if it has not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub verdict_changes: u32,
    /// With `--stacks`: where the connection was opened, and where the holders' threads are.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<Stack<'a>>,
    /// Why it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
}

/// A descriptor that refers to a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holder<'a> {
    /// Process id.
    pub pid: u32,
    /// When the process started.
    pub start_time: Time,
    /// Descriptor number.
    pub fd: u32,
    /// What the process runs.
    #[serde(borrow)]
    pub executable: Executable<'a>,
}

/// An earlier verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Past {
    /// What was wrong.
    pub verdict: Verdict,
    /// From this moment on.
    pub since: Time,
}

/// The numbers behind a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// State of the socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Bytes that wait to be read; the FIN counts as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_bytes: Option<u32>,
    /// Bytes not sent or not acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unacked_bytes: Option<u32>,
    /// Bytes sent since the FIN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_since_fin_bytes: Option<u64>,
    /// The peer's FIN has come but waits behind a hole in what was received.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fin_behind_hole: bool,
    /// Nothing was received, read or acknowledged since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub still_since: Option<Time>,
    /// The socket's error (errno) that nobody has fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<u32>,
    /// Bytes the peer may still send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_bytes: Option<u32>,
    /// Unanswered retransmissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retransmits: Option<u8>,
    /// How often their time was doubled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<u8>,
    /// Unanswered probes of a closed window or of an idle connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<u8>,
    /// Which local ports are used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_use: Option<PortUse>,
    /// Data was last sent after the FIN at this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<Time>,
    /// Bytes written after the FIN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<u64>,
    /// The end-of-stream was first handed to the application at this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eof_delivered: Option<Time>,
    /// How often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eof_deliveries: Option<u32>,
    /// To this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eof_pid: Option<u32>,
    /// The connection is over and the application has been told of the error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub error_delivered: bool,
    /// What is known of the other end, once that has ended its side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<Peer>,
    /// Why none of the holders can do anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halted: Option<Halt>,
    /// The finding that this one follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<u64>,
    /// Of the time that it has been half-closed the daemon did not live through so much: the host was suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_ns: Option<u64>,
    /// Idle connections of the same process to the same address that the server has closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooled: Option<u32>,
    /// Whether somebody has accepted the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// Connections in the same accept queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_queue: Option<u32>,
    /// Who waits for the socket and in which way (`nobody_waits`, `epoll_edge_delivered`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_state: Option<WaitState>,
    /// The thread that is blocked on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_thread: Option<u32>,
    /// When the socket was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Time>,
    /// The threshold that was passed.
    pub threshold_ns: u64,
}

/// How many local ports a process's connections in TIME_WAIT take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortUse {
    /// With whom the connections were.
    pub peer: Endpoint,
    /// Connections in TIME_WAIT, each with a port of its own.
    pub time_wait: u32,
    /// How many more there are every minute.
    pub time_wait_per_minute: u32,
    /// Ports that the kernel may choose for a connection with that peer.
    pub local_ports: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl PortUse {
    fn from_core(port_use: core::PortUse) -> Self {
        let core::PortUse {
            peer,
            time_wait,
            time_wait_per_minute,
            local_ports,
        } = port_use;
        Self {
            peer: peer.into(),
            time_wait,
            time_wait_per_minute,
            local_ports,
        }
    }
}

impl<'a> Finding<'a> {
    /// From the tracker's.
    pub(super) fn from_core(
        finding: &'a core::Finding,
        clock: WallClock,
        stacks: &'a [model::Stack],
    ) -> Self {
        let stacks = stacks.iter();
        Self {
            stacks: stacks
                .map(|stack| Stack::from_process(stack, clock))
                .collect(),
            id: finding.id,
            action: finding.action.into(),
            verdict: finding.verdict.into(),
            severity: finding.severity.into(),
            confidence: finding.confidence.into(),
            opened: clock.at(finding.opened),
            half_closed_since: finding.half_closed_since.map(|since| clock.at(since)),
            half_closed_ns: finding.half_closed.map(nanos),
            summary: finding.summary.as_str().into(),
            hint: finding.hint.as_str().into(),
            evidence: Evidence::from_core(&finding.evidence, clock),
            missing: finding
                .evidence
                .missing
                .iter()
                .map(|name| Cow::Borrowed(*name))
                .collect(),
            holders: finding
                .holders
                .iter()
                .map(|holder| Holder::from_core(holder, clock))
                .collect(),
            history: finding
                .history
                .iter()
                .map(|(verdict, since)| Past {
                    verdict: (*verdict).into(),
                    since: clock.at(*since),
                })
                .collect(),
            verdict_changes: finding.verdict_changes,
            resolution: finding.resolution.map(Into::into),
        }
    }
}

impl<'a> Holder<'a> {
    fn from_core(holder: &'a socket::Holder, clock: WallClock) -> Self {
        Self {
            pid: holder.process.id.pid,
            start_time: clock.at(holder.process.id.start),
            fd: holder.fd,
            executable: Executable {
                name: (&*holder.process.comm).into(),
                path: None,
            },
        }
    }
}

impl Evidence {
    #[expect(
        clippy::too_many_lines,
        reason = "every field once on each side, so that none is forgotten"
    )]
    fn from_core(evidence: &core::Evidence, clock: WallClock) -> Self {
        let core::Evidence {
            state,
            unread_bytes,
            unacked_bytes,
            sent_since_fin_bytes,
            fin_behind_hole,
            still_since,
            error,
            window_bytes,
            retransmits,
            backoff,
            probes,
            port_use,
            written,
            written_bytes,
            eof_delivered,
            eof_deliveries,
            eof_process,
            error_delivered,
            peer,
            halted,
            caused_by,
            suspended,
            pooled,
            accepted,
            accept_queue,
            waiting,
            observed,
            threshold,
            missing: _,
        } = evidence;
        Self {
            state: state.map(Into::into),
            unread_bytes: *unread_bytes,
            unacked_bytes: *unacked_bytes,
            sent_since_fin_bytes: *sent_since_fin_bytes,
            fin_behind_hole: *fin_behind_hole,
            still_since: still_since.map(|moment| clock.at(moment)),
            error: *error,
            window_bytes: *window_bytes,
            retransmits: *retransmits,
            backoff: *backoff,
            probes: *probes,
            port_use: port_use.map(PortUse::from_core),
            written: written.map(|moment| clock.at(moment)),
            written_bytes: *written_bytes,
            eof_delivered: eof_delivered.map(|moment| clock.at(moment)),
            eof_deliveries: *eof_deliveries,
            eof_pid: *eof_process,
            error_delivered: *error_delivered,
            peer: peer.map(Into::into),
            halted: halted.map(Into::into),
            caused_by: *caused_by,
            suspended_ns: suspended.map(nanos),
            pooled: *pooled,
            accepted: *accepted,
            accept_queue: *accept_queue,
            wait_state: waiting.map(|waiting| waiting.state.into()),
            wait_thread: waiting.and_then(|waiting| waiting.thread),
            observed: observed.map(|moment| clock.at(moment)),
            threshold_ns: nanos(*threshold),
        }
    }
}
