//! What a look at processes finds: what they run, where they belong, how many descriptors they have.

use super::socket::ProcessId;

/// What a process runs and where it belongs. A field is empty where nobody would say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Identity {
    /// Path of its executable.
    pub executable: Option<Box<str>>,
    /// Its command line, the program's name first.
    pub arguments: Vec<Box<str>>,
    /// Path of its control group: version 2, or systemd's hierarchy where version 2 has no groups.
    pub cgroup: Option<Box<str>>,
    /// What the orchestrator of its container calls that.
    pub container: Option<ContainerName>,
}

/// A container as its orchestrator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ContainerName {
    /// Kubernetes.
    Pod {
        /// The namespace that the pod lives in.
        namespace: Box<str>,
        /// The pod.
        pod: Box<str>,
        /// The container within it, if known.
        container: Option<Box<str>>,
    },
    /// Docker Compose.
    Service {
        /// Its project.
        project: Box<str>,
        /// Its service: several containers may be of one.
        service: Box<str>,
    },
}

/// How many descriptors a process has, and may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Descriptors {
    /// Open now.
    pub open: u64,
    /// `RLIMIT_NOFILE`, the soft one.
    pub limit: u64,
}

impl Descriptors {
    /// Whether so many percent are in use.
    pub fn are_used_to(self, percent: u32) -> bool {
        self.limit > 0 && self.reach(percent)
    }

    /// The same; of a limit of nothing they are always so many.
    pub(crate) fn reach(self, percent: u32) -> bool {
        self.open.saturating_mul(100) >= self.limit.saturating_mul(percent.into())
    }
}

/// A process as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ProcessView {
    /// Its name.
    pub id: ProcessId,
    /// It is gone, or its pid belongs to another one by now.
    pub ended: bool,
    /// What it runs; `None` if it is gone.
    pub identity: Option<Identity>,
    /// Its descriptors, if they could be counted.
    pub descriptors: Option<Descriptors>,
}

#[cfg(test)]
mod tests {
    use super::Descriptors;

    #[test]
    fn descriptors_are_used_up_by_percent_whatever_they_are() {
        let used = |open, limit| Descriptors { open, limit }.are_used_to(90);
        assert!(used(90, 100) && !used(89, 100));
        assert!(!used(0, 0), "a limit that is not known");
        assert!(!used(1_000, u64::MAX) && used(u64::MAX, 1_000));
    }
}
