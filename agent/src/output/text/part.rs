//! What a process is part of, in a few words.

use super::word::clean;
use crate::output::json::{Container, K8s, Subject};

/// Its pod, else its container, else its unit.
pub(super) fn part_of(subject: &Subject<'_>) -> Option<String> {
    let pod = subject.k8s.as_ref().and_then(pod);
    pod.or_else(|| subject.container.as_ref().map(container))
        .or_else(|| subject.systemd_unit.as_deref().map(clean))
}

fn pod(k8s: &K8s<'_>) -> Option<String> {
    let namespace = k8s.namespace.as_ref();
    let namespace = namespace.map_or_else(String::new, |namespace| format!("{}/", namespace.name));
    let name = k8s.pod.name.as_ref().or(k8s.pod.uid.as_ref())?;
    let container = k8s.container.as_ref();
    let container = container.map_or_else(String::new, |of| format!(", container {}", of.name));
    Some(clean(&format!("pod {namespace}{name}{container}")))
}

/// By its name, else by as much of its id as tools show.
fn container(container: &Container<'_>) -> String {
    const SHOWN: usize = 12;
    let id = &container.id;
    let id = id.get(..SHOWN).unwrap_or(id);
    let name = container.name.as_deref().unwrap_or(id);
    format!("container {}", clean(name))
}
