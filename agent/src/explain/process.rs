//! The page about a process: what it has, its incidents, and which of its connections are the worst.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::blank;
use super::find::of;
use super::host::Host;
use super::known::{Connection, Known};
use super::page::costs::{growth, up_to};
use super::page::lines;
use super::words::{Age, count, state, wire};
use crate::output::clock::Time;
use crate::output::json::{Body, Explanation, Incident, Origin, Process, Severity, Subject, Topic};

/// Connections that are explained one by one.
const WORST: usize = 3;

/// Incidents that are named.
const INCIDENTS: usize = 5;

/// The page, and the worst of its connections.
pub(super) fn page<'k, 'a>(
    known: &'k Known<'a>,
    pid: u32,
    asked: &str,
    host: &dyn Host,
) -> (Body<'a>, Vec<&'k Connection<'a>>) {
    let mut own: Vec<&Connection<'a>> = known.connections.iter().collect();
    own.retain(|connection| connection.belongs_to(pid));
    let subject = subject(known, &own, pid);
    let incidents = known.incidents.iter().map(|(_, incident)| incident);
    let mut incidents: Vec<&Incident<'a>> =
        incidents.filter(|incident| of(incident, pid)).collect();
    incidents.sort_by_key(|incident| Reverse(rank(incident.severity)));
    let who = subject
        .process
        .as_ref()
        .map_or_else(|| format!("process {pid}"), super::words::process);
    let explanation = Explanation {
        found: own.iter().any(|one| one.open().is_some()) || !incidents.is_empty(),
        severity: severity(&own),
        why: lines(why(&incidents)),
        origin: if incidents.is_empty() {
            Origin::Nobody
        } else {
            Origin::Unknown
        },
        related: lines(parts(&own)),
        costs: lines(descriptors(&incidents, subject.process.as_ref(), pid, host)),
        commands: lines(vec![
            format!("ss -tanpe | grep 'pid={pid},'"),
            format!("lsof -nP -a -p {pid} -iTCP"),
            format!("ls -l /proc/{pid}/fd | grep -c socket"),
        ]),
        ..blank::page(
            asked,
            Topic::Process,
            summary(&who, &own, &incidents, known.now),
        )
    };
    let body = Body::Explanation {
        subject,
        explanation: Box::new(explanation),
    };
    (body, worst(own))
}

/// As a line has it that tells most.
fn subject<'a>(known: &Known<'a>, own: &[&Connection<'a>], pid: u32) -> Subject<'a> {
    let subjects = own.iter().map(|connection| &connection.subject);
    let subjects = subjects.chain(known.incidents.iter().map(|(subject, _)| subject));
    let its = |subject: &&Subject<'a>| {
        let process = subject.process.as_ref();
        process.is_some_and(|process| process.pid == pid)
    };
    let all = subjects.filter(its);
    let best = all.max_by_key(|subject| {
        let process = subject.process.as_ref();
        process.is_some_and(|process| process.command_line.is_some())
    });
    let best = best.cloned();
    Subject {
        socket: None,
        network: None,
        process: best.as_ref().and_then(|subject| subject.process.clone()),
        peer_process: None,
        cgroup: best.as_ref().and_then(|subject| subject.cgroup.clone()),
        systemd_unit: best
            .as_ref()
            .and_then(|subject| subject.systemd_unit.clone()),
        container: best.as_ref().and_then(|subject| subject.container.clone()),
        k8s: best.and_then(|subject| subject.k8s),
    }
}

fn summary(who: &str, own: &[&Connection<'_>], incidents: &[&Incident<'_>], now: Time) -> String {
    let all = count(own.len() as u64, "TCP socket");
    let found: Vec<_> = own
        .iter()
        .filter_map(|connection| connection.open())
        .collect();
    if found.is_empty() && incidents.is_empty() {
        return format!("{who} has {all}; nothing is wrong with any of them");
    }
    let oldest = incidents
        .iter()
        .filter_map(|incident| incident.oldest)
        .min();
    let oldest = oldest.map_or_else(String::new, |oldest| {
        format!(", the oldest for {}", Age(now.since(oldest)))
    });
    let has = match found.len() as u64 {
        1 => "1 has a finding".to_owned(),
        n => format!("{n} have findings"),
    };
    format!(
        "{who} has {all}; {has}{oldest}, in {}",
        count(incidents.len() as u64, "incident")
    )
}

const fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

fn severity(own: &[&Connection<'_>]) -> Option<Severity> {
    let found = own.iter().filter_map(|connection| connection.open());
    found
        .map(|finding| finding.severity)
        .max_by_key(|severity| rank(*severity))
}

fn why(incidents: &[&Incident<'_>]) -> Vec<String> {
    let shown = incidents.iter().take(INCIDENTS);
    let mut all: Vec<String> = shown
        .map(|incident| {
            format!(
                "{} {}: {}",
                wire(incident.severity),
                incident.id,
                incident.summary
            )
        })
        .collect();
    let more = incidents.len().saturating_sub(INCIDENTS);
    if more > 0 {
        all.push(format!("and {more} more incidents"));
    }
    all
}

/// How many by state and by verdict.
fn parts(own: &[&Connection<'_>]) -> Vec<String> {
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    let mut verdicts: BTreeMap<String, u64> = BTreeMap::new();
    for connection in own {
        *states.entry(state(connection.state())).or_default() += 1;
        if let Some(finding) = connection.open() {
            *verdicts.entry(wire(finding.verdict)).or_default() += 1;
        }
    }
    let states: Vec<String> = states
        .iter()
        .map(|(state, n)| format!("{n} {state}"))
        .collect();
    let verdicts: Vec<String> = verdicts
        .iter()
        .map(|(verdict, n)| format!("{n} {verdict}"))
        .collect();
    let mut all = vec![format!("by state: {}", states.join(", "))];
    if !verdicts.is_empty() {
        all.push(format!("by verdict: {}", verdicts.join(", ")));
    }
    all
}

fn descriptors(
    incidents: &[&Incident<'_>],
    process: Option<&Process<'_>>,
    pid: u32,
    host: &dyn Host,
) -> Vec<String> {
    let told = incidents.iter().filter_map(|incident| incident.descriptors);
    let mut told = told.filter(|told| told.pid == pid);
    let told = told.next();
    let seen = process.and_then(|process| host.process(pid, process.start_time));
    let now = seen.and_then(|seen| seen.descriptors);
    let used = now.or_else(|| told.map(|told| (told.open, told.limit)));
    let growth = told.map_or_else(String::new, |told| growth(&told));
    let used =
        used.map(|(open, limit)| format!("Descriptors: {open} of {}{growth}.", up_to(limit)));
    used.into_iter().collect()
}

/// Severest first, then those that have lasted longest.
fn worst<'k, 'a>(mut own: Vec<&'k Connection<'a>>) -> Vec<&'k Connection<'a>> {
    own.retain(|connection| connection.open().is_some());
    own.sort_by_key(|connection| {
        let finding = connection.open();
        let severity = finding.map_or(0, |finding| rank(finding.severity));
        let lasts = finding.and_then(|finding| finding.half_closed_ns);
        Reverse((severity, lasts))
    });
    own.truncate(WORST);
    own
}
