//! What the path of a control group tells: container, pod, unit, user.

use super::model::Runtime;

/// Length of a container id of Docker, containerd, CRI-O and Podman: SHA-256 in hexadecimal.
const ID_LEN: usize = 64;

/// What a path says of the processes in it. Whoever owns a group may call those below it as he likes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// The innermost container.
    pub(super) container: Option<Container>,
    /// UID of the pod.
    pub(super) pod: Option<String>,
    /// The innermost unit of systemd that is no container: a service, or the scope of a session.
    pub(super) unit: Option<String>,
    /// The user below whose slice it is.
    pub(super) user: Option<u32>,
}

/// A container as its group names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Container {
    /// Its id; of those that have none, its name.
    pub(super) id: String,
    /// Its name, if that is in the path.
    pub(super) name: Option<String>,
    pub(super) runtime: Option<Runtime>,
}

/// The path that says most in `/proc/PID/cgroup`: that of version 2, or that of systemd's hierarchy where version 2 has no
/// groups (a hybrid) or is not there.
pub(super) fn path(text: &str) -> Option<&str> {
    let path = |prefix| {
        let path = text
            .lines()
            .find_map(|line| line.split_once(':')?.1.strip_prefix(prefix));
        path.map(|path| path.strip_suffix(" (deleted)").unwrap_or(path))
    };
    let (unified, systemd) = (path(":"), path("name=systemd:"));
    let is_group = |path: &&str| *path != "/";
    let either = unified.filter(is_group).or(systemd.filter(is_group));
    either.or(unified).or(systemd)
}

impl Group {
    /// Reads a path.
    pub(super) fn of(path: &str) -> Self {
        let mut group = Self::default();
        let (mut before, mut in_kubepods) = ("", false);
        for part in path.split('/') {
            in_kubepods |= part.contains("kubepods");
            if let Some(uid) = pod(part).filter(|_| in_kubepods) {
                group.pod = Some(uid);
            }
            if let Some(found) = container(before, part) {
                group.container = Some(found);
            } else if is_unit(part) {
                group.unit = Some(part.to_owned());
            }
            if let Some(user) = user(part) {
                group.user = Some(user);
            }
            before = part;
        }
        group
    }
}

fn is_unit(part: &str) -> bool {
    matches!(part.rsplit_once('.'), Some((_, "service" | "scope")))
}

/// `kubepods-burstable-podUID.slice` with `_` for `-` (also `kubelet-kubepods-…`, and with `:cri-containerd:ID` behind
/// it), `podUID`.
fn pod(part: &str) -> Option<String> {
    let (slice, _) = part.split_once(':').unwrap_or((part, ""));
    let uid = match slice.strip_suffix(".slice") {
        Some(slice) => slice.rsplit_once("-pod")?.1.replace('_', "-"),
        None => slice.strip_prefix("pod")?.to_owned(),
    };
    let is_uid = uid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    (is_uid && !uid.is_empty()).then_some(uid)
}

/// `docker-ID.scope`, `cri-containerd-ID.scope`, `crio-ID.scope`, `libpod-ID.scope`, `libpod-payload-ID`,
/// `…:cri-containerd:ID`, `docker/ID`, `ID`; `lxc.payload.NAME`, `lxc/NAME`; `machine-NAME.scope`,
/// `systemd-nspawn@NAME.service`.
fn container(before: &str, part: &str) -> Option<Container> {
    let by_id = with_id(before, part).map(|(id, runtime)| Container {
        id: id.to_owned(),
        name: None,
        runtime,
    });
    by_id.or_else(|| {
        let (name, runtime) = with_name(before, part)?;
        Some(Container {
            id: name.clone(),
            name: Some(name),
            runtime: Some(runtime),
        })
    })
}

fn with_id<'a>(before: &str, part: &'a str) -> Option<(&'a str, Option<Runtime>)> {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    let (maker, id) = name.rsplit_once(['-', ':']).unwrap_or((before, name));
    // CRI-O's and Podman's monitors live in a group of their own beside the container's.
    if maker.ends_with("conmon") {
        return None;
    }
    let is_id = id.len() == ID_LEN && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_id.then(|| (id, runtime(maker)))
}

fn runtime(maker: &str) -> Option<Runtime> {
    match maker {
        "docker" | "moby" => Some(Runtime::Docker),
        "crio" => Some(Runtime::CriO),
        _ if maker.ends_with("cri-containerd") || maker == "nerdctl" => Some(Runtime::Containerd),
        _ if maker.starts_with("libpod") => Some(Runtime::Podman),
        _ => None,
    }
}

fn with_name(before: &str, part: &str) -> Option<(String, Runtime)> {
    let lxc = part
        .strip_prefix("lxc.payload.")
        .or_else(|| Some(part).filter(|_| before == "lxc"));
    if let Some(name) = lxc.filter(|name| !name.is_empty()) {
        return Some((name.to_owned(), Runtime::Lxc));
    }
    let machine = part
        .strip_prefix("machine-")
        .and_then(|rest| rest.strip_suffix(".scope"));
    let template = part
        .strip_prefix("systemd-nspawn@")
        .and_then(|rest| rest.strip_suffix(".service"));
    let name = unescaped(machine.or(template)?);
    // A virtual machine is registered the same way, and is a process like others.
    let is_container = !name.is_empty() && !name.starts_with("qemu-");
    is_container.then_some((name, Runtime::Nspawn))
}

/// `user-1000.slice`.
fn user(part: &str) -> Option<u32> {
    part.strip_prefix("user-")?
        .strip_suffix(".slice")?
        .parse()
        .ok()
}

/// Names of units have `-` for `/`, and `\x2d` for `-` (`systemd-escape`).
fn unescaped(name: &str) -> String {
    let mut plain = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("\\x") {
        plain.push_str(before);
        let code = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => plain.push(char::from(code)),
            None => plain.push_str("\\x"),
        }
        rest = if code.is_some_and(|code| code.is_ascii()) {
            &after[2..]
        } else {
            after
        };
    }
    plain + rest
}

#[cfg(test)]
mod tests;
