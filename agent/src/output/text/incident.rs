//! An incident for human eyes, in at most six lines: how bad and where; who; how it grows and what breaks when; what is
//! known; where the connections were opened; what to do.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use super::super::json::{
    Action, Frame, Incident, IncidentCause, IncidentPeer, Process, Role, StackCount, Subject,
};
use super::mark::{Mark, Style};
use super::word::{Human, clean, named, word};
use crate::output::clock::Time;

pub(super) fn write(
    time: Time,
    subject: &Subject<'_>,
    incident: &Incident<'_>,
    style: Style,
    out: &mut impl Write,
) -> fmt::Result {
    head(time, incident, style, out)?;
    if incident.action == Action::Resolved {
        return Ok(());
    }
    if let Some(process) = &subject.process {
        who(process, subject, incident, out)?;
    }
    line(&growth(incident), out)?;
    line(&known(incident), out)?;
    if let Some(most) = incident.stacks.first() {
        line(&opened(most), out)?;
    }
    writeln!(out, "    hint: {}", clean(&incident.hint))
}

fn line(parts: &[String], out: &mut impl Write) -> fmt::Result {
    if parts.is_empty() {
        return Ok(());
    }
    writeln!(out, "    {}", parts.join("; "))
}

fn head(time: Time, incident: &Incident<'_>, style: Style, out: &mut impl Write) -> fmt::Result {
    let mark = Mark {
        severity: incident.severity,
        action: incident.action,
        color: style.color,
    };
    let (cause, resolved) = (&incident.cause, incident.action == Action::Resolved);
    write!(out, "{} {mark} {}", time.clock(), incident.id)?;
    if let Some(reason) = incident.reason.filter(|_| !resolved) {
        write!(out, " ({})", word(reason))?;
    }
    write!(out, " {}", clean(&cause.program))?;
    if let Some(workload) = &cause.workload {
        write!(out, " in {}", clean(workload))?;
    }
    write!(out, ", {}: ", Place(cause))?;
    if resolved {
        return writeln!(out, "over, {} connections in all", incident.total);
    }
    write!(out, "{} connections", incident.connections)?;
    if let Some(oldest) = incident.oldest {
        let age = time.since(oldest);
        write!(out, " since {} ({})", oldest.clock(), Human(age))?;
    }
    writeln!(out)
}

/// Which end, and the port.
struct Place<'a>(&'a IncidentCause<'a>);

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.role {
            Role::Server => "server on port ",
            Role::Client => "client of port ",
            Role::Unknown => "with port ",
        })?;
        match self.0.port {
            Some(port) => write!(f, "{port}"),
            None => f.write_str("*"),
        }
    }
}

fn who(
    process: &Process<'_>,
    subject: &Subject<'_>,
    incident: &Incident<'_>,
    out: &mut impl Write,
) -> fmt::Result {
    write!(out, "    {}", named(process))?;
    let path = process.executable.path.as_ref();
    if let Some(line) = process.command_line.as_ref().or(path) {
        write!(out, " {}", shortened(&clean(line)))?;
    }
    if let Some(container) = &subject.container {
        let id = container.id.get(..12).unwrap_or(&container.id);
        write!(out, ", container {}", clean(id))?;
    }
    match incident.process_count {
        0 | 1 => writeln!(out),
        2 => writeln!(out, ", and one more process"),
        n => writeln!(out, ", and {} more processes", n - 1),
    }
}

/// Longest command line that is shown, in characters.
const SHOWN: usize = 80;

fn shortened(line: &str) -> String {
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// How it grows and what breaks when.
fn growth(incident: &Incident<'_>) -> Vec<String> {
    let trend = incident.trend;
    let rising = trend.per_minute.filter(|_| trend.rising);
    let mut parts = Vec::from_iter(rising.map(|n| format!("{n:.1} more settle every minute")));
    if let Some(used) = incident.descriptors {
        let left = used.full_in_ns.map(Duration::from_nanos);
        let left = left.map_or_else(String::new, |left| {
            format!(", none left in {}", Human(left))
        });
        parts.push(format!(
            "{} of {} descriptors used{left}",
            used.open, used.limit
        ));
    }
    if let Some(queue) = incident.accept_queue {
        parts.push(format!(
            "accept queue {} of {}, nothing accepted for {}",
            queue.waiting,
            queue.limit,
            Human(Duration::from_nanos(queue.stuck_ns))
        ));
    }
    if incident.lost_requests > 0 {
        parts.push(format!("{} requests lost", incident.lost_requests));
    }
    parts
}

/// What is known of the connections.
fn known(incident: &Incident<'_>) -> Vec<String> {
    let verdicts = incident.verdicts.iter();
    let verdicts = verdicts.map(|of| format!("{} {}", of.connections, word(of.verdict)));
    let waits = incident.wait_states.iter();
    let waits = waits.map(|of| format!("{} {}", of.connections, word(of.wait_state)));
    let peers = incident.peers.iter().map(peer);
    let mut parts: Vec<String> = [list("", verdicts), list("", waits), list("peers ", peers)]
        .into_iter()
        .flatten()
        .collect();
    parts.extend(
        incident
            .caused_by
            .as_ref()
            .map(|id| format!("caused by {id}")),
    );
    parts
}

fn list(name: &str, words: impl Iterator<Item = String>) -> Option<String> {
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("{name}{}", words.join(", ")))
}

fn peer(peer: &IncidentPeer) -> String {
    let port = peer
        .port
        .map_or_else(String::new, |port| format!(" port {port}"));
    format!("{}{port} ({})", peer.address, peer.connections)
}

/// Where most were opened: the innermost calls that have a line, else those that have a name.
fn opened(most: &StackCount<'_>) -> Vec<String> {
    let frames = || most.stack.frames.iter();
    let lines: Vec<&Frame<'_>> = frames().filter(|frame| frame.line.is_some()).collect();
    let shown = if lines.is_empty() {
        frames().filter(|frame| frame.function.is_some()).collect()
    } else {
        lines
    };
    let calls: Vec<String> = shown.into_iter().take(2).map(call).collect();
    if calls.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "{} opened in {}",
        most.connections,
        calls.join(" from ")
    )]
}

fn call(frame: &Frame<'_>) -> String {
    let function = frame.function.as_deref().unwrap_or(&frame.address);
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{} ({}:{line})", clean(function), clean(file)),
        _ => clean(function),
    }
}
