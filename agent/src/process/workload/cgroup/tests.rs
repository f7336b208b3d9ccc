use proptest::prelude::*;

use super::*;

const ID: &str = "3f1c7f1f0a4f3d0f6c9a1b2c3d4e5f60718293a4b5c6d7e8f9000102030405ff";
const UID: &str = "0b1c2d3e-4f5a-6b7c-8d9e-0f1a2b3c4d5e";

/// The container's id or name, the runtime's name, the pod.
fn found(path: &str) -> (Option<String>, Option<&'static str>, Option<String>) {
    let group = Group::of(path);
    let runtime = group.container.as_ref().and_then(|found| found.runtime);
    (
        group.container.map(|found| found.id),
        runtime.map(Runtime::name),
        group.pod,
    )
}

#[test]
fn containers_of_every_runtime_are_known_by_their_ids() {
    for (path, runtime) in [
        (format!("/system.slice/docker-{ID}.scope"), "docker"),
        (format!("/docker/{ID}"), "docker"),
        (format!("/docker/{ID}/init.scope"), "docker"),
        (format!("/system.slice/nerdctl-{ID}.scope"), "containerd"),
        (
            format!("/machine.slice/libpod-{ID}.scope/container"),
            "podman",
        ),
        (format!("/libpod_parent/libpod-{ID}"), "podman"),
        (
            format!("/system.slice/web.service/libpod-payload-{ID}"),
            "podman",
        ),
        (
            format!("/machine.slice/machine-libpod_pod_{ID}.slice/libpod-{ID}.scope/container"),
            "podman",
        ),
        (
            format!(
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container"
            ),
            "podman",
        ),
        (format!("/../../docker/{ID}"), "docker"),
    ] {
        let expected = (Some(ID.to_owned()), Some(runtime), None);
        assert_eq!(found(&path), expected, "{path}");
    }
    assert_eq!(
        found(&format!("/ecs/3f1c7f1f0a4f/{ID}")),
        (Some(ID.to_owned()), None, None)
    );
}

#[test]
fn pods_are_known_by_their_uids_whichever_driver_made_their_groups() {
    let slice = UID.replace('-', "_");
    for (path, runtime) in [
        (
            format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{slice}.slice/cri-containerd-{ID}.scope"
            ),
            Some("containerd"),
        ),
        (
            format!("/kubepods.slice/kubepods-pod{slice}.slice/crio-{ID}.scope"),
            Some("cri-o"),
        ),
        (
            format!(
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{slice}.slice/docker-{ID}.scope"
            ),
            Some("docker"),
        ),
        (format!("/kubepods/besteffort/pod{UID}/{ID}"), None),
        (
            format!("/kubepods/burstable/pod{UID}/crio-{ID}"),
            Some("cri-o"),
        ),
        (format!("/kubepods/pod{UID}/{ID}/nested"), None),
        (
            format!(
                "/system.slice/containerd.service/kubepods-burstable-pod{slice}.slice:cri-containerd:{ID}"
            ),
            Some("containerd"),
        ),
        (
            format!(
                "/system.slice/docker-{}.scope/kubelet.slice/kubelet-kubepods.slice/\
                 kubelet-kubepods-pod{slice}.slice/cri-containerd-{ID}.scope",
                "0".repeat(64)
            ),
            Some("containerd"),
        ),
    ] {
        let expected = (Some(ID.to_owned()), runtime, Some(UID.to_owned()));
        assert_eq!(found(&path), expected, "{path}");
    }
    let static_pod = "3f1c7f1f0a4f3d0f6c9a1b2c3d4e5f60";
    let path = format!(
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{static_pod}.slice"
    );
    assert_eq!(found(&path), (None, None, Some(static_pod.to_owned())));
}

#[test]
fn containers_without_ids_are_known_by_their_names() {
    for (path, name, runtime) in [
        ("/lxc.payload.web/system.slice/nginx.service", "web", "lxc"),
        ("/lxc/101/ns/system.slice", "101", "lxc"),
        (
            "/machine.slice/machine-my\\x2dweb.scope/payload/init.scope",
            "my-web",
            "systemd-nspawn",
        ),
        (
            "/machine.slice/systemd-nspawn@web.service/payload",
            "web",
            "systemd-nspawn",
        ),
    ] {
        let container = Group::of(path).container.unwrap();
        let runtime_name = container.runtime.map(Runtime::name);
        assert_eq!(
            (&*container.id, container.name.as_deref(), runtime_name),
            (name, Some(name), Some(runtime))
        );
    }
}

