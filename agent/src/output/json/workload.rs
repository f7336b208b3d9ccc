//! What a process is part of, with OpenTelemetry's names (`container.runtime.name`, `k8s.pod.uid`).

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::process as core;

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Container<'a> {
    /// Its id, as the runtime that made it has it; the name of one that has no other id (LXC, systemd-nspawn).
    pub id: Cow<'a, str>,
    /// Its name, if its runtime keeps one where it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    /// What runs it.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Named<'a>>,
}

/// What has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Named<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
}

/// Where in Kubernetes a process runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct K8s<'a> {
    /// The namespace that its pod lives in.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Named<'a>>,
    /// Its pod.
    #[serde(borrow)]
    pub pod: Pod<'a>,
    /// Its container within the pod.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub container: Option<Named<'a>>,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pod<'a> {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    /// Its UID, as its node has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<Cow<'a, str>>,
}

fn named(name: Option<&str>) -> Option<Named<'_>> {
    name.map(|name| Named { name: name.into() })
}

impl<'a> From<&'a core::Container> for Container<'a> {
    fn from(known: &'a core::Container) -> Self {
        Self {
            id: (&*known.id).into(),
            name: known.name.as_deref().map(Into::into),
            runtime: known.runtime.map(|runtime| Named {
                name: runtime.name().into(),
            }),
        }
    }
}

impl<'a> From<&'a core::Pod> for K8s<'a> {
    fn from(known: &'a core::Pod) -> Self {
        Self {
            namespace: named(known.namespace.as_deref()),
            pod: Pod {
                name: known.name.as_deref().map(Into::into),
                uid: Some((&*known.uid).into()),
            },
            container: named(known.container.as_deref()),
        }
    }
}
