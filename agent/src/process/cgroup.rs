//! Container ids from the path of a control group.

/// Length of a container id of Docker, containerd, CRI-O and Podman: SHA-256 in hexadecimal.
const ID_LEN: usize = 64;

/// The innermost container's id. Seen forms of the last components:
/// `docker-ID.scope`, `cri-containerd-ID.scope`, `crio-ID.scope`, `libpod-ID.scope`, `docker/ID`,
/// `kubepods/…/pod…/ID`, `…/libpod-ID.scope/container`.
pub(super) fn container_id(path: &str) -> Option<&str> {
    path.rsplit('/').find_map(component_id)
}

fn component_id(component: &str) -> Option<&str> {
    let name = component.strip_suffix(".scope").unwrap_or(component);
    let (runtime, id) = name.rsplit_once(['-', ':']).unwrap_or(("", name));
    // CRI-O's and Podman's monitors live in a group of their own beside the container's.
    if runtime.ends_with("conmon") {
        return None;
    }
    (id.len() == ID_LEN && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f1c7f1f0a4f3d0f6c9a1b2c3d4e5f60718293a4b5c6d7e8f9000102030405ff";

    #[test]
    fn the_runtimes_forms_are_known() {
        for path in [
            format!("/system.slice/docker-{ID}.scope"),
            format!("/docker/{ID}"),
            format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{ID}.scope"
            ),
            format!("/kubepods/besteffort/pod0b1c/{ID}"),
            format!("/machine.slice/libpod-{ID}.scope/container"),
            format!("/kubepods.slice/crio-{ID}.scope"),
            format!("/system.slice/containerd.service/kubepods:cri-containerd:{ID}"),
        ] {
            assert_eq!(container_id(&path), Some(ID), "{path}");
        }
    }

    #[test]
    fn other_groups_are_no_container() {
        for path in [
            "/".to_owned(),
            "/system.slice/ssh.service".to_owned(),
            "/user.slice/user-1000.slice/session-2.scope".to_owned(),
            format!("/machine.slice/libpod-conmon-{ID}.scope"),
            format!("/docker/{}", &ID[1..]),
            format!("/docker/{}", ID.to_uppercase()),
        ] {
            assert_eq!(container_id(&path), None, "{path}");
        }
    }
}