#[test]
fn other_groups_are_no_container() {
    for path in [
        "/".to_owned(),
        "/system.slice/ssh.service".to_owned(),
        "/user.slice/user-1000.slice/session-2.scope".to_owned(),
        format!("/machine.slice/libpod-conmon-{ID}.scope"),
        format!("/kubepods.slice/crio-conmon-{ID}.scope"),
        format!("/machine.slice/machine-libpod_pod_{ID}.slice"),
        format!("/docker/{}", &ID[1..]),
        format!("/docker/{}", ID.to_uppercase()),
        "/lxc.monitor.web".to_owned(),
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope".to_owned(),
        "/batch/pod1".to_owned(),
    ] {
        assert_eq!(found(&path), (None, None, None), "{path}");
    }
}

#[test]
fn the_unit_is_the_innermost_one_that_is_no_container() {
    for (path, unit) in [
        ("/system.slice/shop.service", "shop.service"),
        (
            "/system.slice/system-getty.slice/getty@tty1.service",
            "getty@tty1.service",
        ),
        ("/system.slice/php.service/worker", "php.service"),
        (
            "/user.slice/user-1000.slice/session-2.scope",
            "session-2.scope",
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service",
            "editor.service",
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-term-7.scope",
            "app-term-7.scope",
        ),
        ("/init.scope", "init.scope"),
        (
            "/machine.slice/machine-web.scope/payload/system.slice/nginx.service",
            "nginx.service",
        ),
        (
            "/system.slice/web.service/libpod-payload-3f1c7f1f0a4f3d0f6c9a1b2c3d4e5f60718293a4b5c6d7e8f9000102030405ff",
            "web.service",
        ),
    ] {
        assert_eq!(Group::of(path).unit.as_deref(), Some(unit), "{path}");
    }
    for path in [
        "/".to_owned(),
        "/batch/nightly".to_owned(),
        format!("/system.slice/docker-{ID}.scope"),
    ] {
        assert_eq!(Group::of(&path).unit, None, "{path}");
    }
}

#[test]
fn the_user_is_the_one_below_whose_slice_it_is() {
    let user = |path| Group::of(path).user;
    assert_eq!(
        user("/user.slice/user-1000.slice/user@1000.service/x"),
        Some(1000)
    );
    assert_eq!(user("/system.slice/user-x.slice"), None);
}

#[test]
fn the_path_is_that_of_version_2_or_of_systemd_s_hierarchy() {
    for (text, expected) in [
        (
            "0::/system.slice/a.service\n",
            Some("/system.slice/a.service"),
        ),
        (
            "12:pids:/docker/x\n1:name=systemd:/system.slice/b.service\n0::/\n",
            Some("/system.slice/b.service"),
        ),
        (
            "1:name=systemd:/b\n0::/system.slice/a.service\n",
            Some("/system.slice/a.service"),
        ),
        ("3:cpu,cpuacct:/c\n1:name=systemd:/b:c\n", Some("/b:c")),
        ("1:name=systemd:/\n0::/\n", Some("/")),
        ("0::/gone.service (deleted)\n", Some("/gone.service")),
        ("2:memory:/m\n", None),
        ("", None),
    ] {
        assert_eq!(path(text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_path_confuses_it(text in any::<String>(), path_text in "(/|pod|-|_|:|\\.slice|\\.scope|\\.service|kubepods|lxc\\.payload\\.|machine-|user-|libpod|\\\\x|\\\\x2d|é|[0-9a-f]{1,64}){0,20}") {
        for text in [&text, &path_text] {
            path(text);
            let group = Group::of(text);
            prop_assert!(group.container.is_none_or(|found| !found.id.is_empty()));
            prop_assert!(group.pod.is_none_or(|uid| !uid.is_empty()));
        }
    }
}
