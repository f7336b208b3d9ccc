//! Trouble: faults provoked with the programs of ordinary life, each with what must be said of it.

mod away;
mod held;
mod stuck;

/// How severe an incident must become: exactly that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    Info,
    Warning,
    Critical,
}

/// One fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// Names its control group, its log and its row.
    pub(super) name: &'static str,
    /// For `sh`, in the cage; calls `mark` when the trouble begins.
    pub(super) line: &'static str,
    pub(super) verdict: &'static str,
    /// Name of the executable that must be accused.
    pub(super) program: &'static str,
    pub(super) severity: Wants,
    /// Whether it must be told when descriptors run out.
    pub(super) forecast: bool,
}

impl Fault {
    /// Name of its control group.
    pub(super) fn group(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }
}

/// How groups of faults begin.
pub(super) const PREFIX: &str = "fault ";

/// Those whose name contains `part`.
pub(super) fn faults(part: Option<&str>) -> Vec<Fault> {
    let wanted = |fault: &&Fault| part.is_none_or(|part| fault.name.contains(part));
    let all = [stuck::FAULTS, held::FAULTS, away::FAULTS];
    all.into_iter().flatten().filter(wanted).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fifteen_faults_and_each_says_when_it_begins() {
        let faults = faults(None);
        assert!(faults.len() >= 15);
        for fault in faults {
            assert!(fault.line.contains("mark"), "{}", fault.name);
        }
    }
}
