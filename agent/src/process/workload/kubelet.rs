//! Names of pods, from the folders that every collector of logs reads. Whichever runtime, the kubelet leaves there
//! `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log` and `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/`.

use std::path::Path;

use super::host::Host;
use super::model::Pod;

const CONTAINERS: &str = "/var/log/containers";
const PODS: &str = "/var/log/pods";

/// A pod with the container of this id.
pub(super) fn pod(host: &Host, uid: &str, id: Option<&str>) -> Pod {
    let by_container = id.and_then(|id| by_container(host, id));
    let named = by_container.or_else(|| by_uid(host, uid));
    Pod {
        uid: uid.into(),
        ..named.unwrap_or_default()
    }
}

fn by_container(host: &Host, id: &str) -> Option<Pod> {
    host.find(Path::new(CONTAINERS), |name| {
        let name = name.strip_suffix(".log")?.strip_suffix(id)?;
        let [pod, namespace, container] = parts(name.strip_suffix('-')?)?;
        Some(Pod {
            name: Some(pod.into()),
            namespace: Some(namespace.into()),
            container: Some(container.into()),
            ..Pod::default()
        })
    })
}

fn by_uid(host: &Host, uid: &str) -> Option<Pod> {
    let (folder, mut pod) = host.find(Path::new(PODS), |name| {
        let [namespace, pod, of] = parts(name)?;
        let known = Pod {
            name: Some(pod.into()),
            namespace: Some(namespace.into()),
            ..Pod::default()
        };
        (of == uid).then(|| (Path::new(PODS).join(name), known))
    })?;
    pod.container = only(host, &folder);
    Some(pod)
}

/// The pod's container, if it has had only one.
fn only(host: &Host, folder: &Path) -> Option<Box<str>> {
    let first = host.find(folder, |name| Some(Box::<str>::from(name)))?;
    let another = host.find(folder, |name| (name != &*first).then_some(()));
    (another.is_none() && is_name(&first)).then_some(first)
}

/// Three names. None of them has a `_` in it.
pub(super) fn parts(name: &str) -> Option<[&str; 3]> {
    let mut parts = name.split('_');
    let three = [parts.next()?, parts.next()?, parts.next()?];
    (parts.next().is_none() && three.iter().all(|name| is_name(name))).then_some(three)
}

/// Whether it can be a name in Kubernetes (a subdomain of RFC 1123).
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    (1..=253).contains(&text.len()) && text.bytes().all(plain)
}
