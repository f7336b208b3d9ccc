//! Processes whose connections in TIME_WAIT use up the local ports toward one peer.
//!
//! What a port can still be used for depends on the namespace's settings, so those are asked for before anything is
//! judged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::book::Book;
use super::minisocks::{self, Count, Group};
use super::process_finding::{Accusation, accuse, acquit};
use crate::model::event::Output;
use crate::model::finding::{Evidence, Finding, PortUse, Resolution, Severity, Verdict};
use crate::model::look::{LocalPorts, Snapshot};
use crate::model::socket::{Owner, ProcessId};
use crate::model::time::Timestamp;
use crate::settings::exception::Subject;
use crate::settings::rules::Rules;
use crate::settings::verdict::Level;
use crate::verdict::case::missing;
use crate::verdict::wording;

/// More of the ports than this is pressure.
const MUCH: u64 = 70;
/// It is over when it has come down to this: a number that swings around one mark is one finding.
const LITTLE: u64 = 60;
/// From here on the next connect is about to fail.
const NEARLY_ALL: u64 = 95;
/// Fewer connections than this are no reason to ask for the size of the range.
const WORTH_ASKING: u32 = 16;
/// Between two counts where there are many, whatever the threshold.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Between two counts where there were few.
const IDLE_PAUSE: Duration = Duration::from_secs(30);
/// The settings of a namespace are asked for again after this time.
const SETTINGS_AGE: Duration = Duration::from_mins(1);

/// The processes under pressure.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    /// When a count was last asked for or made: one that cannot be made is not asked for more often.
    counted: Timestamp,
    counts: BTreeMap<Group, Count>,
    ports: FxHashMap<u32, (LocalPorts, Timestamp)>,
    squeezes: BTreeMap<Group, Squeeze>,
}

/// More than [`MUCH`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Squeeze {
    pub(super) owner: Owner,
    since: Timestamp,
    /// How many there were then.
    first: u32,
    pub(super) finding: Option<Arc<Finding>>,
    /// The finding is of an earlier run, which was last known to be alive then, and nobody has heard of it in this one.
    #[cfg_attr(feature = "serde", serde(skip))]
    resumed: Option<Timestamp>,
}

impl Pressure {
    /// Open findings about processes under pressure.
    pub(super) fn findings(&self) -> impl Iterator<Item = Arc<Finding>> {
        let squeezes = self.squeezes.values();
        squeezes.filter_map(|squeeze| squeeze.finding.clone())
    }

    /// An open finding.
    pub(super) fn keep(&self, id: u64) -> Option<(Group, Squeeze)> {
        let is_it = |finding: &Arc<Finding>| finding.id == id;
        let mut squeezes = self.squeezes.iter();
        let (group, squeeze) =
            squeezes.find(|(_, squeeze)| squeeze.finding.as_ref().is_some_and(is_it))?;
        Some((*group, squeeze.clone()))
    }

    /// Goes on with a finding of an earlier run.
    pub(super) fn restore(&mut self, group: Group, squeeze: Squeeze, alive: Timestamp) {
        let squeeze = Squeeze {
            resumed: Some(alive),
            ..squeeze
        };
        self.squeezes.insert(group, squeeze);
    }

    /// When to count next.
    pub(super) fn due(&self, rules: &Rules) -> Timestamp {
        let after = rules.pressure();
        let pause = if self.counts.is_empty() && self.squeezes.is_empty() {
            after
                .saturating_mul(3)
                .clamp(Duration::from_millis(500), IDLE_PAUSE)
        } else {
            (after / 2).clamp(Duration::from_millis(100), LONGEST_PAUSE)
        };
        self.counted + pause
    }

    /// A look that lists the minisocks, if it can, is under way.
    pub(super) const fn asked(&mut self, now: Timestamp) {
        self.counted = now;
    }

    /// Counts what a look found, if it has listed the minisocks, and asks for what is needed to judge it.
    pub(super) fn count(&mut self, snapshot: &Snapshot, book: &mut Book<'_>) {
        let Some(unheld) = &snapshot.unheld else {
            return;
        };
        self.counted = self.counted.max(snapshot.taken);
        let range = |netns| self.ports.get(&netns).map(|known| known.0);
        self.counts = minisocks::count(&unheld.sockets, snapshot, range);
        let squeezes = &self.squeezes;
        self.counts
            .retain(|group, count| count.time_wait >= WORTH_ASKING || squeezes.contains_key(group));
        let groups = || self.counts.keys().chain(self.squeezes.keys());
        let mut processes: Vec<ProcessId> = groups().map(|group| group.process).collect();
        if processes.is_empty() {
            return;
        }
        processes.sort_unstable();
        processes.dedup();
        let mut namespaces: Vec<u32> = groups()
            .map(|group| group.netns)
            .filter(|netns| {
                let known = self.ports.get(netns);
                known.is_none_or(|(_, read)| snapshot.taken >= *read + SETTINGS_AGE)
            })
            .collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        book.out.put(Output::LookAtPorts {
            namespaces,
            processes,
        });
    }

