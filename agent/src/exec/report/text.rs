//! The report for people.

use std::fmt::{self, Write};

use super::Told;
use crate::exec::judge::{How, Left};
use crate::output::json::{
    Body, Finding, Holder, Listed, Network, Role, StackKind, State, Subject,
};
use crate::output::text::{case, clean, label, named, opened_at, word};

/// Connections of one kind that are shown; the rest is counted. All are in the JSON.
const SHOWN: usize = 20;

/// Writes the report; nothing for a command that has left nothing, unless everything is to be told.
pub fn text(told: &Told<'_>, out: &mut impl Write) -> fmt::Result {
    let command = clean(told.command);
    let leaks = &told.report.leaks;
    if !leaks.is_empty() {
        let (count, were) = counted(leaks.len(), "was", "were");
        write!(out, "finback: {count} {were} left unclosed by `{command}`")?;
        if told.allowed > 0 {
            write!(out, " ({} allowed)", told.allowed)?;
        }
        writeln!(out)?;
    }
    for (number, left) in leaks.iter().enumerate().take(SHOWN) {
        write!(out, "{}. ", number + 1)?;
        self::left(left, out)?;
    }
    more(leaks.len(), out)?;
    let held = group(
        told,
        How::StillHeld,
        "still held by what it has left running",
        out,
    )?;
    let why = "closed only when their process ended, perhaps by its runtime (--strict counts them)";
    let late = group(told, How::ClosedLate, why, out)?;
    let why = "open when their process ended, as many clients leave them (--strict counts them)";
    let open = group(told, How::OpenAtExit, why, out)?;
    if told.verbose && leaks.is_empty() && held + late + open == 0 {
        writeln!(out, "finback: `{command}` has closed every connection")?;
    }
    Ok(())
}

/// A kind of connections that are no leaks; how many there are.
fn group(told: &Told<'_>, how: How, what: &str, out: &mut impl Write) -> Result<usize, fmt::Error> {
    let all = told.others(how);
    if all.is_empty() {
        return Ok(0);
    }
    let (count, are) = counted(all.len(), "was", "were");
    writeln!(out, "finback: {count} {are} {what}:")?;
    for left in all.iter().take(SHOWN) {
        out.write_str("    ")?;
        line(left, out)?;
    }
    more(all.len(), out)?;
    Ok(all.len())
}

fn counted(count: usize, one: &'static str, many: &'static str) -> (String, &'static str) {
    match count {
        1 => ("1 connection".to_owned(), one),
        _ => (format!("{count} connections"), many),
    }
}

fn more(count: usize, out: &mut impl Write) -> fmt::Result {
    match count.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "    … {more} more (--format json tells all)"),
    }
}

/// A leak: a heading, and all that is known.
pub(super) fn left(left: &Left, out: &mut impl Write) -> fmt::Result {
    let Some(event) = left.event() else {
        return writeln!(out);
    };
    match &event.body {
        Body::Finding { subject, finding } => {
            heading(left.how, subject, finding, out)?;
            if let Some(frame) = opened_at(finding) {
                let file = clean(frame.file.as_deref().unwrap_or_default());
                let function = clean(frame.function.as_deref().unwrap_or_default());
                let line = frame.line.unwrap_or_default();
                writeln!(out, "    opened at {file}:{line} in {function}")?;
            }
            let (subject, finding) = as_it_was(left.how, subject, finding);
            case(&subject, &finding, out)
        }
        Body::Hello { .. }
        | Body::Transition { .. }
        | Body::Eof { .. }
        | Body::Incident { .. }
        | Body::Connection { .. }
        | Body::Socket { .. }
        | Body::Destroyed { .. }
        | Body::Remedy { .. }
        | Body::Explanation { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => line(left, out),
    }
}

/// As its process left it; where its threads were while the tests went on says nothing about it.
fn as_it_was<'a>(
    how: How,
    subject: &Subject<'a>,
    finding: &Finding<'a>,
) -> (Subject<'a>, Finding<'a>) {
    let (mut subject, mut finding) = (subject.clone(), finding.clone());
    finding
        .stacks
        .retain(|stack| stack.kind != StackKind::Current && !stack.frames.is_empty());
    let left = finding.evidence.state.filter(|_| how != How::Unnoticed);
    if let (Some(network), Some(state)) = (&mut subject.network, left) {
        network.connection.state = state;
        network.connection.peer_state = None;
    }
    (subject, finding)
}

fn heading(
    how: How,
    subject: &Subject<'_>,
    finding: &Finding<'_>,
    out: &mut impl Write,
) -> fmt::Result {
    let process = subject.process.as_ref();
    let process = process.map_or_else(|| "its process".to_owned(), named);
    match how {
        How::ClosedByExit => write!(out, "only the end of {process} closed it")?,
        How::ClosedLate => write!(out, "closed only when {process} ended")?,
        How::Unnoticed | How::Inherited | How::StillHeld | How::OpenAtExit => {
            write!(out, "{process} lives on and holds it")?;
        }
    }
    let (verdict, sure) = (word(finding.verdict), word(finding.confidence));
    writeln!(out, ": {verdict} ({sure})")
}

/// A connection in one line.
fn line(left: &Left, out: &mut impl Write) -> fmt::Result {
    match left.event().map(|event| event.body) {
        Some(Body::Transition {
            subject,
            transition,
        }) => {
            whose(&subject, out)?;
            let half_closed = transition.from == State::CloseWait;
            let peer_gone = transition.after_ns.filter(|_| half_closed);
            let state = label(transition.from);
            match peer_gone {
                Some(ns) => writeln!(out, " {state} for {} ms", ns / 1_000_000),
                None => writeln!(out, " {state}"),
            }
        }
        Some(Body::Finding { subject, finding }) => {
            whose(&subject, out)?;
            writeln!(out, " {}", word(finding.verdict))
        }
        Some(Body::Socket { subject, listed }) => socket(left.how, &subject, &listed, out),
        Some(
            Body::Hello { .. }
            | Body::Eof { .. }
            | Body::Incident { .. }
            | Body::Connection { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Lost { .. }
            | Body::Resync { .. },
        )
        | None => writeln!(out),
    }
}

fn socket(
    how: How,
    subject: &Subject<'_>,
    listed: &Listed<'_>,
    out: &mut impl Write,
) -> fmt::Result {
    let held = |holder: &Holder<'_>| {
        let name = clean(&holder.comm);
        format!("{name}[{}] fd {}", holder.pid, holder.fd)
    };
    let holders: Vec<_> = listed.holders.iter().map(held).collect();
    if let Some(opener) = subject.process.as_ref().filter(|_| how == How::Inherited) {
        write!(
            out,
            "opened by {}, which has ended, and inherited: ",
            named(opener)
        )?;
    }
    ends(subject, out)?;
    let state = subject.network.map(|network| network.connection.state);
    write!(out, " {}", state.map_or("-", label))?;
    writeln!(out, " held by {}", holders.join(", "))
}

fn whose(subject: &Subject<'_>, out: &mut impl Write) -> fmt::Result {
    if let Some(process) = &subject.process {
        write!(out, "{} ", named(process))?;
    }
    ends(subject, out)
}

fn ends(subject: &Subject<'_>, out: &mut impl Write) -> fmt::Result {
    let Some(Network { local, peer, .. }) = subject.network else {
        return Ok(());
    };
    let client = subject.socket.is_some_and(|s| s.role == Role::Client);
    let arrow = if client { "->" } else { "<-" };
    let [local, peer] = [local, peer].map(std::net::SocketAddr::from);
    write!(out, "{local} {arrow} {peer}")
}
