//! An incident on the wire.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::about::About;
use super::duration::nanos;
use super::names::{Action, Reason, Role, Severity, SeverityChange, Verdict, WaitState};
use super::socket::Executable;
use super::stack::Stack;
use crate::output::clock::{Time, WallClock};
use finback_core::model::incident as core;

/// The findings of one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incident<'a> {
    /// Names the cause for as long as the host runs, also after the daemon was restarted.
    pub id: Cow<'a, str>,
    /// Where it is in its life.
    pub action: Action,
    /// How bad.
    pub severity: Severity,
    /// Why, if it is worse than `info`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The severity differs from that of the line before: on the one line that says so first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity_change: Option<SeverityChange>,
    /// What its findings have in common.
    #[serde(borrow)]
    pub cause: IncidentCause<'a>,
    /// When its first finding was opened.
    pub opened: Time,
    /// Findings that are open.
    pub connections: u32,
    /// Findings in all.
    pub total: u64,
    /// Open findings by verdict, the most common first.
    pub verdicts: Vec<VerdictCount>,
    /// In which way somebody waits for the connections, the most common first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wait_states: Vec<WaitCount>,
    /// The oldest of them has been in trouble since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Time>,
    /// Whether they become more and more.
    pub trend: Trend,
    /// The processes that have most of them, 16 at most.
    #[serde(borrow)]
    pub processes: Vec<IncidentProcess<'a>>,
    /// How many processes have any.
    pub process_count: u32,
    /// The five most common peers.
    pub peers: Vec<IncidentPeer>,
    /// Of a relay: the five most common peers of the connections for which these carry on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relays_for: Vec<IncidentPeer>,
    /// Descriptors of the process that has the fewest left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<Descriptors>,
    /// The accept queue, if connections wait in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_queue: Option<AcceptQueue>,
    /// Requests that were lost on connections which the server had closed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost_requests: u64,
    /// The incident at the other end that this one follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Cow<'a, str>>,
    /// With `--stacks`: where most of the connections were opened.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<StackCount<'a>>,
    /// One sentence.
    pub summary: Cow<'a, str>,
    /// What to do about it.
    pub hint: Cow<'a, str>,
    /// Ids of the oldest open findings, 100 at most.
    pub findings: Vec<u64>,
}

/// What the findings of an incident have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentCause<'a> {
    /// The pod's owner with its namespace and the container's name, the service of Compose, the unit, or the control
    /// group without what changes from start to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Cow<'a, str>>,
    /// The executable's name without its version, and for an interpreter that of its script.
    pub program: Cow<'a, str>,
    /// Which end of the connections it is.
    pub role: Role,
    /// The local port of a server, the peer's of a client; absent for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// How many findings have a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictCount {
    /// What is wrong.
    pub verdict: Verdict,
    /// With so many connections.
    pub connections: u32,
}

/// How many connections are waited for in a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitCount {
    /// In which way.
    pub wait_state: WaitState,
    /// So many connections.
    pub connections: u32,
}

/// Whether there are more and more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// Connections settle again and again, and hardly any of them leaves.
    pub rising: bool,
    /// How many settle every minute, while it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<f64>,
}

/// A process of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentProcess<'a> {
    /// Process id.
    pub pid: u32,
    /// When it started.
    pub start_time: Time,
    /// Its name as the kernel has it and `ss` shows it.
    pub comm: Cow<'a, str>,
    /// What it runs.
    #[serde(borrow)]
    pub executable: Executable<'a>,
    /// Its connections that are in trouble.
    pub connections: u32,
}

/// A peer of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentPeer {
    /// Its address.
    pub address: IpAddr,
    /// Its port; absent for clients, which have another one each time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Connections with it.
    pub connections: u32,
}

/// Descriptors of a process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Descriptors {
    /// Process id.
    pub pid: u32,
    /// When it started.
    pub start_time: Time,
    /// Open now.
    pub open: u64,
    /// How many it may have.
    pub limit: u64,
    /// How many more there are every minute, if the connections become more and more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<f64>,
    /// None is left in so long, if it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_in_ns: Option<u64>,
}

