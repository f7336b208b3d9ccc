//! Processes whose connections in TIME_WAIT use up the local ports toward one peer.
//!
//! Counted in the table from time to time: a minisock keeps the process that opened its connection. What a port can
//! still be used for depends on the namespace's settings, so those are asked for before anything is judged.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::model::event::Output;
use super::model::finding::{Evidence, Finding, PortUse, Resolution, Verdict};
use super::model::observation::LocalPorts;
use super::model::socket::{Attribution, Owner, ProcessId, Role};
use super::model::state::TcpState;
use super::model::time::Timestamp;
use super::process_finding::Accusation;
use super::settings::exception::Subject;
use super::table::Tracked;
use super::tracker::Tracker;
use super::verdict::{Grade, wording};

/// More of the ports than this is pressure.
const MUCH: u64 = 70;
/// It is over when it has come down to this: a number that swings around one mark is one finding.
const LITTLE: u64 = 60;
/// From here on the next connect is about to fail.
const NEARLY_ALL: u64 = 95;
/// Fewer connections than this are no reason to ask for the size of the range.
const WORTH_ASKING: u32 = 16;
/// Between two counts, whatever the threshold.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The settings of a namespace are asked for again after this time.
const SETTINGS_AGE: Duration = Duration::from_mins(1);

/// The processes under pressure.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    counted: Timestamp,
    ports: FxHashMap<u32, (LocalPorts, Timestamp)>,
    squeezes: BTreeMap<Group, Squeeze>,
}

/// Connections that take a local port from each other: a port can serve another local address or another peer at
/// the same time (`__inet_check_established`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    process: ProcessId,
    netns: u32,
    local: IpAddr,
    peer: SocketAddr,
}

/// More than [`MUCH`].
#[derive(Debug)]
struct Squeeze {
    owner: Owner,
    since: Timestamp,
    /// How many there were then.
    first: u32,
    finding: Option<Arc<Finding>>,
}

/// What a count found.
#[derive(Debug)]
struct Count {
    owner: Owner,
    time_wait: u32,
}

impl Tracker {
    /// Open findings about processes under pressure.
    pub(super) fn squeezes(&self) -> impl Iterator<Item = Arc<Finding>> {
        let squeezes = self.pressure.squeezes.values();
        squeezes.filter_map(|squeeze| squeeze.finding.clone())
    }

    /// When to count next.
    pub(super) fn pressure_due(&self) -> Option<Timestamp> {
        let many = self.stats.minisocks >= u64::from(WORTH_ASKING);
        let after = self.settings.shortest(Verdict::TimeWaitPressure);
        let pause = (after / 2).clamp(Duration::from_millis(100), LONGEST_PAUSE);
        (many || !self.pressure.squeezes.is_empty()).then(|| self.pressure.counted + pause)
    }

    pub(super) fn ask_for_ports(&mut self, now: Timestamp) {
        if self.pressure_due().is_none_or(|due| due > now) {
            return;
        }
        self.pressure.counted = now;
        let mut counts = self.count_time_wait();
        counts.retain(|group, count| {
            count.time_wait >= WORTH_ASKING || self.pressure.squeezes.contains_key(group)
        });
        let groups = || counts.keys().chain(self.pressure.squeezes.keys());
        let mut processes: Vec<ProcessId> = groups().map(|group| group.process).collect();
        if processes.is_empty() {
            return;
        }
        processes.sort_unstable();
        processes.dedup();
        let mut namespaces: Vec<u32> = groups()
            .map(|group| group.netns)
            .filter(|netns| {
                let known = self.pressure.ports.get(netns);
                known.is_none_or(|(_, read)| now >= *read + SETTINGS_AGE)
            })
            .collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        self.put(Output::LookAtPorts {
            namespaces,
            processes,
        });
    }

    /// The answer to [`Output::LookAtPorts`]: the settings of the namespaces that could be read, and those of the
    /// processes that have ended. Their connections keep the ports, but nobody is there to open another one.
    pub fn handle_ports(&mut self, ports: &[LocalPorts], ended: &[ProcessId], now: Timestamp) {
        for settings in ports {
            self.pressure.ports.insert(settings.netns, (*settings, now));
        }
        let mut counts = self.count_time_wait();
        counts.retain(|group, _| !ended.contains(&group.process));
        let known: Vec<Group> = self.pressure.squeezes.keys().copied().collect();
        for group in known {
            let count = counts.get(&group).map_or(0, |count| count.time_wait);
            if ended.contains(&group.process) {
                self.relieve(&group, now, Resolution::ProcessExited);
            } else if !self.is_above(&group, count, LITTLE) {
                self.relieve(&group, now, Resolution::Resumed);
            }
        }
        for (group, count) in counts {
            self.judge_pressure(group, &count, now);
        }
        let squeezes = &self.pressure.squeezes;
        let fresh = |read: Timestamp| now < read + SETTINGS_AGE;
        self.pressure.ports.retain(|netns, (_, read)| {
            fresh(*read) || squeezes.keys().any(|group| group.netns == *netns)
        });
    }

