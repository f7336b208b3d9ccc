//! The page about an incident: the connections of one cause together.

use super::blank;
use super::known::{Connection, Known};
use super::page::costs::{growth, up_to};
use super::page::{code, futile, lines, link, remedies, why};
use super::runtime;
use super::words::{Age, count, wire};
use crate::output::clock::Time;
use crate::output::json::{
    Action, Body, Explanation, Incident, IncidentPeer, Moment, Origin, Subject, Topic, Verdict,
};

/// The page, and its oldest connection that is known.
pub(super) fn page<'k, 'a>(
    known: &'k Known<'a>,
    subject: &Subject<'a>,
    incident: &Incident<'a>,
    asked: &str,
) -> (Body<'a>, Option<&'k Connection<'a>>) {
    let verdict = incident.verdicts.first().map(|most| most.verdict);
    let open = incident.action != Action::Resolved;
    let explanation = Explanation {
        found: open,
        verdict,
        severity: Some(incident.severity),
        incident: Some(incident.id.clone().into_owned().into()),
        timeline: timeline(incident),
        holders: lines(holders(incident)),
        code: lines(stacks(incident)),
        why: lines(reasons(incident)),
        origin: verdict.map_or(Origin::Nobody, origin),
        related: lines(related(incident)),
        costs: lines(costs(incident)),
        remedies: lines(changes(subject, incident, verdict)),
        futile: lines(
            verdict
                .map(|verdict| futile::of(verdict, false))
                .unwrap_or_default(),
        ),
        commands: lines(commands(incident)),
        page: verdict.map(|verdict| link(verdict).into()),
        ..blank::page(asked, Topic::Incident, summary(incident, known.now))
    };
    let body = Body::Explanation {
        subject: subject.clone(),
        explanation: Box::new(explanation),
    };
    let mut findings = incident.findings.iter();
    (body, findings.find_map(|id| known.of_finding(*id)))
}

fn summary(incident: &Incident<'_>, now: Time) -> String {
    let oldest = incident.oldest.filter(|_| incident.connections > 0);
    let oldest = oldest.map_or_else(String::new, |oldest| {
        format!("; the oldest is in trouble for {}", Age(now.since(oldest)))
    });
    format!("{}{oldest}", incident.summary)
}

