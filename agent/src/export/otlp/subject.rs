//! What a record is about: OpenTelemetry's names, and ours where it has none.

use serde::Serialize;

use super::value::Attributes;
use crate::output::json::{Network, Process, Subject};
use crate::output::text::word;

pub(super) fn put(to: &mut Attributes, subject: &Subject<'_>) {
    if let Some(network) = &subject.network {
        connection(to, network);
    }
    if let Some(accused) = &subject.process {
        process(to, accused);
    }
    to.text("process.linux.cgroup", subject.cgroup.as_deref());
    if let Some(container) = &subject.container {
        let runtime = container.runtime.as_ref();
        to.text("container.id", Some(&container.id));
        to.text("container.name", container.name.as_deref());
        to.text("container.runtime.name", runtime.map(|known| &*known.name));
    }
    if let Some(k8s) = &subject.k8s {
        let namespace = k8s.namespace.as_ref();
        let container = k8s.container.as_ref();
        to.text("k8s.namespace.name", namespace.map(|known| &*known.name));
        to.text("k8s.pod.name", k8s.pod.name.as_deref());
        to.text("k8s.pod.uid", k8s.pod.uid.as_deref());
        to.text("k8s.container.name", container.map(|known| &*known.name));
    }
    to.text("finback.systemd_unit", subject.systemd_unit.as_deref());
    own(to, "finback.socket", subject.socket.as_ref());
    own(to, "finback.peer_process", subject.peer_process.as_ref());
}

fn connection(to: &mut Attributes, network: &Network) {
    let (local, peer) = (network.local, network.peer);
    to.text("network.transport", Some(&word(network.transport)));
    to.text("network.type", Some(&word(network.kind)));
    to.text("network.local.address", Some(&local.address.to_string()));
    to.number("network.local.port", Some(local.port));
    to.text("network.peer.address", Some(&peer.address.to_string()));
    to.number("network.peer.port", Some(peer.port));
    let state = network.connection;
    to.text("network.connection.state", Some(&word(state.state)));
    let peer = state.peer_state.map(word);
    to.text("finback.network.connection.peer_state", peer.as_deref());
}

fn process(to: &mut Attributes, process: &Process<'_>) {
    to.number("process.pid", Some(process.pid));
    to.number("process.vpid", process.vpid);
    let start = process.start_time.to_string();
    to.text("process.creation.time", Some(&start));
    to.text("process.executable.name", Some(&process.executable.name));
    to.text(
        "process.executable.path",
        process.executable.path.as_deref(),
    );
    to.text("process.command_line", process.command_line.as_deref());
    to.number("process.user.id", process.user.map(|user| user.id));
    to.number(
        "process.real_user.id",
        process.real_user.map(|user| user.id),
    );
    to.text("finback.process.comm", Some(&process.comm));
    to.text(
        "finback.process.attribution",
        Some(&word(process.attribution)),
    );
}

fn own(to: &mut Attributes, path: &str, said: Option<&impl Serialize>) {
    // Types of the line: each has a form in JSON.
    if let Ok(document) = serde_json::to_value(said) {
        to.document(path, &document);
    }
}
