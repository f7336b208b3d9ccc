//! Connections by stage of life and process, out of one look.

use std::path::Path;
use std::time::Duration;

use finback_core::model::look::{Snapshot, SocketView, Unheld};
use finback_core::model::socket::{Holder, Process, ProcessId};
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};

use super::family::{Family, Kind, Unit};
use super::identity::Identity;
use super::kit::number;
use super::stage::Stage;
use crate::process::Descriptions;

/// Series of their own for so many, those with most connections in trouble first.
const WORST: usize = 200;

type Counts = [u64; Stage::ALL.len()];

/// Counts, and remembers names from one time to the next.
#[derive(Debug)]
pub struct Counter {
    people: Descriptions,
}

/// How many there were.
#[derive(Debug)]
pub struct Census {
    /// The look showed the kernel as it was then.
    pub taken: Timestamp,
    groups: Vec<(Identity, Counts)>,
}

impl Counter {
    /// On the host whose file system is mounted at this place.
    pub fn new(host_root: &Path) -> Self {
        Self {
            people: Descriptions::new(host_root),
        }
    }

    /// Counts what a look has found. `accused` are the sockets about which there is a finding.
    pub fn count(&mut self, snapshot: &Snapshot, accused: &FxHashSet<u64>) -> Census {
        let mut tally = Tally::default();
        for view in &snapshot.sockets {
            let accused = accused.contains(&view.sock);
            if let Some(stage) = Stage::of(view, accused, snapshot.jiffies) {
                tally.add(owner(view), stage);
            }
        }
        let heirs = Heirs::of(snapshot);
        let unheld = snapshot.unheld.iter().flat_map(|unheld| &unheld.sockets);
        for socket in unheld {
            if let Some(stage) = Stage::of_state(socket.state) {
                tally.add(heirs.find(socket), stage);
            }
        }
        Census {
            taken: snapshot.taken,
            groups: self.named(&tally),
        }
    }

    /// By what people call the processes.
    fn named(&mut self, tally: &Tally<'_>) -> Vec<(Identity, Counts)> {
        let mut all = Vec::with_capacity(tally.processes.len());
        for id in &tally.processes {
            all.push(*id.0);
        }
        self.people.get(all);
        let mut groups: FxHashMap<Identity, Counts> = FxHashMap::default();
        for (id, (process, counts)) in &tally.processes {
            let identity = Identity::of(process, self.people.known(*id));
            sum(groups.entry(identity).or_default(), counts);
        }
        if tally.nobody != Counts::default() {
            sum(
                groups.entry(Identity::default()).or_default(),
                &tally.nobody,
            );
        }
        worst(groups.into_iter().collect())
    }
}

impl Census {
    /// As it was, and how old that is.
    pub fn families(&self, now: Timestamp) -> Vec<Family> {
        let mut connections = Family::new(
            "finback_connections",
            Kind::Gauge,
            "TCP connections of all network namespaces by stage of life and process, the 200 processes with most \
             in trouble; the rest is process=\"other\"",
        );
        for (identity, counts) in &self.groups {
            for (stage, count) in Stage::ALL.iter().zip(counts) {
                let mut labels = vec![("stage", stage.name().to_owned())];
                labels.extend(identity.labels());
                connections.add(labels, number(*count));
            }
        }
        let age = Family::new(
            "finback_connections_age",
            Kind::Gauge,
            "How old the look is that finback_connections shows: looks take 2 % of one processor at most",
        );
        let age = age.unit(Unit::Seconds);
        let old: Duration = now.since(self.taken);
        vec![connections, age.with(Vec::new(), old.as_secs_f64())]
    }
}

/// Counts by process.
#[derive(Debug, Default)]
struct Tally<'a> {
    processes: FxHashMap<ProcessId, (&'a Process, Counts)>,
    /// Of those that no process has.
    nobody: Counts,
}

impl<'a> Tally<'a> {
    fn add(&mut self, owner: Option<&'a Process>, stage: Stage) {
        let counts = match owner {
            Some(owner) => {
                let entry = self.processes.entry(owner.id);
                &mut entry.or_insert((owner, Counts::default())).1
            }
            None => &mut self.nobody,
        };
        if let Some(count) = counts.get_mut(stage as usize) {
            *count += 1;
        }
    }
}

/// The process that a socket is counted with.
fn owner(view: &SocketView) -> Option<&Process> {
    let holders = match &view.queued {
        Some(queued) => &queued.listeners,
        None => &view.holders,
    };
    Some(&Holder::first(holders)?.process)
}

/// Whose connections go on without a descriptor: those of the listener on their port, or of who connected to their peer.
struct Heirs<'a> {
    listeners: FxHashMap<(u32, u16), &'a Process>,
    openers: FxHashMap<(u32, std::net::SocketAddr), &'a Process>,
}

impl<'a> Heirs<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let sockets = snapshot.sockets.iter();
        let listeners = sockets.filter(|view| view.state == TcpState::Listen);
        let listeners = listeners.filter_map(|view| {
            let ends = view.endpoints;
            Some(((ends.netns, ends.local.port()), owner(view)?))
        });
        let openers = snapshot.openers.iter();
        let openers = openers.map(|one| ((one.netns, one.peer), &*one.owner.process));
        Self {
            listeners: listeners.collect(),
            openers: openers.collect(),
        }
    }

    fn find(&self, socket: &Unheld) -> Option<&'a Process> {
        let ends = socket.endpoints;
        let server = self.listeners.get(&(ends.netns, ends.local.port()));
        let client = || self.openers.get(&(ends.netns, ends.peer));
        server.or_else(client).copied()
    }
}

