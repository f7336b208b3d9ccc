//! How severe an incident is, and why.

use std::time::Duration;

use super::ages::Ages;
use super::standing::{Kind, Standing};
use crate::model::finding::Severity;
use crate::model::incident::{DescriptorUse, Reason};
use crate::model::time::Timestamp;
use crate::settings::incident::IncidentSettings;

/// What an incident is judged by. Times are watched time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture<'a> {
    pub(super) settings: &'a IncidentSettings,
    pub(super) now: Timestamp,
    pub(super) ages: &'a Ages,
    /// Open connections of the cause, if a look has counted them.
    pub(super) open: Option<u32>,
    pub(super) rising: bool,
    pub(super) descriptors: Option<Share>,
    pub(super) never_accepted: bool,
    pub(super) queue: QueueState,
    /// Something reads the end-of-stream over and over since then.
    pub(super) spinning: Option<Timestamp>,
    /// Requests are lost in many of the last minutes.
    pub(super) losing: bool,
    /// Nobody can act on any of the connections.
    pub(super) halted: bool,
    /// What is said of single findings.
    pub(super) told: Option<(Severity, Reason)>,
}

/// Descriptors and the incident's part in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) usage: DescriptorUse,
    /// Connections of the incident that the process has.
    pub(super) ours: u64,
    /// So often in a row nearly all were in use.
    pub(super) full: u32,
}

/// For how long an accept queue has been as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct QueueState {
    /// Nothing was accepted while connections waited.
    pub(super) stuck: Duration,
    /// It was nearly full at every look.
    pub(super) crowded: Duration,
    /// It was full at every look, and nothing was accepted.
    pub(super) blocked: Duration,
}

