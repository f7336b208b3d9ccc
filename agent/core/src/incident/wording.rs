//! What an incident says to a human: one sentence, and what to do about it.

use std::time::Duration;

use super::entry::Entry;
use super::level::Share;
use crate::model::finding::{Action, Evidence, Verdict};
use crate::model::incident::{Cause, Incident, Rate};
use crate::model::process::Descriptors;
use crate::model::socket::Role;
use crate::verdict::wording;

/// What to do about what most of its findings are, or were when it had any; without one, about lost requests.
pub(super) fn hint(main: Option<Verdict>, entry: &Entry, share: Option<Share>) -> String {
    let hint = usual_hint(main, entry);
    let unaccepted = entry.verdicts.contains_key(&Verdict::NeverAccepted);
    let percent = entry.settings.descriptors_critical_percent;
    let used = share.map(|share| share.usage.descriptors);
    match used.filter(|used| unaccepted && used.are_used_to(percent)) {
        Some(used) => format!("{} {hint}", no_descriptors(used)),
        None => hint,
    }
}

/// Why nothing is accepted, if it is that.
fn no_descriptors(used: Descriptors) -> String {
    let Descriptors { open, limit } = used;
    let fails = if open >= limit {
        "accept fails"
    } else {
        "accept is about to fail"
    };
    format!("{fails} with EMFILE: {open} of {limit} descriptors are open.")
}

fn usual_hint(main: Option<Verdict>, entry: &Entry) -> String {
    let now = main.and_then(|verdict| entry.hints.get(&verdict));
    let told = entry.told.as_ref().map(|told| &told.incident.hint);
    now.or(told).cloned().unwrap_or_else(|| {
        let process = entry.processes.values().next();
        wording::hint(wording::Facts {
            verdict: Verdict::WriteAfterFin,
            role: Role::Client,
            comm: process.map_or("", |(process, _)| &process.comm),
            evidence: &Evidence::default(),
        })
    })
}

/// One sentence: who, where, how many, how it grows, what breaks when.
pub(super) fn summary(incident: &Incident) -> String {
    let mut parts = vec![state(incident)];
    if incident.action != Action::Resolved {
        let lost = Some(incident.lost_requests).filter(|lost| *lost > 0);
        parts.extend(lost.map(|lost| format!("{lost} requests were lost")));
        let tenths = incident.rate.map(Rate::tenths_per_minute);
        parts.extend(tenths.map(|n| format!("{}.{} more settle every minute", n / 10, n % 10)));
        let full_in = incident.descriptors.and_then(|used| used.full_in);
        parts.extend(full_in.map(|left| format!("no descriptor is left in {}", span(left))));
    }
    parts.join("; ")
}

fn state(incident: &Incident) -> String {
    let program = &incident.cause.program;
    let place = place(&incident.cause);
    match (incident.action, incident.connections) {
        (Action::Resolved, _) => format!(
            "{program} has no connection in trouble {place} any more; there were {} in all",
            incident.total
        ),
        (_, 0) => format!("{program} has no connection in trouble {place} at the moment"),
        (_, 1) => format!("{program} has a connection {place} that it does not deal with"),
        (_, n) => format!("{program} has {n} connections {place} that it does not deal with"),
    }
}

/// Where, in words.
fn place(cause: &Cause) -> String {
    match (cause.role, cause.port) {
        (Role::Server, Some(port)) => format!("on port {port}"),
        (Role::Client, Some(port)) => format!("to port {port}"),
        (Role::Unknown, Some(port)) => format!("with port {port}"),
        (Role::Server | Role::Client | Role::Unknown, None) => "on many ports".to_owned(),
    }
}

/// In the greatest unit that it fills twice.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
