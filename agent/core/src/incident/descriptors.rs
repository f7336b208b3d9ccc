//! The descriptors of an incident's processes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::level::Share;
use super::process::Processes;
use crate::model::incident::{DescriptorUse, Rate};
use crate::model::process::Descriptors;
use crate::model::socket::{Process, ProcessId};
use crate::settings::incident::IncidentSettings;

/// Those of the process that has the fewest left; `ours` are the incident's, with how many connections each has, and
/// `rate` says how fast these become more.
pub(super) fn share(
    ours: &BTreeMap<ProcessId, (Arc<Process>, u32)>,
    known: &Processes,
    rate: Option<Rate>,
    settings: &IncidentSettings,
) -> Option<Share> {
    let found = ours.iter().filter_map(|(id, (_, count))| {
        let [latest, before] = known.get(*id)?.descriptors;
        Some((*id, *count, latest?, before))
    });
    let used = |of: Descriptors| of.open.saturating_mul(1_000) / of.limit.max(1);
    let (process, count, latest, before) = found.max_by_key(|(_, _, latest, _)| used(*latest))?;
    let left = latest.limit.saturating_sub(latest.open);
    let percent = settings.descriptors_critical_percent;
    let twice = [Some(latest), before].into_iter().flatten();
    Some(Share {
        usage: DescriptorUse {
            process,
            descriptors: latest,
            full_in: rate.and_then(|rate| rate.reaches(left)),
        },
        ours: u64::from(count),
        full: twice.map(|used| u32::from(used.are_used_to(percent))).sum(),
    })
}
