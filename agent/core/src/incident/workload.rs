//! Where a process belongs, from the name of its container or the path of its control group: what stays the same when it
//! is started again.

use super::owner::owner;
use crate::model::process::ContainerName;

/// The pod's owner and the container's name, or the service of Compose.
pub(super) fn of_container(name: &ContainerName) -> String {
    match name {
        ContainerName::Pod {
            namespace,
            pod,
            container,
        } => {
            let owner = owner(pod);
            let container = container.iter().map(|container| format!("/{container}"));
            let container: String = container.collect();
            format!("{namespace}/{owner}{container}")
        }
        ContainerName::Service { project, service } => format!("{project}/{service}"),
    }
}

/// The unit, the user's slice for a session, else the path without ids.
pub(super) fn workload(cgroup: &str) -> String {
    let parts = || cgroup.split('/').filter(|part| !part.is_empty());
    let has_id = parts().any(|part| without_ids(part).len() < part.len());
    if !has_id {
        if let Some(unit) = parts().rfind(|part| is_unit(part)) {
            return without_instance(unit);
        }
        if let Some(user) = parts().find(|part| part.starts_with("user-")) {
            return user.to_owned();
        }
    }
    let plain: Vec<String> = parts().map(without_ids).collect();
    let plain = plain.iter().filter(|part| !part.is_empty());
    let plain: Vec<&str> = plain.map(String::as_str).collect();
    format!("/{}", plain.join("/"))
}

fn is_unit(part: &str) -> bool {
    part.ends_with(".service") && !part.starts_with("user@")
}

/// An instance that is a number, or begins with one (a connection's), is one of many alike.
fn without_instance(unit: &str) -> String {
    let cut = unit.split_once('@').and_then(|(template, instance)| {
        let counted = instance.starts_with(|first: char| first.is_ascii_digit());
        counted.then(|| format!("{template}@.service"))
    });
    cut.unwrap_or_else(|| match unit.strip_prefix("run-") {
        // systemd-run numbers what has no name.
        Some(_) => "run.service".to_owned(),
        None => unit.to_owned(),
    })
}

/// So many hexadecimal digits are an id.
const ID: usize = 12;

/// Without what looks like an id (also a UUID with `-` or `_` in it), and what parts it from the rest.
fn without_ids(part: &str) -> String {
    let of_id = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c) || "-_:".contains(c);
    let mut plain = String::new();
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        let in_id = of_id(first);
        let end = rest.find(|c| of_id(c) != in_id).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let kept = if in_id { before_id(run, &plain) } else { run };
        plain.push_str(kept);
        rest = after;
    }
    plain
}

/// Lengths of ids: of a container, of a commit, a UUID, the shortest.
const LENGTHS: [usize; 4] = [64, 40, 32, ID];

/// What of a run of digits is no id: all of it if it is too short, else the letters that belong to the word before.
fn before_id<'a>(run: &'a str, before: &str) -> &'a str {
    let digits = run.bytes().filter(u8::is_ascii_hexdigit).count();
    let known = LENGTHS.iter().find(|length| digits >= **length);
    let Some(length) = known.filter(|_| run.bytes().any(|byte| byte.is_ascii_digit())) else {
        return run;
    };
    let goes_on = before.ends_with(|last: char| last.is_alphanumeric());
    let word = run.bytes().take_while(u8::is_ascii_lowercase).count();
    let word = if goes_on {
        word.min(digits - length)
    } else {
        0
    };
    &run[..word]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f1c7f1f0a4f3d0f6c9a1b2c3d4e5f60718293a4b5c6d7e8f9000102030405ff";

    #[test]
    fn a_unit_is_told_by_its_name_and_a_session_by_its_user() {
        for (path, expected) in [
            ("/system.slice/shop.service", "shop.service"),
            (
                "/system.slice/system-postgresql.slice/postgresql@15-main.service",
                "postgresql@.service",
            ),
            (
                "/system.slice/system-vpn.slice/vpn@office.service",
                "vpn@office.service",
            ),
            (
                "/system.slice/sshd@7-10.0.0.1:22-10.0.0.2:999.service",
                "sshd@.service",
            ),
            ("/system.slice/run-u42.service", "run.service"),
            (
                "/user.slice/user-1000.slice/session-2.scope",
                "user-1000.slice",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service",
                "editor.service",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/init.scope",
                "user-1000.slice",
            ),
            ("/", "/"),
            ("/batch/nightly", "/batch/nightly"),
        ] {
            assert_eq!(workload(path), expected);
        }
    }

    #[test]
    fn a_container_that_has_a_name_is_told_by_its_owner() {
        let pod = |pod: &str, container: Option<&str>| ContainerName::Pod {
            namespace: "shop".into(),
            pod: pod.into(),
            container: container.map(Into::into),
        };
        let service = ContainerName::Service {
            project: "shop".into(),
            service: "web".into(),
        };
        for (name, expected) in [
            (pod("web-6d4cf56db6-x7k2p", Some("app")), "shop/web/app"),
            (pod("web-6d4cf56db6-b9zqt", Some("app")), "shop/web/app"),
            (pod("db-0", None), "shop/db"),
            (service, "shop/web"),
        ] {
            assert_eq!(of_container(&name), expected);
        }
    }

    #[test]
    fn a_container_is_told_without_its_ids() {
        let pod = "0b1c2d3e-4f5a-6b7c-8d9e-0f1a2b3c4d5e";
        for (path, expected) in [
            (
                format!("/system.slice/docker-{ID}.scope"),
                "/system.slice/docker.scope",
            ),
            (format!("/docker/{ID}"), "/docker"),
            (
                format!("/kubepods/besteffort/pod{pod}/{ID}"),
                "/kubepods/besteffort/pod",
            ),
            (
                format!("/system.slice/containerd.service/kubepods:cri-containerd:{ID}"),
                "/system.slice/containerd.service/kubepods:cri-containerd",
            ),
        ] {
            assert_eq!(workload(&path), expected);
        }
    }
}
