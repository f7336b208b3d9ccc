use std::fs;
use std::os::unix::fs::{chown, symlink};

use tempfile::TempDir;

use super::*;
use finback_core::model::process::ContainerName;

const ID: &str = "3f1c7f1f0a4f3d0f6c9a1b2c3d4e5f60718293a4b5c6d7e8f9000102030405ff";
const OTHER: &str = "000c7f1f0a4f3d0f6c9a1b2c3d4e5f60718293a4b5c6d7e8f9000102030405ff";
const UID: &str = "0b1c2d3e-4f5a-6b7c-8d9e-0f1a2b3c4d5e";

/// A host's folders, made up.
struct Folders(TempDir);

impl Folders {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, path: &str, content: &str) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// What is known of the processes in a group.
    fn workload(&self, path: &str) -> Workload {
        look_up(path, &Host::new(self.0.path()))
    }
}

fn in_pod() -> String {
    format!(
        "/kubepods.slice/kubepods-pod{}.slice/cri-containerd-{ID}.scope",
        UID.replace('-', "_")
    )
}

fn pod(name: &str, container: Option<&str>) -> Pod {
    Pod {
        uid: UID.into(),
        name: Some(name.into()),
        namespace: Some("shop".into()),
        container: container.map(Into::into),
    }
}

#[test]
fn a_pod_has_the_names_of_its_container_s_log() {
    let folders = Folders::new()
        .with(
            &format!("var/log/containers/dns_kube-system_dns-{OTHER}.log"),
            "",
        )
        .with(&format!("var/log/containers/web-0_shop_app-{ID}.log"), "");
    let found = folders.workload(&in_pod());
    assert_eq!(found.pod, Some(pod("web-0", Some("app"))));
    let container = found.container.as_ref().unwrap();
    assert_eq!((&*container.id, &container.name), (ID, &None));
    let expected = ContainerName::Pod {
        namespace: "shop".into(),
        pod: "web-0".into(),
        container: Some("app".into()),
    };
    assert_eq!(found.container_name(), Some(expected));
}

#[test]
fn a_pod_is_found_by_its_uid_and_its_only_container_is_meant() {
    let folder = format!("var/log/pods/shop_web-0_{UID}");
    let folders = Folders::new().with(&format!("{folder}/app/0.log"), "");
    let found = folders.workload(&in_pod());
    assert_eq!(found.pod, Some(pod("web-0", Some("app"))));
    let folders = folders.with(&format!("{folder}/init/0.log"), "");
    let found = folders.workload(&in_pod());
    assert_eq!(found.pod, Some(pod("web-0", None)));
}

#[test]
fn a_pod_without_logs_has_its_uid_and_names_that_cannot_be_are_not_taken() {
    let bare = Some(Pod {
        uid: UID.into(),
        ..Pod::default()
    });
    let folders = Folders::new();
    assert_eq!(folders.workload(&in_pod()).pod, bare);
    let folders = folders
        .with(&format!("var/log/containers/web_shop-{ID}.log"), "")
        .with(
            &format!("var/log/containers/w\x1b[2J_shop_app-{ID}.log"),
            "",
        )
        .with(&format!("var/log/containers/_shop_app-{ID}.log"), "");
    let found = folders.workload(&in_pod());
    assert_eq!(found.pod, bare);
    assert_eq!(found.container_name(), None);
}

