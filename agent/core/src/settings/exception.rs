//! Thresholds and severities of particular processes, control groups or ports.

use std::collections::BTreeMap;
use std::time::Duration;

use super::incident::{IncidentSettings, Value};
use super::verdict::{Level, VerdictSettings};
use crate::model::finding::Verdict;
use crate::model::socket::{Holder, Owner, Process};

/// Settings for the connections that fit all that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Exception {
    /// Name of the executable as the kernel has it (`comm`).
    pub process: Option<String>,
    /// Control group of the process.
    pub cgroup: Option<GroupPattern>,
    /// Local port.
    pub port: Option<u16>,
    /// Thresholds that differ.
    pub thresholds: BTreeMap<Verdict, Duration>,
    /// Severities that differ.
    pub severities: BTreeMap<Verdict, Level>,
    /// Settings of incidents that differ, by their names.
    pub incidents: BTreeMap<String, Value>,
}

/// Names control groups (version 2) by their path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupPattern(Box<str>);

impl GroupPattern {
    /// From a path such as `/system.slice/shop.service`, which stands for that group and all below it, or the
    /// beginning of one and `*`. `None` if it does not begin with `/` or has a `*` elsewhere.
    pub fn new(text: &str) -> Option<Self> {
        let path = text.strip_suffix('*').unwrap_or(text);
        (path.starts_with('/') && !path.contains('*')).then(|| Self(text.into()))
    }

    /// Whether it names this group.
    pub fn fits(&self, path: &str) -> bool {
        if let Some(beginning) = self.0.strip_suffix('*') {
            return path.starts_with(beginning);
        }
        let group = self.0.trim_end_matches('/');
        let below = path.strip_prefix(group);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    comm: Option<&'a str>,
    group: Option<&'a str>,
    port: Option<u16>,
}

impl<'a> Subject<'a> {
    /// The process that a finding would name: the owner if it holds the connection, else the first holder.
    pub(crate) fn new(owner: Option<&'a Owner>, port: u16, holders: &'a [Holder]) -> Self {
        let owner = owner.map(|owner| &owner.process);
        let first = Holder::first(holders);
        let process = match (owner, first) {
            (Some(owner), _) if holders.iter().any(|h| h.process.id == owner.id) => Some(owner),
            (_, Some(first)) => Some(&first.process),
            (owner, None) => owner,
        };
        Self {
            comm: process.map(|process| &*process.comm),
            group: process.and_then(|process| group(process, holders)),
            port: Some(port),
        }
    }

    /// What the connections of an incident have in common: the program and the port that stays the same, of whichever
    /// end.
    pub(crate) fn of_cause(process: Option<&'a Process>, port: Option<u16>) -> Self {
        Self {
            comm: process.map(|process| &*process.comm),
            group: process.and_then(|process| process.group.as_deref()),
            port,
        }
    }

    /// A process as a whole: what is set for a port does not concern it.
    pub(crate) fn of_process(process: &'a Process) -> Self {
        Self {
            comm: Some(&process.comm),
            group: process.group.as_deref(),
            port: None,
        }
    }
}

/// A look at the descriptors is younger than the record of what the process once did.
fn group<'a>(process: &'a Process, holders: &'a [Holder]) -> Option<&'a str> {
    let seen = holders
        .iter()
        .find(|holder| holder.process.id == process.id);
    let seen = seen.and_then(|holder| holder.process.group.as_deref());
    seen.or(process.group.as_deref())
}

impl Exception {
    fn fits(&self, subject: Subject<'_>) -> bool {
        let process = self.process.as_deref();
        let port = self.port;
        let cgroup = self.cgroup.as_ref();
        let in_group =
            |pattern: &GroupPattern| subject.group.is_some_and(|group| pattern.fits(group));
        process.is_none_or(|process| subject.comm == Some(process))
            && cgroup.is_none_or(in_group)
            && port.is_none_or(|port| subject.port == Some(port))
    }

    /// Sets what this says of an incident of this subject.
    pub(crate) fn apply_to_incident(&self, subject: Subject<'_>, set: &mut IncidentSettings) {
        if self.fits(subject) {
            for (name, value) in &self.incidents {
                set.set(name, *value);
            }
        }
    }

    /// What this says of a verdict about this subject, over what was said before.
    pub(crate) fn apply(
        &self,
        verdict: Verdict,
        subject: Subject<'_>,
        before: VerdictSettings,
    ) -> VerdictSettings {
        if !self.fits(subject) {
            return before;
        }
        let after = self.thresholds.get(&verdict).copied();
        let level = self.severities.get(&verdict).copied();
        VerdictSettings {
            after: after.unwrap_or(before.after),
            level: level.unwrap_or(before.level),
        }
    }
}
