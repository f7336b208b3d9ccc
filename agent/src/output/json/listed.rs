//! A socket of a list on the wire: what it is like now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Holder;
use super::guard::Guard;
use super::names::{Severity, Verdict, WaitState};
use crate::output::clock::Time;

/// What one look found of a socket beside its addresses and its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed<'a> {
    /// It is in its state since this moment; absent if that was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// `since` is only the earliest moment that is proven: it may have been so for longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub since_at_least: bool,
    /// From `since` until the look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ns: Option<u64>,
    /// Bytes that wait to be read, a FIN counts as one; of a listener: connections in its accept queue (Recv-Q of `ss`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_bytes: Option<u32>,
    /// Bytes not sent or not acknowledged; of a listener: how many its accept queue may hold (Send-Q of `ss`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unacked_bytes: Option<u32>,
    /// Bytes that were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_bytes: Option<u64>,
    /// Bytes that were received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_bytes: Option<u64>,
    /// Data was last sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sent: Option<Time>,
    /// Data was last received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_received: Option<Time>,
    /// Anything was last received, an answer to a probe as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_heard: Option<Time>,
    /// No data went either way for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_ns: Option<u64>,
    /// What makes it notice that its peer is gone, where that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Bytes the peer may still send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_bytes: Option<u32>,
    /// Unanswered retransmissions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retransmits: u8,
    /// Unanswered probes of a closed window or of an idle connection.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub probes: u8,
    /// The socket's error (errno) that nobody has fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<u32>,
    /// Who waits for the socket and in which way, where that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_state: Option<WaitState>,
    /// It waits in an accept queue: nobody has accepted it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub queued: bool,
    /// Every descriptor that refers to it, or to the listener in whose queue it waits; empty for one that no descriptor
    /// refers to.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder<'a>>,
    /// What is wrong with it, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// How bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Id of the finding about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &u8) -> bool {
    *number == 0
}