type Rule = fn(&Picture<'_>) -> bool;

/// The first that fits gives the reason.
const WARNING: [(Reason, Rule); 7] = [
    (Reason::Descriptors, descriptors_are_short),
    (Reason::Queue, queue_is_stuck),
    (Reason::Spin, spins),
    (Reason::Rising, rises),
    (Reason::Crowd, is_crowd),
    (Reason::Age, is_old),
    (Reason::LostRequests, loses),
];

const CRITICAL: [(Reason, Rule); 2] = [
    (Reason::Descriptors, descriptors_run_out),
    (Reason::Queue, queue_is_blocked),
];

/// The worst that can be said of it now.
pub(super) fn judge(picture: &Picture<'_>) -> (Severity, Option<Reason>) {
    let first = |rules: &[(Reason, Rule)]| {
        let rule = rules.iter().find(|(_, holds)| holds(picture));
        rule.map(|(reason, _)| *reason)
    };
    let told = picture.told;
    let known = first(&CRITICAL).map(|reason| (Severity::Critical, reason));
    let known = known.filter(|_| !picture.halted);
    let known = known.or_else(|| first(&WARNING).map(|reason| (Severity::Warning, reason)));
    let worst = match (known, told) {
        (Some(known), Some(told)) if told.0 > known.0 => Some(told),
        (Some(known), _) => Some(known),
        (None, told) => told.filter(|(severity, _)| *severity > Severity::Info),
    };
    let most = picture.settings.severity.unwrap_or(Severity::Info);
    let worst = worst.map(|(severity, reason)| (severity.min(most), reason));
    worst
        .filter(|(severity, _)| *severity > Severity::Info)
        .map_or((Severity::Info, None), |(severity, reason)| {
            (severity, Some(reason))
        })
}

fn is_crowd(picture: &Picture<'_>) -> bool {
    let Picture {
        settings,
        ages,
        now,
        ..
    } = *picture;
    let older = |standing, age| older(ages, settings, standing, age, now);
    let certain = older(Standing::Certain, settings.crowd_after);
    let gone = older(Standing::PeerGone, settings.crowd_after);
    let unknown = older(Standing::Open, settings.crowd_after_unknown);
    // One client out of many that falls silent is no fault of a server.
    let silent = older(Standing::Silent, settings.crowd_after_unknown);
    let most_are = picture.open.is_some_and(|open| silent >= open.div_ceil(2));
    let silent = if most_are { silent } else { 0 };
    let percent = u64::from(settings.crowd_percent);
    let part = (u64::from(picture.open.unwrap_or(0)) * percent).div_ceil(100);
    let enough = u64::from(settings.crowd).max(part);
    u64::from(certain + gone + unknown + silent) >= enough
}

fn is_old(picture: &Picture<'_>) -> bool {
    let Picture {
        settings,
        ages,
        now,
        ..
    } = *picture;
    older(ages, settings, Standing::Certain, settings.age, now) > 0
        || older(
            ages,
            settings,
            Standing::PeerGone,
            settings.age_peer_gone,
            now,
        ) > 0
}

/// How many of a standing have been unnoticed for so long, less the time in which nobody could act on them.
fn older(
    ages: &Ages,
    settings: &IncidentSettings,
    standing: Standing,
    age: Duration,
    now: Timestamp,
) -> u32 {
    let halted = Kind {
        standing,
        halted: true,
    };
    let later = age.saturating_add(settings.halted_after);
    ages.older(standing, age, now) + ages.older(halted, later, now)
}

const fn rises(picture: &Picture<'_>) -> bool {
    picture.rising
}

fn spins(picture: &Picture<'_>) -> bool {
    let since = picture.spinning;
    since.is_some_and(|since| picture.now.since(since) >= picture.settings.spin_after)
}

const fn loses(picture: &Picture<'_>) -> bool {
    picture.losing
}

fn queue_is_stuck(picture: &Picture<'_>) -> bool {
    let (queue, settings) = (picture.queue, picture.settings);
    queue.stuck >= settings.queue_stuck_after || queue.crowded >= settings.queue_full_after
}

fn queue_is_blocked(picture: &Picture<'_>) -> bool {
    picture.queue.blocked >= picture.settings.queue_full_after
}

fn descriptors_are_short(picture: &Picture<'_>) -> bool {
    let percent = picture.settings.descriptors_percent;
    let short = |share: Share| share.is_at_least(percent) && has_part(picture, share);
    picture.descriptors.is_some_and(short)
}

fn descriptors_run_out(picture: &Picture<'_>) -> bool {
    let soon = picture.settings.descriptors_full_in;
    let out = |share: Share| {
        let full_in = share.usage.full_in;
        let runs_out = share.full >= 2 || full_in.is_some_and(|left| left < soon);
        runs_out && has_part(picture, share)
    };
    picture.descriptors.is_some_and(out)
}

/// Whether the descriptors are this incident's affair.
fn has_part(picture: &Picture<'_>, share: Share) -> bool {
    let part = u64::from(picture.settings.descriptors_share_percent);
    let open = share.usage.descriptors.open;
    picture.never_accepted || (open > 0 && share.ours * 100 >= open * part)
}

impl Share {
    /// Whether so many percent are in use.
    pub(super) fn is_at_least(&self, percent: u32) -> bool {
        self.usage.descriptors.are_used_to(percent)
    }
}

/// A severity rises at once and falls after a while.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Levels {
    /// When it was last at least a warning, and why; the same for critical.
    latest: [Option<(Timestamp, Reason)>; 2],
}

impl Levels {
    /// Takes what is true now; what is to be said.
    pub(super) fn hold(
        &mut self,
        (severity, reason): (Severity, Option<Reason>),
        fall_after: Duration,
        now: Timestamp,
    ) -> (Severity, Option<Reason>) {
        let [warning, critical] = &mut self.latest;
        if let Some(reason) = reason.filter(|_| severity >= Severity::Warning) {
            *warning = Some((now, reason));
        }
        if let Some(reason) = reason.filter(|_| severity == Severity::Critical) {
            *critical = Some((now, reason));
        }
        let holds = |level: Option<(Timestamp, Reason)>| {
            level.filter(|(at, _)| *at == now || now.since(*at) < fall_after)
        };
        match (holds(*critical), holds(*warning)) {
            (Some((_, reason)), _) => (Severity::Critical, Some(reason)),
            (None, Some((_, reason))) => (Severity::Warning, Some(reason)),
            (None, None) => (Severity::Info, None),
        }
    }

    /// Whether it has ever been more than `info`.
    pub(super) const fn have_warned(&self) -> bool {
        self.latest[0].is_some()
    }
}

#[cfg(test)]
mod tests;
