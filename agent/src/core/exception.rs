//! Thresholds and severities of particular processes or ports.

use std::collections::BTreeMap;
use std::time::Duration;

use super::finding::{Severity, Verdict};
use super::settings::VerdictSettings;
use super::socket::{Holder, Process};
use super::table::Tracked;

/// Settings for the connections that fit all that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exception {
    /// Name of the executable as the kernel has it (`comm`).
    pub process: Option<String>,
    /// Local port.
    pub port: Option<u16>,
    /// Thresholds that differ.
    pub thresholds: BTreeMap<Verdict, Duration>,
    /// Severities that differ.
    pub severities: BTreeMap<Verdict, Severity>,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    comm: Option<&'a str>,
    port: Option<u16>,
}

impl<'a> Subject<'a> {
    /// The process that a finding would name: the owner if it holds the connection, else the first holder.
    pub(super) fn new(tracked: &'a Tracked, holders: &'a [Holder]) -> Self {
        let owner = tracked.owner.as_ref().map(|owner| &owner.process);
        let first = holders.iter().min_by_key(|h| (h.process.id, h.fd));
        let process = match (owner, first) {
            (Some(owner), _) if holders.iter().any(|h| h.process.id == owner.id) => Some(owner),
            (_, Some(first)) => Some(&first.process),
            (owner, None) => owner,
        };
        Self {
            comm: process.map(|process| &*process.comm),
            port: Some(tracked.endpoints.local.port()),
        }
    }

    /// A process as a whole: what is set for a port does not concern it.
    pub(super) fn of_process(process: &'a Process) -> Self {
        Self {
            comm: Some(&process.comm),
            port: None,
        }
    }
}

impl Exception {
    fn fits(&self, subject: Subject<'_>) -> bool {
        let process = self.process.as_deref();
        let port = self.port;
        process.is_none_or(|process| subject.comm == Some(process))
            && port.is_none_or(|port| subject.port == Some(port))
    }

    /// What this says of a verdict about this subject, over what was said before.
    pub(super) fn apply(
        &self,
        verdict: Verdict,
        subject: Subject<'_>,
        before: VerdictSettings,
    ) -> VerdictSettings {
        if !self.fits(subject) {
            return before;
        }
        let after = self.thresholds.get(&verdict).copied();
        let severity = self.severities.get(&verdict).copied();
        VerdictSettings {
            after: after.unwrap_or(before.after),
            severity: severity.unwrap_or(before.severity),
        }
    }
}
