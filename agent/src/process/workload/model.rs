//! Words: what a process may be part of.

use serde::{Deserialize, Serialize};

use finback_core::model::process::ContainerName;

/// What a process is part of. A field is `None` where it is part of no such thing, or where nobody would say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Path of its control group: version 2, or systemd's hierarchy where version 2 has no groups.
    pub cgroup: Box<str>,
    /// Its unit of systemd.
    pub unit: Option<Box<str>>,
    /// Its container.
    pub container: Option<Container>,
    /// Its pod in Kubernetes.
    pub pod: Option<Pod>,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its id, as the runtime that made it has it; the name of one that has no other id.
    pub id: Box<str>,
    /// Its name.
    pub name: Option<Box<str>>,
    /// What runs it.
    pub runtime: Option<Runtime>,
    /// The service of Compose that it belongs to.
    pub service: Option<Service>,
}

/// A service of Docker Compose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its project.
    pub project: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

/// A pod of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Its UID, as the node has it: a static pod has another one in the interface of Kubernetes.
    pub uid: Box<str>,
    /// Its name.
    pub name: Option<Box<str>>,
    /// The namespace it lives in.
    pub namespace: Option<Box<str>>,
    /// The name of the container within it.
    pub container: Option<Box<str>>,
}

/// What runs containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Runtime {
    /// Docker.
    Docker,
    /// containerd.
    Containerd,
    /// CRI-O.
    CriO,
    /// Podman.
    Podman,
    /// LXC, LXD, Incus.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
}

impl Runtime {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Podman => "podman",
            Self::Lxc => "lxc",
            Self::Nspawn => "systemd-nspawn",
        }
    }
}

impl Workload {
    /// What the orchestrator of its container calls that, if there is one.
    pub fn container_name(&self) -> Option<ContainerName> {
        let of_pod = self.pod.as_ref().and_then(|pod| {
            Some(ContainerName::Pod {
                namespace: pod.namespace.clone()?,
                pod: pod.name.clone()?,
                container: pod.container.clone(),
            })
        });
        let service = || self.container.as_ref()?.service.as_ref();
        let of_service = || {
            service().map(|service| ContainerName::Service {
                project: service.project.clone(),
                service: service.name.clone(),
            })
        };
        of_pod.or_else(of_service)
    }
}

/// What an engine's files say of a container.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) name: Option<Box<str>>,
    pub(super) service: Option<Service>,
}