fn timeline(incident: &Incident<'_>) -> Vec<Moment<'static>> {
    let oldest = incident.oldest.filter(|_| incident.connections > 0);
    let mut all: Vec<Moment<'static>> = oldest
        .map(|time| Moment {
            time: Some(time),
            end: None,
            text: "the oldest of its connections came into trouble".into(),
        })
        .into_iter()
        .collect();
    all.push(Moment {
        time: Some(incident.opened),
        end: None,
        text: "its first finding was told".into(),
    });
    all.sort_by_key(|moment| moment.time);
    let total = count(incident.total, "connection");
    all.push(Moment {
        time: None,
        end: None,
        text: format!(
            "now: {}, {total} in all",
            count(incident.connections, "connection")
        )
        .into(),
    });
    all
}

fn holders(incident: &Incident<'_>) -> Vec<String> {
    let processes = incident.processes.iter().map(|process| {
        let of = count(process.connections, "connection");
        format!("{} (pid {}): {of}", process.executable.name, process.pid)
    });
    let mut all: Vec<String> = processes.collect();
    let more = (incident.process_count as usize).saturating_sub(all.len());
    if more > 0 {
        all.push(format!("and {more} more processes"));
    }
    let waits = incident.wait_states.iter();
    let waits: Vec<String> = waits
        .map(|of| format!("{} {}", of.connections, wire(of.wait_state)))
        .collect();
    if !waits.is_empty() {
        all.push(format!("who waits: {}", waits.join(", ")));
    }
    all
}

fn stacks(incident: &Incident<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for of in &incident.stacks {
        all.push(format!(
            "{} opened here:",
            count(of.connections, "connection")
        ));
        all.extend(code::calls(&of.stack));
    }
    all
}

fn reasons(incident: &Incident<'_>) -> Vec<String> {
    let verdicts = incident.verdicts.iter();
    let verdicts: Vec<String> = verdicts
        .map(|of| format!("{} {}", of.connections, wire(of.verdict)))
        .collect();
    let mut all = vec![why::severity(incident.severity, Some(incident))];
    if !verdicts.is_empty() {
        all.push(format!("By verdict: {}.", verdicts.join(", ")));
    }
    if let Some(id) = &incident.caused_by {
        all.push(format!(
            "It follows from incident {id}: begin there (finback explain {id})."
        ));
    }
    all
}

const fn origin(verdict: Verdict) -> Origin {
    match verdict {
        Verdict::StalePooled => Origin::Nobody,
        Verdict::DeadPeer => Origin::Network,
        Verdict::PeerNotClosing => Origin::Peer,
        Verdict::EofUnread
        | Verdict::EofNotRequested
        | Verdict::NotClosed
        | Verdict::NeverAccepted
        | Verdict::Inherited
        | Verdict::EofSpin
        | Verdict::WriteAfterFin
        | Verdict::DeadOpen
        | Verdict::NeverReads
        | Verdict::TimeWaitPressure => Origin::Application,
    }
}

fn related(incident: &Incident<'_>) -> Vec<String> {
    let list = |peers: &[IncidentPeer]| {
        let peers = peers.iter().map(|peer| match peer.port {
            Some(port) => format!("{} port {port} ({})", peer.address, peer.connections),
            None => format!("{} ({})", peer.address, peer.connections),
        });
        peers.collect::<Vec<_>>().join(", ")
    };
    let mut all = Vec::new();
    if !incident.peers.is_empty() {
        all.push(format!("most common peers: {}", list(&incident.peers)));
    }
    if !incident.relays_for.is_empty() {
        all.push(format!(
            "a relay: carries on for {}",
            list(&incident.relays_for)
        ));
    }
    if let Some(workload) = &incident.cause.workload {
        all.push(format!("where it runs: {workload}"));
    }
    all
}

fn costs(incident: &Incident<'_>) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(used) = &incident.descriptors {
        let (pid, open, limit) = (used.pid, used.open, up_to(used.limit));
        all.push(format!(
            "Descriptors of process {pid}: {open} of {limit}{}.",
            growth(used)
        ));
    }
    if let Some(queue) = incident.accept_queue {
        all.push(format!(
            "The accept queue: {} of {} wait, and nothing was accepted for {}.",
            queue.waiting,
            queue.limit,
            Age(std::time::Duration::from_nanos(queue.stuck_ns))
        ));
    }
    if incident.lost_requests > 0 {
        all.push(format!("Requests: {} were lost.", incident.lost_requests));
    }
    all
}

fn changes(
    subject: &Subject<'_>,
    incident: &Incident<'_>,
    verdict: Option<Verdict>,
) -> Vec<String> {
    let executable = subject.process.as_ref().map(|process| &process.executable);
    let path = executable.and_then(|executable| executable.path.as_deref());
    let name = executable.map(|executable| &*executable.name);
    let program = incident.cause.program.split(' ').next();
    let names: Vec<&str> = [path, name, program].into_iter().flatten().collect();
    let stacks: Vec<_> = incident.stacks.iter().map(|of| of.stack.clone()).collect();
    let runtime = runtime::of(&names, &stacks);
    let mut all = vec![remedies::general(&incident.hint).to_owned()];
    all.extend(
        verdict
            .into_iter()
            .flat_map(|verdict| remedies::code(verdict, incident.cause.role, runtime)),
    );
    all
}

fn commands(incident: &Incident<'_>) -> Vec<String> {
    let pids = incident.processes.iter().take(3).map(|process| process.pid);
    pids.map(|pid| format!("ss -tanpe | grep 'pid={pid},'"))
        .collect()
}
