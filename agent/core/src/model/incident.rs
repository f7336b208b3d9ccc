//! An incident: the findings of one cause, for a person to act on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use super::incident_id::IncidentId;

use super::finding::{Action, Severity, Verdict};
use super::process::Descriptors;
use super::socket::{Process, ProcessId, Role};
use super::time::Timestamp;
use super::waiting::WaitState;

/// What the findings of an incident have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Cause {
    /// The pod's owner with the container's name, the service of Compose, the unit, or the control group without what
    /// changes from start to start; empty if unknown.
    pub workload: Arc<str>,
    /// The executable's name, and for an interpreter that of its script.
    pub program: Arc<str>,
    /// Which end of the connections it is.
    pub role: Role,
    /// The local port of a server, the peer's port of a client; `None` for any.
    pub port: Option<u16>,
}

/// Why an incident is as severe as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Reason {
    /// Many connections that have gone unnoticed for long.
    Crowd,
    /// One that has gone unnoticed for very long.
    Age,
    /// They become more and more.
    Rising,
    /// A process is about to have no descriptor left, and these connections have a good part of them.
    Descriptors,
    /// An accept queue does not move, or is full.
    Queue,
    /// The end-of-stream is read over and over.
    Spin,
    /// Requests are lost on connections that the server had closed.
    LostRequests,
    /// Local ports are used up.
    LocalPorts,
    /// The settings say so of a verdict.
    Configured,
}

impl Reason {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crowd => "crowd",
            Self::Age => "age",
            Self::Rising => "rising",
            Self::Descriptors => "descriptors",
            Self::Queue => "queue",
            Self::Spin => "spin",
            Self::LostRequests => "lost_requests",
            Self::LocalPorts => "local_ports",
            Self::Configured => "configured",
        }
    }
}

/// What has become of an incident's severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeverityChange {
    /// It is worse.
    Raised,
    /// It is better.
    Lowered,
}

/// Connections that settled in a time: how fast there are more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many …
    pub settled: u32,
    /// … in so long.
    pub within: Duration,
}

impl Rate {
    /// Tenths of connections per minute.
    pub fn tenths_per_minute(self) -> u64 {
        let nanos = self.within.as_nanos().max(1);
        let tenths = u128::from(self.settled) * 600_000_000_000;
        u64::try_from((tenths + nanos / 2) / nanos).unwrap_or(u64::MAX)
    }

    /// How long until there are so many more; `None` if that is never.
    pub fn reaches(self, more: u64) -> Option<Duration> {
        let nanos = self.within.as_nanos().checked_mul(u128::from(more))?;
        let nanos = nanos.checked_div(u128::from(self.settled))?;
        Some(Duration::from_nanos(
            u64::try_from(nanos).unwrap_or(u64::MAX),
        ))
    }
}

/// The descriptors of the process that has the fewest left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorUse {
    /// The process.
    pub process: ProcessId,
    /// How many it has and may have.
    pub descriptors: Descriptors,
    /// So long until none is left, if the connections go on becoming more.
    pub full_in: Option<Duration>,
}

/// The accept queue that is worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueUse {
    /// Connections that wait in it.
    pub waiting: u32,
    /// How many it may hold.
    pub limit: u32,
    /// Nothing was accepted for so long.
    pub stuck: Duration,
}

/// One incident, complete: an event carries all of it, whatever its action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its name.
    pub id: IncidentId,
    /// Where it is in its life.
    pub action: Action,
    /// How bad.
    pub severity: Severity,
    /// Why, if it is worse than `info`.
    pub reason: Option<Reason>,
    /// How it differs from the event before, for who wants to be told once.
    pub severity_change: Option<SeverityChange>,
    /// What its findings have in common.
    pub cause: Cause,
    /// When its first finding was opened.
    pub opened: Timestamp,
    /// Findings that are open.
    pub connections: u32,
    /// Findings in all.
    pub total: u64,
    /// Open findings by verdict, the most common first.
    pub verdicts: Vec<(Verdict, u32)>,
    /// In which way somebody waits for the connections, the most common first, as far as they are listed.
    pub waits: Vec<(WaitState, u32)>,
    /// The oldest of them has been in trouble since then.
    pub oldest: Option<Timestamp>,
    /// They become more and more.
    pub rising: bool,
    /// How fast, while they do.
    pub rate: Option<Rate>,
    /// The processes that have most of them, with how many.
    pub processes: Vec<(Arc<Process>, u32)>,
    /// How many processes there are.
    pub process_count: u32,
    /// The most common peers, with how many; port 0 for clients, which have many.
    pub peers: Vec<(SocketAddr, u32)>,
    /// Of a relay: the most common peers of the connections for which these carry on; port 0 for clients.
    pub relays_for: Vec<(SocketAddr, u32)>,
    /// Descriptors of the process that has the fewest left.
    pub descriptors: Option<DescriptorUse>,
    /// The accept queue, if connections wait in it.
    pub queue: Option<QueueUse>,
    /// Requests that were lost on connections that the server had closed.
    pub lost_requests: u64,
    /// The incident at the other end that this one follows from.
    pub caused_by: Option<IncidentId>,
    /// One sentence a human understands.
    pub summary: String,
    /// What to do about it.
    pub hint: String,
    /// Ids of the oldest open findings.
    pub findings: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rate(settled: u32, seconds: u64) -> Rate {
        Rate {
            settled,
            within: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_rate_is_told_in_tenths_and_reaches_what_is_left() {
        assert_eq!(rate(15, 600).tenths_per_minute(), 15);
        assert_eq!(rate(1, 3600).tenths_per_minute(), 0);
        assert_eq!(rate(30, 60).reaches(900), Some(Duration::from_mins(30)));
        assert_eq!(rate(0, 60).reaches(900), None);
    }
}
