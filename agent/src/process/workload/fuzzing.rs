//! What the engines of containers leave, and paths of control groups, as anybody may have written them.

use super::cgroup::{self, Group};
use super::{docker, host, kubelet, podman};

/// Files of engines.
pub(crate) fn engine_files(bytes: &[u8], text: &str) {
    if let Some(known) = docker::parse(bytes) {
        assert!(known.name.is_none_or(|name| !name.is_empty()));
    }
    podman::name_in(bytes, "a");
    if let Some(home) = host::home_in(bytes, 1000) {
        assert!(home.as_os_str().len() < bytes.len());
    }
    for name in text.lines() {
        if let Some(parts) = kubelet::parts(name) {
            assert_eq!(parts.join("_"), name);
        }
    }
}

/// The path of a control group, and what it names.
pub(in crate::process) fn groups(text: &str) {
    let path = cgroup::path(text).unwrap_or(text);
    let group = Group::of(path);
    if let Some(unit) = group.unit {
        assert!(path.contains(&unit));
    }
    if let Some(pod) = group.pod {
        assert!(pod.len() <= path.len());
    }
}
