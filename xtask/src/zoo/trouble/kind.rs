//! A fault, and what must be said of it.

/// How severe an incident must become: exactly that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::zoo) enum Wants {
    Info,
    Warning,
    Critical,
}

/// One fault.
#[derive(Clone, Copy, Debug)]
pub(in crate::zoo) struct Fault {
    /// Names its control group, its log and its row.
    pub(in crate::zoo) name: &'static str,
    /// For `sh`, in the cage; calls `mark` when the trouble begins.
    pub(in crate::zoo) line: &'static str,
    pub(in crate::zoo) verdict: &'static str,
    /// Name of the process (`comm`) that must be accused.
    pub(in crate::zoo) program: &'static str,
    pub(in crate::zoo) severity: Wants,
    /// Whether it must be told when descriptors run out.
    pub(in crate::zoo) forecast: bool,
}

impl Fault {
    /// Name of its control group.
    pub(in crate::zoo) fn group(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }
}

/// How groups of faults begin.
pub(in crate::zoo) const PREFIX: &str = "fault ";
