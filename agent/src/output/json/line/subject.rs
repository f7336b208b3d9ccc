//! The part of a line that says which connection it is and whose.

use std::net::IpAddr;

use super::Line;
use crate::output::json::{
    Attribution, Container, Endpoint, K8s, Named, Network, NetworkType, Process, Role, Socket,
    Subject,
};
use finback_core::model::state;

impl Line<'_> {
    pub(super) fn subject(&mut self, subject: &Subject<'_>) {
        if let Some(socket) = &subject.socket {
            self.socket(socket);
        }
        if let Some(network) = &subject.network {
            self.network(network);
        }
        if let Some(process) = &subject.process {
            self.raw(",\"process\":");
            self.process(process);
        }
        if let Some(process) = &subject.peer_process {
            self.raw(",\"peer_process\":");
            self.process(process);
        }
        if let Some(cgroup) = &subject.cgroup {
            self.raw(",\"cgroup\":");
            self.text(cgroup);
        }
        if let Some(unit) = &subject.systemd_unit {
            self.raw(",\"systemd_unit\":");
            self.text(unit);
        }
        if let Some(container) = &subject.container {
            self.container(container);
        }
        if let Some(k8s) = &subject.k8s {
            self.k8s(k8s);
        }
    }

    fn container(&mut self, container: &Container<'_>) {
        self.raw(",\"container\":{\"id\":");
        self.text(&container.id);
        if let Some(name) = &container.name {
            self.raw(",\"name\":");
            self.text(name);
        }
        self.named(",\"runtime\":", container.runtime.as_ref());
        self.raw("}");
    }

    fn k8s(&mut self, k8s: &K8s<'_>) {
        self.raw(",\"k8s\":{");
        if k8s.namespace.is_some() {
            self.named("\"namespace\":", k8s.namespace.as_ref());
            self.raw(",");
        }
        self.raw("\"pod\":{");
        let (name, uid) = (&k8s.pod.name, &k8s.pod.uid);
        if let Some(name) = name {
            self.raw("\"name\":");
            self.text(name);
        }
        if let Some(uid) = uid {
            self.raw(if name.is_some() {
                ",\"uid\":"
            } else {
                "\"uid\":"
            });
            self.text(uid);
        }
        self.raw("}");
        self.named(",\"container\":", k8s.container.as_ref());
        self.raw("}");
    }

    fn named(&mut self, field: &str, named: Option<&Named<'_>>) {
        if let Some(named) = named {
            self.raw(field);
            self.raw("{\"name\":");
            self.text(&named.name);
            self.raw("}");
        }
    }

    fn socket(&mut self, socket: &Socket) {
        self.raw(",\"socket\":{\"id\":\"");
        socket.id.render(|text| self.raw(text));
        self.raw("\"");
        self.optional(",\"cookie\":", socket.cookie);
        self.optional(",\"inode\":", socket.inode);
        self.number(",\"netns\":", socket.netns);
        self.raw(",\"role\":\"");
        self.raw(role(socket.role));
        self.raw("\"}");
    }

    fn network(&mut self, network: &Network) {
        self.raw(",\"network\":{\"transport\":\"tcp\",\"type\":\"");
        self.raw(kind(network.kind));
        self.raw("\",\"local\":");
        self.endpoint(&network.local);
        self.raw(",\"peer\":");
        self.endpoint(&network.peer);
        if let Some(id) = network.community_id {
            self.raw(",\"community_id\":\"");
            self.0.extend_from_slice(&id.render());
            self.raw("\"");
        }
        self.raw(",\"connection\":{\"state\":\"");
        self.raw(state::TcpState::from(network.connection.state).name());
        if let Some(peer) = network.connection.peer_state {
            self.raw("\",\"peer_state\":\"");
            self.raw(state::TcpState::from(peer).name());
        }
        self.raw("\"}}");
    }

    fn endpoint(&mut self, endpoint: &Endpoint) {
        self.raw("{\"address\":\"");
        self.address(endpoint.address);
        self.number("\",\"port\":", endpoint.port);
        self.raw("}");
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                self.number("", a);
                self.number(".", b);
                self.number(".", c);
                self.number(".", d);
            }
            // The rules of RFC 5952 are the standard library's.
            IpAddr::V6(address) => self.raw(&address.to_string()),
        }
    }

    fn process(&mut self, process: &Process<'_>) {
        self.number("{\"pid\":", process.pid);
        self.optional(",\"vpid\":", process.vpid);
        self.raw(",\"start_time\":");
        self.time(process.start_time);
        self.raw(",\"comm\":");
        self.text(&process.comm);
        self.raw(",\"executable\":{\"name\":");
        self.text(&process.executable.name);
        if let Some(path) = &process.executable.path {
            self.raw(",\"path\":");
            self.text(path);
        }
        self.raw("}");
        if let Some(command_line) = &process.command_line {
            self.raw(",\"command_line\":");
            self.text(command_line);
        }
        if let Some(user) = &process.user {
            self.number(",\"user\":{\"id\":", user.id);
            self.raw("}");
        }
        if let Some(user) = &process.real_user {
            self.number(",\"real_user\":{\"id\":", user.id);
            self.raw("}");
        }
        self.raw(",\"attribution\":\"");
        self.raw(attribution(process.attribution));
        self.raw("\"}");
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
        Role::Unknown => "unknown",
    }
}

const fn kind(kind: NetworkType) -> &'static str {
    match kind {
        NetworkType::Ipv4 => "ipv4",
        NetworkType::Ipv6 => "ipv6",
    }
}

const fn attribution(attribution: Attribution) -> &'static str {
    match attribution {
        Attribution::Connect => "connect",
        Attribution::Accept => "accept",
        Attribution::Holder => "holder",
        Attribution::Listener => "listener",
        Attribution::Inherited => "inherited",
        Attribution::Unknown => "unknown",
    }
}