    fn judge_pressure(&mut self, group: Group, count: &Count, now: Timestamp) {
        let above = self.is_above(&group, count.time_wait, MUCH);
        let Some(settings) = self.pressure.ports.get(&group.netns).map(|known| known.0) else {
            return;
        };
        let subject = Subject::of_process(&count.owner.process);
        let set = self
            .settings
            .verdict_about(Verdict::TimeWaitPressure, subject);
        let squeeze = match self.pressure.squeezes.get_mut(&group) {
            Some(squeeze) if above || squeeze.finding.is_some() => squeeze,
            Some(_) => {
                self.pressure.squeezes.remove(&group);
                return;
            }
            None if above => self.pressure.squeezes.entry(group).or_insert(Squeeze {
                owner: count.owner.clone(),
                since: now,
                first: count.time_wait,
                finding: None,
            }),
            None => return,
        };
        if now < squeeze.since + set.after {
            return;
        }
        let port_use = PortUse {
            peer: group.peer,
            time_wait: count.time_wait,
            time_wait_per_minute: per_minute(squeeze, count.time_wait, now),
            local_ports: settings.usable(),
        };
        let evidence = Evidence {
            port_use: Some(port_use),
            observed: Some(now),
            threshold: set.after,
            ..Evidence::default()
        };
        let nearly_all = part(count.time_wait, settings) >= NEARLY_ALL;
        let accusation = Accusation {
            verdict: Verdict::TimeWaitPressure,
            severity: set.severity,
            grade: if nearly_all {
                Grade::Worse
            } else {
                Grade::Normal
            },
            summary: wording::pressure(&squeeze.owner.process, port_use),
            evidence,
            time: now,
        };
        let (owner, open) = (squeeze.owner.clone(), squeeze.finding.clone());
        let finding = self.accuse_process(&owner, open.as_ref(), accusation);
        if let Some(squeeze) = self.pressure.squeezes.get_mut(&group) {
            squeeze.finding = Some(finding);
        }
    }

    fn relieve(&mut self, group: &Group, now: Timestamp, why: Resolution) {
        let Some(squeeze) = self.pressure.squeezes.remove(group) else {
            return;
        };
        if let Some(finding) = squeeze.finding {
            self.acquit_process(squeeze.owner, finding, now, why);
        }
    }

    fn is_above(&self, group: &Group, count: u32, percent: u64) -> bool {
        let known = self.pressure.ports.get(&group.netns);
        known.is_some_and(|(settings, _)| part(count, *settings) > percent)
    }

    /// Connections in TIME_WAIT that a known process has opened, as far as they have a port of the range.
    fn count_time_wait(&self) -> BTreeMap<Group, Count> {
        let mut counts: BTreeMap<Group, Count> = BTreeMap::new();
        for (group, owner) in self.table.iter().filter_map(|(_, t)| self.takes_a_port(t)) {
            let count = counts.entry(group).or_insert_with(|| Count {
                owner: Owner {
                    thread: None,
                    ..owner.clone()
                },
                time_wait: 0,
            });
            count.time_wait += 1;
        }
        counts
    }

    fn takes_a_port<'a>(&self, tracked: &'a Tracked) -> Option<(Group, &'a Owner)> {
        let in_time_wait = tracked.minisock && tracked.state == TcpState::TimeWait;
        if !in_time_wait || tracked.role != Role::Client {
            return None;
        }
        let opened = |owner: &&Owner| {
            !matches!(
                owner.attribution,
                Attribution::Listener | Attribution::Unknown
            )
        };
        let owner = tracked.owner.as_ref().filter(opened)?;
        let ends = tracked.endpoints;
        let settings = self.pressure.ports.get(&ends.netns);
        let counts = settings.is_none_or(|(ports, _)| ports.contains(ends.local.port()));
        let group = Group {
            process: owner.process.id,
            netns: ends.netns,
            local: ends.local.ip(),
            peer: ends.peer,
        };
        counts.then_some((group, owner))
    }
}

/// Percent of the ports, rounded down.
fn part(count: u32, settings: LocalPorts) -> u64 {
    u64::from(count) * 100 / u64::from(settings.usable().max(1))
}

fn per_minute(squeeze: &Squeeze, count: u32, now: Timestamp) -> u32 {
    let passed = now.since(squeeze.since).as_millis().max(1);
    let more = u128::from(count.saturating_sub(squeeze.first));
    u32::try_from(more * 60_000 / passed).unwrap_or(u32::MAX)
}
