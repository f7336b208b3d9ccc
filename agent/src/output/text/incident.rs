//! An incident for human eyes, in at most six lines: how bad and whose; who; where; how many, how they grow and what
//! breaks when; what is known; what to do. What changes later without being better or worse is one line.

use std::fmt::{self, Write};
use std::time::Duration;

use super::super::json::{
    Action, Frame, Incident, IncidentCause, IncidentPeer, Process, Role, StackCount, Subject,
};
use super::mark::{Mark, Style};
use super::page::Page;
use super::part::part_of;
use super::word::{Human, clean, list, named, word};
use crate::output::clock::Time;

/// Lines of an incident.
const LINES: usize = 6;

pub(super) fn write(
    time: Time,
    subject: &Subject<'_>,
    incident: &Incident<'_>,
    style: Style,
    out: &mut impl Write,
) -> fmt::Result {
    let mark = Mark {
        severity: incident.severity,
        action: incident.action,
        color: style.color,
    };
    let mut page = Page::new(style.width, LINES, out);
    let shown = format!("{} {mark} {} ", time.clock(), incident.id);
    if let Some(rest) = brief(time, incident) {
        return page.head(&shown, mark.color, &rest);
    }
    page.head(&shown, mark.color, &whose(incident))?;
    details(time, subject, incident, &mut page)
}

/// An incident in one line, without its time, id and severity: for logs that have fields of their own for these.
pub fn line(time: Time, incident: &Incident<'_>) -> String {
    brief(time, incident).unwrap_or_else(|| {
        let parts = [
            place(incident),
            growth(time, incident),
            known(incident),
            clean(&incident.hint),
        ];
        format!("{}: {}", whose(incident), parts.join("; "))
    })
}

/// What needs no more than a line.
fn brief(time: Time, incident: &Incident<'_>) -> Option<String> {
    match incident.action {
        Action::Resolved => Some(format!("{}: over, {}", cause(incident), in_all(incident))),
        Action::Updated if incident.severity_change.is_none() => {
            Some(format!("{}: {}", cause(incident), growth(time, incident)))
        }
        Action::Updated | Action::Opened => None,
    }
}

fn details(
    time: Time,
    subject: &Subject<'_>,
    incident: &Incident<'_>,
    page: &mut Page<'_, impl Write>,
) -> fmt::Result {
    if let Some(process) = &subject.process {
        page.line(&who(process, subject, incident))?;
    }
    page.line(&place(incident))?;
    page.line(&growth(time, incident))?;
    page.line(&known(incident))?;
    page.rest(&clean(&incident.hint))
}

/// Why, and whose.
fn whose(incident: &Incident<'_>) -> String {
    let reason = incident.reason;
    let reason = reason.map_or_else(String::new, |reason| format!("{}: ", word(reason)));
    format!("{reason}{}", cause(incident))
}

fn cause(incident: &Incident<'_>) -> String {
    let IncidentCause {
        program, workload, ..
    } = &incident.cause;
    let workload = workload.as_ref();
    let workload = workload.map_or_else(String::new, |name| format!(" in {}", clean(name)));
    format!("{}{workload}", clean(program))
}

fn in_all(incident: &Incident<'_>) -> String {
    match incident.total {
        1 => "1 connection in all".to_owned(),
        n => format!("{n} connections in all"),
    }
}

fn who(process: &Process<'_>, subject: &Subject<'_>, incident: &Incident<'_>) -> String {
    let others = incident.process_count.saturating_sub(1);
    let others = (others > 0).then(|| format!(" and {others} more"));
    // Its unit is in the first line, if that is all.
    let contained = subject.k8s.is_some() || subject.container.is_some();
    let part = part_of(subject).filter(|_| contained);
    let part = part.map(|part| format!(", {part}"));
    let path = process.executable.path.as_ref();
    let line = process.command_line.as_ref().or(path);
    let line = line.map(|line| format!(": {}", clean(line)));
    let parts = [Some(named(process)), others, part, line];
    parts.into_iter().flatten().collect()
}

/// Which end, and with whom.
fn place(incident: &Incident<'_>) -> String {
    let peers = list(incident.peers.iter().map(peer));
    let port = incident.cause.port;
    let port = port.map_or_else(|| "*".to_owned(), |port| port.to_string());
    let ends = match incident.cause.role {
        Role::Server => format!("port {port} <- {peers}"),
        Role::Client if peers.is_empty() => format!("-> port {port}"),
        Role::Client => format!("-> {peers}"),
        Role::Unknown => format!("port {port} with {peers}"),
    };
    let others = list(incident.relays_for.iter().map(peer));
    if others.is_empty() {
        return ends;
    }
    format!("{ends}; carries on for {others}")
}

fn peer(peer: &IncidentPeer) -> String {
    let address = match peer.port {
        Some(port) => std::net::SocketAddr::new(peer.address, port).to_string(),
        None => peer.address.to_string(),
    };
    format!("{address} ({})", peer.connections)
}

/// How many and since when, how they grow and what breaks when.
fn growth(time: Time, incident: &Incident<'_>) -> String {
    let mut parts = Vec::new();
    let oldest = incident.oldest.filter(|_| incident.connections > 0);
    let age = oldest.map_or_else(String::new, |oldest| {
        format!(" for {}", Human(time.since(oldest)))
    });
    if incident.connections > 0 || incident.lost_requests == 0 {
        parts.push(format!("{}{age}", incident.connections));
    }
    let rising = incident.trend.per_minute.filter(|_| incident.trend.rising);
    parts.extend(rising.map(|n| format!("{n:.1} more a minute")));
    if let Some(used) = incident.descriptors {
        let left = used.full_in_ns.map(Duration::from_nanos);
        let left = left.map_or_else(String::new, |left| format!(", full in {}", Human(left)));
        parts.push(format!("{} of {} fds{left}", used.open, used.limit));
    }
    if let Some(queue) = incident.accept_queue {
        let stuck = Human(Duration::from_nanos(queue.stuck_ns));
        parts.push(format!(
            "accept queue {} of {}, still for {stuck}",
            queue.waiting, queue.limit
        ));
    }
    if incident.lost_requests > 0 {
        parts.push(format!("{} requests lost", incident.lost_requests));
    }
    parts.join("; ")
}

/// What is known of the connections.
fn known(incident: &Incident<'_>) -> String {
    let verdicts = incident.verdicts.iter();
    let verdicts = verdicts.map(|of| format!("{} {}", of.connections, word(of.verdict)));
    let waits = incident.wait_states.iter();
    let waits = waits.map(|of| format!("{} {}", of.connections, word(of.wait_state)));
    let caused_by = incident.caused_by.iter();
    let caused_by = caused_by.map(|id| format!("caused by {id}"));
    let opened = incident.stacks.first().and_then(opened);
    let opened = opened.unwrap_or_default();
    let parts = [list(verdicts), opened, list(waits), list(caused_by)].into_iter();
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

/// Where most were opened: the innermost call that has a line, else one that has a name.
fn opened(most: &StackCount<'_>) -> Option<String> {
    let mut frames = most.stack.frames.iter();
    let named = || most.stack.frames.iter().find(|f| f.function.is_some());
    let frame = frames.find(|frame| frame.line.is_some()).or_else(named)?;
    Some(format!("{} opened in {}", most.connections, call(frame)))
}

fn call(frame: &Frame<'_>) -> String {
    let function = frame.function.as_deref().unwrap_or(&frame.address);
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{} ({}:{line})", clean(function), clean(file)),
        _ => clean(function),
    }
}
