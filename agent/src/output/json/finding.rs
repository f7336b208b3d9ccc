//! A finding on the wire.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::about::About;
use super::duration::nanos;
use super::evidence::Evidence;
use super::names::{Action, Confidence, Resolution, Severity, Verdict};
use super::socket::Executable;
use super::stack::Stack;
use crate::output::clock::{Time, WallClock};
use finback_core::model::finding as core;
use finback_core::model::socket;

/// Whose fault, since when, and how we know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding<'a> {
    /// Unique for as long as the daemon knows its earlier runs (docs/reliability.md): a boot.
    pub id: u64,
    /// Where it is in its life.
    pub action: Action,
    /// What is wrong.
    pub verdict: Verdict,
    /// How bad: as its incident was when this was told.
    pub severity: Severity,
    /// Id of its incident; absent in the first line of a process that nothing was known of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<Cow<'a, str>>,
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
    /// It ended while no daemon ran: after this moment, and before the event's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_after: Option<Time>,
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
    /// Name of the process as the kernel has it and `ss` shows it.
    pub comm: Cow<'a, str>,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl<'a> Finding<'a> {
    /// From the tracker's.
    pub(super) fn from_core(
        finding: &'a core::Finding,
        clock: WallClock,
        about: About<'a>,
    ) -> Self {
        let stacks = about.stacks.iter();
        Self {
            stacks: stacks
                .map(|stack| Stack::from_process(stack, clock))
                .collect(),
            id: finding.id,
            action: finding.action.into(),
            verdict: finding.verdict.into(),
            severity: finding.severity.into(),
            incident: finding.incident.map(|id| id.to_string().into()),
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
                .map(|holder| Holder::from_core(holder, clock, about))
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
            ended_after: finding.ended_after.map(|after| clock.at(after)),
        }
    }
}

impl<'a> Holder<'a> {
    pub(super) fn from_core(
        holder: &'a socket::Holder,
        clock: WallClock,
        about: About<'a>,
    ) -> Self {
        Self {
            pid: holder.process.id.pid,
            start_time: clock.at(holder.process.id.start),
            fd: holder.fd,
            comm: (&*holder.process.comm).into(),
            executable: about.executable(&holder.process),
        }
    }
}