#[test]
fn a_container_of_docker_has_its_name_and_its_service() {
    let path = format!("var/lib/docker/containers/{ID}/config.v2.json");
    let labels =
        r#"{"com.docker.compose.project":"shop","com.docker.compose.service":"web","x":"y"}"#;
    let text = format!(
        r#"{{"ID":"{ID}","Name":"/shop-web-1","State":{{}},"Config":{{"Image":"web","Labels":{labels}}}}}"#
    );
    let folders = Folders::new().with(&path, &text);
    let found = folders.workload(&format!("/system.slice/docker-{ID}.scope"));
    let container = found.container.as_ref().unwrap();
    assert_eq!(container.name.as_deref(), Some("shop-web-1"));
    assert_eq!(container.runtime, Some(Runtime::Docker));
    let expected = ContainerName::Service {
        project: "shop".into(),
        service: "web".into(),
    };
    assert_eq!(found.container_name(), Some(expected));
    let folders = folders.with(&path, r#"{"Name":"/web","Config":{"Labels":null}}"#);
    let found = folders.workload(&format!("/docker/{ID}"));
    assert_eq!(found.container_name(), None);
    assert_eq!(found.container.unwrap().name.as_deref(), Some("web"));
}

fn list(name: &str) -> String {
    format!(
        r#"[{{"id":"{OTHER}","created":"2026"}},{{"id":"{ID}","names":["{name}","second"],"layer":"x"}}]"#
    )
}

#[test]
fn a_container_of_podman_has_its_name_whichever_list_it_is_in() {
    let path = format!("/machine.slice/libpod-{ID}.scope/container");
    for storage in ["var/lib/containers/storage", "run/containers/storage"] {
        for file in ["containers.json", "volatile-containers.json"] {
            let file = format!("{storage}/overlay-containers/{file}");
            let folders = Folders::new().with(&file, &list("web"));
            let container = folders.workload(&path).container.unwrap();
            assert_eq!(container.name.as_deref(), Some("web"), "{file}");
            assert_eq!(container.runtime, Some(Runtime::Podman));
        }
    }
}

/// A user's containers have names from that user's home only, and a home that is not the user's own has none.
#[test]
fn what_a_user_runs_is_named_by_the_user_s_own_files() {
    let own = rustix::process::geteuid().as_raw();
    let user = if own == 0 { 12_345 } else { own };
    let path =
        format!("/user.slice/user-{user}.slice/user@{user}.service/user.slice/libpod-{ID}.scope");
    let storage = "storage/overlay-containers/containers.json";
    let passwd = format!("root:x:0:0::/root:/bin/sh\nu:x:{user}:1::/people/u:/bin/sh\nbroken\n");
    let folders = Folders::new()
        .with("etc/passwd", &passwd)
        .with(&format!("var/lib/containers/{storage}"), &list("root-s"))
        .with(
            &format!("people/u/.local/share/containers/{storage}"),
            &list("own"),
        );
    let name = || folders.workload(&path).container.unwrap().name;
    if own == 0 {
        assert_eq!(name(), None, "the home belongs to another user");
        chown(folders.0.path().join("people/u"), Some(user), None).unwrap();
    }
    assert_eq!(name().as_deref(), Some("own"));
    let pod = format!("/user.slice/user-{user}.slice{}", in_pod());
    let named = format!("var/log/containers/web-0_shop_app-{ID}.log");
    let found = folders.with(&named, "").workload(&pod).pod.unwrap();
    assert_eq!((&*found.uid, found.name), (UID, None));
}

#[test]
fn links_stay_on_the_host_and_what_is_no_file_or_too_large_is_not_read() {
    let group = format!("/docker/{ID}");
    let folders = Folders::new()
        .with("data/config.v2.json", r#"{"Name":"/web"}"#)
        .with("var/lib/docker/containers/x", "");
    let path = folders.0.path().to_owned();
    let container = path.join(format!("var/lib/docker/containers/{ID}"));
    symlink("/data", &container).unwrap();
    let name = || folders.workload(&group).container.unwrap().name;
    assert_eq!(name().as_deref(), Some("web"), "below the host's root");
    let file = path.join("data/config.v2.json");
    fs::write(&file, format!(r#"{{"Name":"/{}"}}"#, "w".repeat(1 << 20))).unwrap();
    assert_eq!(name(), None);
    fs::remove_file(&file).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &file,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert_eq!(name(), None, "and nothing waits for a writer");
    for text in ["", "[]", "{\"Name\":7}", "{\"Name\":\"\"}", "\u{0}"] {
        fs::remove_file(&file).unwrap();
        fs::write(&file, text).unwrap();
        assert_eq!(name(), None, "{text}");
    }
}

#[test]
fn a_group_is_looked_up_once_a_minute_and_the_memory_is_bounded() {
    let folders = Folders::new();
    let mut all = Workloads::new(folders.0.path());
    let text = format!("0::{}\n", in_pod());
    let start = Instant::now();
    let name = |found: Option<Arc<Workload>>| found.unwrap().pod.clone().unwrap().name;
    assert_eq!(name(all.of(&text, start)), None);
    let folders = folders.with(&format!("var/log/containers/web-0_shop_app-{ID}.log"), "");
    assert_eq!(name(all.of(&text, start + AGE / 2)), None);
    let later = start + AGE;
    assert_eq!(name(all.of(&text, later)).as_deref(), Some("web-0"));
    drop(folders);
    for group in 0..2 * MAX {
        all.of(&format!("0::/{group}"), later).unwrap();
        assert!(all.known.len() <= MAX);
    }
    assert!(all.of("nonsense", later).is_none());
}
