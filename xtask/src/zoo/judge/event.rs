//! What the judge reads of finback's stream.

use serde::Deserialize;

/// How bad finback calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::zoo) enum Severity {
    #[default]
    Info,
    Warning,
    Critical,
}

impl Severity {
    pub(in crate::zoo) const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One line; what the judge has no use for is left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    pub(super) socket: Option<Socket>,
    pub(super) network: Option<Network>,
    pub(super) process: Option<Process>,
    pub(super) cgroup: Option<String>,
    pub(super) finding: Option<Finding>,
    pub(super) incident: Option<Incident>,
    pub(super) transition: Option<Transition>,
    pub(super) lost: Option<Lost>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Socket {
    pub(super) netns: u64,
    pub(super) role: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Network {
    pub(super) local: Address,
    pub(super) peer: Address,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    pub(super) port: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) comm: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Finding {
    pub(super) id: u64,
    pub(super) verdict: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Incident {
    pub(super) id: String,
    pub(super) severity: Severity,
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) findings: Vec<u64>,
    #[serde(default)]
    pub(super) verdicts: Vec<Verdicts>,
    pub(super) descriptors: Option<Descriptors>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Verdicts {
    pub(super) verdict: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Descriptors {
    pub(super) full_in_ns: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Transition {
    pub(super) to: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Lost {
    pub(super) records: u64,
}
