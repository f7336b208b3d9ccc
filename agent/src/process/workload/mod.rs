//! What a process is part of, as the people on call name it: its unit, its container, its pod.
//!
//! Names come from files that the runtimes leave: no interface of theirs is asked, for whoever may ask an engine may do
//! what it likes with the host.

mod cgroup;
mod docker;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod host;
mod kubelet;
mod model;
mod podman;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use self::cgroup::Group;
use self::host::Host;

pub use self::model::{Container, Pod, Runtime, Service, Workload};

/// A name that was found, or was not there yet, may be another one after this time.
const AGE: Duration = Duration::from_mins(1);

/// Control groups remembered at most: a node has some hundred.
const MAX: usize = 4096;

/// The workloads that were asked for lately, by their control groups.
#[derive(Debug)]
pub struct Workloads {
    host: Host,
    known: FxHashMap<Box<str>, (Instant, Arc<Workload>)>,
}

impl Workloads {
    /// Of the host whose file system is mounted at this place: `/` unless finback is itself in a container.
    pub fn new(root: &Path) -> Self {
        Self {
            host: Host::new(root),
            known: FxHashMap::default(),
        }
    }

    /// What a process is part of, from the text of its `/proc/PID/cgroup`.
    pub(super) fn of(&mut self, text: &str, now: Instant) -> Option<Arc<Workload>> {
        let path = cgroup::path(text)?;
        let is_fresh = |since: Instant| now.saturating_duration_since(since) < AGE;
        if let Some((since, known)) = self.known.get(path)
            && is_fresh(*since)
        {
            return Some(Arc::clone(known));
        }
        if self.known.len() >= MAX {
            self.known.retain(|_, (since, _)| is_fresh(*since));
        }
        if self.known.len() >= MAX {
            self.known.clear();
        }
        let found = Arc::new(look_up(path, &self.host));
        self.known.insert(path.into(), (now, Arc::clone(&found)));
        Some(found)
    }
}

fn look_up(path: &str, host: &Host) -> Workload {
    let group = Group::of(path);
    // What lies below a user's slice is called as the user likes: it has the names that this user's own files give.
    let user = group.user.filter(|user| *user != 0);
    let id = group.container.as_ref().map(|found| &*found.id);
    let pod = group.pod.map(|uid| match user {
        None => kubelet::pod(host, &uid, id),
        Some(_) => Pod {
            uid: uid.into(),
            ..Pod::default()
        },
    });
    let container = group.container.map(|found| {
        let known = match found.runtime {
            Some(Runtime::Docker) => docker::container(host, user, &found.id),
            Some(Runtime::Podman) => podman::container(host, user, &found.id),
            _ => None,
        };
        let (name, service) = known.map_or((None, None), |known| (known.name, known.service));
        Container {
            id: found.id.into(),
            name: found.name.map(Into::into).or(name),
            runtime: found.runtime,
            service,
        }
    });
    Workload {
        cgroup: path.into(),
        unit: group.unit.map(Into::into),
        container,
        pod,
    }
}
