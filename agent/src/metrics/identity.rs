//! Whose it is: the labels by which an alert finds the people who can mend it.

use finback_core::model::socket;

use super::clean;
use super::family::Labels;
use crate::process::{Container, Description, Pod, Workload};

/// Digits of a container's id that are enough to find it.
const ID: usize = 12;

/// A process as a person on call names it: several of one program in one unit or container are one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Identity {
    /// What it runs.
    process: String,
    unit: String,
    namespace: String,
    pod: String,
    container: String,
}

impl Identity {
    /// From what the kernel and `/proc` say.
    pub(super) fn of(process: &socket::Process, known: Option<&Description>) -> Self {
        let file = known.and_then(Description::file_name);
        let workload = known.and_then(|known| known.workload.as_deref());
        Self {
            process: clean::name(file.unwrap_or(&process.comm)),
            ..workload.map(Self::of_workload).unwrap_or_default()
        }
    }

    fn of_workload(known: &Workload) -> Self {
        let name = |text: Option<&str>| text.map(clean::name).unwrap_or_default();
        let pod = known.pod.as_ref();
        let in_pod = pod.and_then(|pod| pod.container.as_deref());
        let container = in_pod.or_else(|| known.container.as_ref().map(container));
        Self {
            process: String::new(),
            unit: name(known.unit.as_deref()),
            namespace: name(pod.and_then(|pod| pod.namespace.as_deref())),
            pod: name(pod.map(pod_name)),
            container: name(container),
        }
    }

    /// All that is not known.
    pub(super) fn other() -> Self {
        Self {
            process: "other".to_owned(),
            ..Self::default()
        }
    }

    /// Without those that say nothing.
    pub(super) fn labels(&self) -> Labels {
        let all = [
            ("process", &self.process),
            ("unit", &self.unit),
            ("namespace", &self.namespace),
            ("pod", &self.pod),
            ("container", &self.container),
        ];
        let all = all.into_iter().filter(|(_, value)| !value.is_empty());
        all.map(|(name, value)| (name, value.clone())).collect()
    }
}

fn pod_name(pod: &Pod) -> &str {
    pod.name.as_deref().unwrap_or(&pod.uid)
}

fn container(known: &Container) -> &str {
    let id = || known.id.get(..ID).unwrap_or(&known.id);
    known.name.as_deref().unwrap_or_else(id)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use finback_core::model::socket::{Process, ProcessId};
    use finback_core::model::time::Timestamp;

    fn process() -> Process {
        Process {
            id: ProcessId {
                pid: 1,
                start: Timestamp::default(),
            },
            comm: "worker\n".into(),
            uid: None,
            cgroup: None,
            group: None,
        }
    }

    fn labels(workload: Workload) -> Vec<(&'static str, String)> {
        let known = Description {
            path: Some("/usr/bin/python3.11".into()),
            workload: Some(Arc::new(workload)),
            ..Description::default()
        };
        Identity::of(&process(), Some(&known)).labels()
    }

    #[test]
    fn a_process_is_named_by_its_pod_its_container_or_its_unit() {
        let pod = Pod {
            uid: "7".into(),
            name: Some("web-0".into()),
            namespace: Some("shop".into()),
            container: Some("app".into()),
        };
        let container = Container {
            id: "0123456789abcdef".into(),
            name: None,
            runtime: None,
            service: None,
        };
        let owned = |all: &[(&'static str, &str)]| -> Labels {
            let all = all.iter();
            all.map(|(name, value)| (*name, (*value).to_owned()))
                .collect()
        };
        let in_pod = Workload {
            container: Some(container.clone()),
            pod: Some(pod),
            ..Workload::default()
        };
        let expected = owned(&[
            ("process", "python3.11"),
            ("namespace", "shop"),
            ("pod", "web-0"),
            ("container", "app"),
        ]);
        assert_eq!(labels(in_pod), expected);
        let alone = Workload {
            unit: Some("docker.service".into()),
            container: Some(container),
            ..Workload::default()
        };
        let expected = owned(&[
            ("process", "python3.11"),
            ("unit", "docker.service"),
            ("container", "0123456789ab"),
        ]);
        assert_eq!(labels(alone), expected);
        let unknown = Identity::of(&process(), None).labels();
        assert_eq!(unknown, owned(&[("process", "worker?")]));
    }
}