/// An accept queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptQueue {
    /// Connections in it.
    pub waiting: u32,
    /// How many it may hold.
    pub limit: u32,
    /// Nothing was accepted for so long.
    pub stuck_ns: u64,
}

/// Where connections were opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StackCount<'a> {
    /// So many.
    pub connections: u32,
    /// One of their stacks.
    #[serde(borrow)]
    pub stack: Stack<'a>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> Incident<'a> {
    /// From the engine's.
    pub(super) fn from_core(
        incident: &'a core::Incident,
        clock: WallClock,
        about: About<'a>,
    ) -> Self {
        let cause = &incident.cause;
        let per_minute = incident.rate.map(per_minute);
        Self {
            id: incident.id.to_string().into(),
            action: incident.action.into(),
            severity: incident.severity.into(),
            reason: incident.reason.map(Into::into),
            severity_change: incident.severity_change.map(Into::into),
            cause: IncidentCause {
                workload: (!cause.workload.is_empty()).then(|| (&*cause.workload).into()),
                program: (&*cause.program).into(),
                role: cause.role.into(),
                port: cause.port,
            },
            opened: clock.at(incident.opened),
            connections: incident.connections,
            total: incident.total,
            verdicts: verdicts(incident),
            wait_states: waits(incident),
            oldest: incident.oldest.map(|oldest| clock.at(oldest)),
            trend: Trend {
                rising: incident.rising,
                per_minute,
            },
            processes: processes(incident, clock, about),
            process_count: incident.process_count,
            peers: peers(&incident.peers),
            relays_for: peers(&incident.relays_for),
            descriptors: incident
                .descriptors
                .map(|used| descriptors(used, per_minute, clock)),
            accept_queue: incident.queue.map(|queue| AcceptQueue {
                waiting: queue.waiting,
                limit: queue.limit,
                stuck_ns: nanos(queue.stuck),
            }),
            lost_requests: incident.lost_requests,
            caused_by: incident.caused_by.map(|id| id.to_string().into()),
            stacks: about
                .opened_at
                .iter()
                .map(|(connections, stack)| StackCount {
                    connections: *connections,
                    stack: Stack::from_process(stack, clock),
                })
                .collect(),
            summary: incident.summary.as_str().into(),
            hint: incident.hint.as_str().into(),
            findings: incident.findings.clone(),
        }
    }
}

/// With one digit after the point.
fn per_minute(rate: core::Rate) -> f64 {
    let tenths = u32::try_from(rate.tenths_per_minute()).unwrap_or(u32::MAX);
    f64::from(tenths) / 10.0
}

fn verdicts(incident: &core::Incident) -> Vec<VerdictCount> {
    let counts = incident.verdicts.iter();
    counts
        .map(|(verdict, connections)| VerdictCount {
            verdict: (*verdict).into(),
            connections: *connections,
        })
        .collect()
}

fn waits(incident: &core::Incident) -> Vec<WaitCount> {
    let counts = incident.waits.iter();
    counts
        .map(|(state, connections)| WaitCount {
            wait_state: (*state).into(),
            connections: *connections,
        })
        .collect()
}

fn processes<'a>(
    incident: &'a core::Incident,
    clock: WallClock,
    about: About<'a>,
) -> Vec<IncidentProcess<'a>> {
    let counts = incident.processes.iter();
    counts
        .map(|(process, connections)| IncidentProcess {
            pid: process.id.pid,
            start_time: clock.at(process.id.start),
            comm: (&*process.comm).into(),
            executable: about.executable(process),
            connections: *connections,
        })
        .collect()
}

fn peers(counts: &[(SocketAddr, u32)]) -> Vec<IncidentPeer> {
    counts
        .iter()
        .map(|(peer, connections)| IncidentPeer {
            address: peer.ip(),
            port: Some(peer.port()).filter(|port| *port != 0),
            connections: *connections,
        })
        .collect()
}

fn descriptors(
    used: core::DescriptorUse,
    per_minute: Option<f64>,
    clock: WallClock,
) -> Descriptors {
    Descriptors {
        pid: used.process.pid,
        start_time: clock.at(used.process.start),
        open: used.descriptors.open,
        limit: used.descriptors.limit,
        per_minute,
        full_in_ns: used.full_in.map(nanos),
    }
}
