//! The page of `finback explain` on the wire: what it says in words, section by section.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::{Confidence, Severity, Verdict};
use crate::output::clock::Time;

/// Everything there is to say about what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation<'a> {
    /// What was asked, as it was written.
    pub asked: Cow<'a, str>,
    /// What it is.
    pub topic: Topic,
    /// Whether there is a finding about it now.
    pub found: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// How bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// How sure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Id of the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<u64>,
    /// Id of the incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<Cow<'a, str>>,
    /// The verdict in one sentence.
    pub summary: Cow<'a, str>,
    /// What has happened, the oldest first.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Moment<'a>>,
    /// Who holds it and who waits for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Cow<'a, str>>,
    /// Where it was opened and where its threads are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<Cow<'a, str>>,
    /// Why it is a fault, or why not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<Cow<'a, str>>,
    /// Where the fault lies.
    pub origin: Origin,
    /// What shows that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origin_evidence: Vec<Cow<'a, str>>,
    /// The connection on the other side of a relay, and the other end of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Cow<'a, str>>,
    /// What it costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub costs: Vec<Cow<'a, str>>,
    /// What to change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<Cow<'a, str>>,
    /// What will not help, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub futile: Vec<Cow<'a, str>>,
    /// Commands that show it without finback.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Cow<'a, str>>,
    /// What is not known, and what would tell it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Cow<'a, str>>,
    /// The page of the documentation about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<Cow<'a, str>>,
}

/// What an explanation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// One connection or listener.
    Connection,
    /// A process and what it has.
    Process,
    /// An incident.
    Incident,
}

/// Where a fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// In the program that has the connection.
    Application,
    /// In the program at the other end.
    Peer,
    /// In the network, or the peer's host is gone.
    Network,
    /// Nothing is wrong.
    Nobody,
    /// It cannot be told.
    Unknown,
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moment<'a> {
    /// When; absent if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// At which end; absent for what belongs to neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// What.
    pub text: Cow<'a, str>,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Ours.
    Local,
    /// The other one.
    Peer,
}
