//! What the people on call call a process: pod, container, unit, users, its own pid.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::cgroup::Group;
use crate::daemon::Daemon;
use crate::program::Program;
use crate::setting::setting;
use crate::traffic::Pair;
use crate::trial::skip;
use crate::watch::Watch;
use crate::wire::Event;

const ID: &str = "3f1c7f1f0a4f3d0f6c9a1b2c3d4e5f60718293a4b5c6d7e8f9000102030405ff";
const UID: &str = "0b1c2d3e-4f5a-6b7c-8d9e-0f1a2b3c4d5e";
/// `nobody`.
const USER: u32 = 65_534;

/// A pod of containerd's in version 2.
pub(crate) fn in_a_pod() -> Result<()> {
    let slice = format!("kubepods-burstable-pod{}.slice", UID.replace('-', "_"));
    let path = format!("shop.service/{slice}/cri-containerd-{ID}.scope");
    let Some(group) = Group::unified(&path)? else {
        return skip("no cgroup2 file system is mounted");
    };
    let log = format!("var/log/containers/web-6d4cf56db6-x7k2p_shop_app-{ID}.log");
    let (event, incident) = told_of_a_leak(&group, &log, "")?;
    let expected = json!({
        "cgroup": format!("/{}", group.name()),
        "systemd_unit": "shop.service",
        "container": {"id": ID, "runtime": {"name": "containerd"}},
        "k8s": {
            "namespace": {"name": "shop"},
            "pod": {"name": "web-6d4cf56db6-x7k2p", "uid": UID},
            "container": {"name": "app"},
        },
    });
    ensure!(event.part_of() == expected, "{}", event.part_of());
    let workload = &incident["cause"]["workload"];
    ensure!(workload == "shop/web/app", "workload {workload}");
    Ok(())
}

/// A container of Docker's in systemd's hierarchy of version 1, in a service of Compose.
pub(crate) fn in_a_container_of_version_1() -> Result<()> {
    let path = format!("docker/{ID}");
    let Some(group) = Group::of_systemd(&path)? else {
        return skip("systemd's hierarchy of control groups of version 1 is not mounted");
    };
    let labels = json!({"com.docker.compose.project": "shop", "com.docker.compose.service": "web"});
    let config = json!({"Name": "/shop-web-1", "Config": {"Labels": labels}});
    let file = format!("var/lib/docker/containers/{ID}/config.v2.json");
    let (event, incident) = told_of_a_leak(&group, &file, &config.to_string())?;
    let expected = json!({
        "cgroup": format!("/{}", group.name()),
        "systemd_unit": null,
        "container": {"id": ID, "name": "shop-web-1", "runtime": {"name": "docker"}},
        "k8s": null,
    });
    ensure!(event.part_of() == expected, "{}", event.part_of());
    let workload = &incident["cause"]["workload"];
    ensure!(workload == "shop/web", "workload {workload}");
    Ok(())
}

/// The finding and the incident about a process in this group that has a pid namespace of its own and the rights of
/// another user, on a host with this file.
fn told_of_a_leak(group: &Group, file: &str, content: &str) -> Result<(Event, serde_json::Value)> {
    let root = TempDir::new()?;
    let file = root.path().join(file);
    fs::create_dir_all(file.parent().context("a file in a folder")?)?;
    fs::write(file, content)?;
    let root_path = root.path().to_str().context("a path of UTF-8")?;
    let daemon = Daemon::start(&["--host-root", root_path])?;
    let mut watch = Watch::new(&daemon);
    let pair = Pair::served_by(contained(group)?)?;
    let inside = pair.server.did("accepted")?;
    let (mut server, ends) = pair.hang_up()?;
    let (event, finding) = watch.opened(ends)?;
    let process = event.process.as_ref().context("no process")?;
    ensure!(inside.pid == 1, "it is not in a pid namespace of its own");
    ensure!(process.vpid == Some(1), "vpid {:?}", process.vpid);
    ensure!(process.pid > 1, "pid {}", process.pid);
    let users = [process.user, process.real_user];
    let users = users.map(|user| user.map(|user| user.id));
    ensure!(users == [Some(USER), Some(0)], "users {users:?}");
    let python = fs::canonicalize(Path::new(&setting().python))?;
    let name = python.file_name().and_then(|name| name.to_str());
    let told = &process.executable.name;
    ensure!(Some(&**told) == name, "executable {told}, not {name:?}");
    ensure!(process.comm.starts_with("python"), "comm {}", process.comm);
    for holder in &finding.holders {
        ensure!(holder.comm == process.comm, "holder {}", holder.comm);
        ensure!(&holder.executable.name == told, "holder {holder:?}");
    }
    let incident = watch.wait_for("incident", |event| {
        event
            .process
            .as_ref()
            .is_some_and(|of| of.pid == process.pid)
            && event.incident.is_some()
    })?;
    // Its init ends with what the namespace was made by.
    server.kill()?;
    watch.resolved(&finding)?;
    daemon.stop()?;
    Ok((event, incident.incident.context("no incident")?))
}

/// `server.py never_reads`, in a control group, as the first process of a pid namespace, with the rights of a user.
fn contained(group: &Group) -> Result<Program> {
    let processes = group.processes().context("no group")?;
    // Not every setpriv can set the effective user alone.
    const AS_USER: &str =
        "import os, sys; os.seteuid(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])";
    let script = "echo $$ > \"$0\" && exec unshare --pid --fork --kill-child \
                  \"$2\" -c \"$4\" \"$1\" \"$2\" -B -S -E \"$3\" never_reads 127.0.0.1";
    let mut command = Command::new("sh");
    command
        .args(["-c", script])
        .arg(processes)
        .arg(USER.to_string())
        .arg(&setting().python)
        .arg(setting().scenarios.join("server.py"))
        .arg(AS_USER)
        .env("FINBACK_SCENARIO_LIFE", setting().life().to_string());
    Program::launch("server.py", command)
}
