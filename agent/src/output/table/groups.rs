//! Sockets counted by what they have in common.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::super::text::{opening, word};
use super::sockets::spelt;
use super::{Column, Table, short};
use crate::output::json::{Body, Event, K8s, Listed, Role, State, Subject};

/// What sockets can be counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Key {
    /// Name of the process, as the kernel has it.
    Comm,
    /// Path of the executable.
    Exe,
    /// Address of the peer, without its port.
    Peer,
    /// The port that stays the same: a server's own, a client's peer's.
    Port,
    /// Process id.
    Pid,
    /// Control group.
    Cgroup,
    /// Systemd unit.
    Unit,
    /// Pod, with its namespace.
    Pod,
    /// State.
    State,
    /// What is wrong.
    Verdict,
    /// Where it was opened: known of those that have a finding, from a daemon with --stacks.
    Stack,
}

/// What has a value in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// How many.
    pub count: u64,
    /// Those with a verdict.
    pub accused: u64,
    /// How old the oldest is, nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_ns: Option<u64>,
    /// By state, as `ss` spells it.
    pub states: BTreeMap<&'static str, u64>,
}

/// The groups by each combination of values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    keys: Vec<Key>,
    counted: BTreeMap<Vec<String>, Group>,
    /// Where connections were opened, by their findings.
    opened: BTreeMap<u64, String>,
}

/// Shown where a socket has no such value.
const NONE: &str = "-";

impl Key {
    fn of(
        self,
        subject: &Subject<'_>,
        listed: &Listed<'_>,
        opened: &BTreeMap<u64, String>,
    ) -> String {
        let process = subject.process.as_ref();
        let network = subject.network.as_ref();
        let value = match self {
            Self::Comm => process.map(|process| process.comm.to_string()),
            Self::Exe => {
                process.and_then(|process| Some(process.executable.path.as_deref()?.to_owned()))
            }
            Self::Peer => network.map(|network| network.peer.address.to_string()),
            Self::Port => network.map(|network| {
                let role = subject.socket.map(|socket| socket.role);
                let listens = network.connection.state == State::Listen;
                let (local, peer) = (network.local.port, network.peer.port);
                match role {
                    Some(Role::Client) => format!("-> {peer}"),
                    Some(Role::Server) => local.to_string(),
                    _ if listens => local.to_string(),
                    _ => local.min(peer).to_string(),
                }
            }),
            Self::Pid => process.map(|process| process.pid.to_string()),
            Self::Cgroup => subject.cgroup.as_deref().map(str::to_owned),
            Self::Unit => subject.systemd_unit.as_deref().map(str::to_owned),
            Self::Pod => subject.k8s.as_ref().and_then(pod),
            Self::State => network.map(|network| spelt(network.connection.state).to_owned()),
            Self::Verdict => listed.verdict.map(word),
            Self::Stack => listed.finding.and_then(|id| opened.get(&id).cloned()),
        };
        value.unwrap_or_else(|| NONE.to_owned())
    }
}

impl Groups {
    /// None yet.
    pub fn new(keys: Vec<Key>) -> Self {
        Self {
            keys,
            counted: BTreeMap::new(),
            opened: BTreeMap::new(),
        }
    }

    /// Whether lines of findings tell anything of what is counted by.
    pub fn need_findings(&self) -> bool {
        self.keys.contains(&Key::Stack)
    }

    /// Takes where the connection of a finding was opened.
    pub fn add_finding(&mut self, event: &Event<'_>) {
        if let Body::Finding { finding, .. } = &event.body
            && let Some(place) = opening(finding)
        {
            self.opened.insert(finding.id, place);
        }
    }

    /// Counts a line of type `socket`.
    pub fn add(&mut self, event: &Event<'_>) {
        let Body::Socket { subject, listed } = &event.body else {
            return;
        };
        let values = self
            .keys
            .iter()
            .map(|key| key.of(subject, listed, &self.opened));
        let group = self.counted.entry(values.collect()).or_default();
        group.count += 1;
        group.accused += u64::from(listed.verdict.is_some());
        group.oldest_ns = group.oldest_ns.max(listed.age_ns);
        if let Some(network) = &subject.network {
            *group
                .states
                .entry(spelt(network.connection.state))
                .or_default() += 1;
        }
    }

    /// The largest first.
    pub fn sorted(&self) -> Vec<(&Vec<String>, &Group)> {
        let mut all: Vec<_> = self.counted.iter().collect();
        all.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
        all
    }

    /// In columns; `before` is what was counted last time.
    pub fn table(&self, before: Option<&Self>) -> Table<6> {
        let mut table = Table::new([
            Column::right("Count"),
            Column::right("Change"),
            Column::right("Wrong"),
            Column::right("Oldest"),
            Column::left("Of"),
            Column::left("States"),
        ]);
        for (values, group) in self.sorted() {
            let change = before.map_or_else(String::new, |before| {
                let then = before.counted.get(values).map_or(0, |group| group.count);
                format!("{:+}", i128::from(group.count) - i128::from(then))
            });
            let oldest = group.oldest_ns.map(Duration::from_nanos);
            let mut states: Vec<_> = group.states.iter().collect();
            states.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let states: Vec<String> = states.iter().map(|(s, n)| format!("{n} {s}")).collect();
            table.push([
                group.count.to_string(),
                change,
                group.accused.to_string(),
                oldest.map(short).unwrap_or_default(),
                values.join(" "),
                states.join(", "),
            ]);
        }
        table
    }
}

/// `NAMESPACE/POD`, or the uid where the name is not known.
fn pod(k8s: &K8s<'_>) -> Option<String> {
    match (&k8s.namespace, k8s.pod.name.as_deref()) {
        (Some(namespace), Some(name)) => Some(format!("{}/{name}", namespace.name)),
        (None, Some(name)) => Some(name.to_owned()),
        (_, None) => k8s.pod.uid.as_deref().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::samples;

    #[test]
    fn sockets_are_counted_by_where_they_were_opened_if_their_findings_say_so() {
        let mut groups = Groups::new(vec![Key::Stack, Key::Comm]);
        assert!(groups.need_findings());
        let mut id = 0;
        for (name, event) in samples::wire() {
            if name == "stacks"
                && let Body::Finding { finding, .. } = &event.body
            {
                id = finding.id;
                groups.add_finding(&event);
            }
        }
        let with = |finding: Option<u64>| {
            samples::socket(|line| line["listed"]["finding"] = json!(finding))
        };
        for finding in [Some(id), Some(id), Some(id + 1), None] {
            groups.add(&with(finding));
        }
        let counted: Vec<_> = groups
            .sorted()
            .into_iter()
            .map(|(of, group)| (of.join(" "), group.count))
            .collect();
        assert_eq!(
            counted,
            [
                ("- shop".to_owned(), 2),
                ("take_one src/shop.c:42 shop".to_owned(), 2)
            ]
        );
    }
}