fn sum(into: &mut Counts, more: &Counts) {
    for (all, more) in into.iter_mut().zip(more) {
        *all += more;
    }
}

/// The worst, and all others as one.
fn worst(mut groups: Vec<(Identity, Counts)>) -> Vec<(Identity, Counts)> {
    let trouble = |counts: &Counts| {
        let [_, _, unnoticed, _, _, held, _] = counts;
        (unnoticed + held, counts.iter().sum::<u64>())
    };
    groups.sort_by(|(a, counts), (b, others)| {
        trouble(others).cmp(&trouble(counts)).then_with(|| a.cmp(b))
    });
    let rest = groups.split_off(groups.len().min(WORST));
    if !rest.is_empty() {
        let mut other = Counts::default();
        for (_, counts) in &rest {
            sum(&mut other, counts);
        }
        groups.push((Identity::other(), other));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use finback_core::model::look::UnheldList;
    use finback_core::model::socket::{Attribution, Endpoints, Owner, Role};
    use std::sync::Arc;

    fn process(pid: u32) -> Arc<Process> {
        Arc::new(Process {
            id: ProcessId {
                pid,
                start: Timestamp::from_nanos(1),
            },
            comm: format!("p{pid}").into(),
            uid: None,
            cgroup: None,
            group: None,
        })
    }

    fn ends(local: u16, peer: u16) -> Endpoints {
        Endpoints {
            local: ([192, 0, 2, 1], local).into(),
            peer: ([192, 0, 2, 2], peer).into(),
            netns: 1,
        }
    }

    fn held(sock: u64, state: TcpState, pid: u32, endpoints: Endpoints) -> SocketView {
        SocketView {
            sock,
            endpoints,
            state,
            role: Role::Server,
            opener: None,
            holders: vec![Holder {
                process: process(pid),
                fd: 3,
            }],
            queued: None,
            inode: None,
            cookie: None,
            half: None,
            fin_behind_hole: false,
            halted: None,
            waiting: None,
            counters: None,
        }
    }

    fn snapshot(sockets: Vec<SocketView>, unheld: Vec<Unheld>) -> Snapshot {
        Snapshot {
            taken: Timestamp::from_nanos(5_000_000_000),
            took: Duration::ZERO,
            cost: Duration::ZERO,
            jiffies: None,
            sockets,
            unheld: Some(UnheldList {
                namespaces: vec![1],
                sockets: unheld,
            }),
            openers: vec![finback_core::model::look::Opener {
                netns: 1,
                peer: ([192, 0, 2, 2], 5432).into(),
                owner: Owner {
                    process: process(2),
                    thread: None,
                    attribution: Attribution::Connect,
                    since: Timestamp::default(),
                },
            }],
        }
    }

    /// Values other than 0, by stage and process.
    fn values(snapshot: &Snapshot) -> Vec<(String, String, u64)> {
        let census = Counter::new(Path::new("/")).count(snapshot, &FxHashSet::default());
        let families = census.families(Timestamp::from_nanos(7_000_000_000));
        let [connections, age] = &*families else {
            panic!("{families:?}");
        };
        assert_eq!(
            age.points[0].value,
            super::super::family::Value::Number(2.0)
        );
        let label = |labels: &[(&str, String)], name| {
            let found = labels.iter().find(|(label, _)| *label == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let points = connections.points.iter().filter_map(|point| {
            let super::super::family::Value::Number(value) = &point.value else {
                return None;
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "counts"
            )]
            let value = *value as u64;
            let labels = &point.labels;
            (value > 0).then(|| (label(labels, "stage"), label(labels, "process"), value))
        });
        let mut points: Vec<_> = points.collect();
        points.sort();
        points
    }

    #[test]
    fn what_goes_on_without_a_descriptor_is_counted_with_who_had_it() {
        let unheld = |endpoints, state| Unheld {
            endpoints,
            state,
            minisock: true,
        };
        let snapshot = snapshot(
            vec![
                held(1, TcpState::Listen, 1, ends(80, 0)),
                held(2, TcpState::Established, 1, ends(80, 4711)),
                held(3, TcpState::CloseWait, 1, ends(80, 4712)),
            ],
            vec![
                unheld(ends(80, 4713), TcpState::TimeWait),
                unheld(ends(50_000, 5432), TcpState::TimeWait),
                unheld(ends(50_001, 9), TcpState::FinWait2),
            ],
        );
        let expected = [
            ("closing", "", 1),
            ("established", "p1", 1),
            ("half_closed_unnoticed", "p1", 1),
            ("time_wait", "p1", 1),
            ("time_wait", "p2", 1),
        ];
        let expected =
            expected.map(|(stage, process, n)| (stage.to_owned(), process.to_owned(), n));
        assert_eq!(values(&snapshot), expected);
    }

    #[test]
    fn the_worst_have_series_of_their_own_and_the_rest_is_one() {
        let many = (0..1000_u16).flat_map(|n| {
            let pid = 1000 + u32::from(n);
            let healthy = held(u64::from(n) * 2, TcpState::Established, pid, ends(n, 1));
            let leak = held(u64::from(n) * 2 + 1, TcpState::CloseWait, pid, ends(n, 2));
            [Some(healthy), (n >= 900).then_some(leak)]
        });
        let values = values(&snapshot(many.flatten().collect(), Vec::new()));
        let named = |name: &str| {
            values
                .iter()
                .filter(|(_, process, _)| process == name)
                .count()
        };
        assert_eq!(named("p1950"), 2, "it leaks");
        let other = values.iter().filter(|(_, process, _)| process == "other");
        let other: Vec<_> = other.map(|(stage, _, n)| (stage.as_str(), *n)).collect();
        assert_eq!(other, [("established", 800)]);
    }
}
