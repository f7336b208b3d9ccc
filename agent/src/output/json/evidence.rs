//! The proof of a finding on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::nanos;
use super::names::{Halt, Peer, State, WaitState};
use super::socket::Endpoint;
use crate::output::clock::{Time, WallClock};
use finback_core::model::finding as core;

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
    /// The connection for which this one carries on what came there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relays_for: Option<Relayed>,
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

/// The connection on the other side of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Relayed {
    /// Our end.
    pub local: Endpoint,
    /// The other end.
    pub peer: Endpoint,
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

impl Evidence {
    #[expect(
        clippy::too_many_lines,
        reason = "every field once on each side, so that none is forgotten"
    )]
    pub(super) fn from_core(evidence: &core::Evidence, clock: WallClock) -> Self {
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
            relays_for,
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
            relays_for: relays_for.map(|ends| Relayed {
                local: ends.local.into(),
                peer: ends.peer.into(),
            }),
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