    /// The answer to [`Output::LookAtPorts`]: the settings of the namespaces that could be read, and those of the
    /// processes that have ended. Their connections keep the ports, but nobody is there to open another one.
    pub(super) fn judge(
        &mut self,
        ports: &[LocalPorts],
        ended: &[ProcessId],
        book: &mut Book<'_>,
        now: Timestamp,
    ) {
        for settings in ports {
            self.ports.insert(settings.netns, (*settings, now));
        }
        let ended: FxHashSet<ProcessId> = ended.iter().copied().collect();
        self.counts
            .retain(|group, _| !ended.contains(&group.process));
        let known: Vec<Group> = self.squeezes.keys().copied().collect();
        for group in known {
            let count = self.counts.get(&group).map_or(0, |count| count.time_wait);
            if ended.contains(&group.process) {
                self.relieve(&group, now, Resolution::ProcessExited, book);
            } else if !self.is_above(&group, count, LITTLE) {
                self.relieve(&group, now, Resolution::Resumed, book);
            }
        }
        let counts = std::mem::take(&mut self.counts);
        // Those of which also other ports were counted are counted again with what is known now.
        for (group, count) in counts.iter().filter(|(_, count)| count.in_range) {
            self.judge_one(*group, count, now, book);
        }
        self.counts = counts;
        let squeezes = &self.squeezes;
        let fresh = |read: Timestamp| now < read + SETTINGS_AGE;
        self.ports.retain(|netns, (_, read)| {
            fresh(*read) || squeezes.keys().any(|group| group.netns == *netns)
        });
    }

    fn judge_one(&mut self, group: Group, count: &Count, now: Timestamp, book: &mut Book<'_>) {
        let above = self.is_above(&group, count.time_wait, MUCH);
        let Some(settings) = self.ports.get(&group.netns).map(|known| known.0) else {
            return;
        };
        let subject = Subject::of_process(&count.owner.process);
        let set = book
            .rules
            .settings
            .verdict_about(Verdict::TimeWaitPressure, subject);
        if set.is_off() {
            self.relieve(&group, now, Resolution::Reconfigured, book);
            return;
        }
        let squeeze = match self.squeezes.get_mut(&group) {
            Some(squeeze) if above || squeeze.finding.is_some() => squeeze,
            Some(_) => {
                self.squeezes.remove(&group);
                return;
            }
            None if above => self.squeezes.entry(group).or_insert(Squeeze {
                owner: count.owner.clone(),
                since: now,
                first: count.time_wait,
                finding: None,
                resumed: None,
            }),
            None => return,
        };
        if now < squeeze.since + set.after {
            if let Some(finding) = squeeze.finding.take() {
                let owner = squeeze.owner.clone();
                acquit(book, owner, finding, now, Resolution::Reconfigured);
            }
            return;
        }
        let port_use = PortUse {
            peer: group.peer,
            time_wait: count.time_wait,
            time_wait_per_minute: per_minute(squeeze, count.time_wait, now),
            local_ports: settings.usable(),
        };
        let accusation = Accusation {
            verdict: Verdict::TimeWaitPressure,
            severity: severity(set.level, part(count.time_wait, settings)),
            summary: wording::pressure(&squeeze.owner.process, port_use),
            evidence: Evidence {
                port_use: Some(port_use),
                observed: Some(now),
                threshold: set.after,
                missing: Vec::from_iter((!count.proven).then_some(missing::HOLDERS)),
                ..Evidence::default()
            },
            time: now,
            again: squeeze.resumed.take().is_some(),
        };
        let open = squeeze.finding.clone();
        squeeze.finding = Some(accuse(book, &squeeze.owner, open.as_ref(), accusation));
    }

    fn relieve(&mut self, group: &Group, now: Timestamp, why: Resolution, book: &mut Book<'_>) {
        let Some(squeeze) = self.squeezes.remove(group) else {
            return;
        };
        if let Some(mut finding) = squeeze.finding {
            if squeeze.resumed.is_some() {
                Arc::make_mut(&mut finding).ended_after = squeeze.resumed;
            }
            acquit(book, squeeze.owner, finding, now, why);
        }
    }

    fn is_above(&self, group: &Group, count: u32, percent: u64) -> bool {
        let known = self.ports.get(&group.netns);
        known.is_some_and(|(settings, _)| part(count, *settings) > percent)
    }
}

/// Percent of the ports, rounded down.
fn part(count: u32, settings: LocalPorts) -> u64 {
    u64::from(count) * 100 / u64::from(settings.usable().max(1))
}

/// How bad it is that so many percent are used.
const fn severity(level: Level, percent: u64) -> Severity {
    let usual = match level {
        Level::Fixed(severity) => severity,
        Level::Auto | Level::Off => Severity::Warning,
    };
    if percent >= NEARLY_ALL {
        usual.worse()
    } else {
        usual
    }
}

fn per_minute(squeeze: &Squeeze, count: u32, now: Timestamp) -> u32 {
    let passed = now.since(squeeze.since).as_millis().max(1);
    let more = u128::from(count.saturating_sub(squeeze.first));
    u32::try_from(more * 60_000 / passed).unwrap_or(u32::MAX)
}
