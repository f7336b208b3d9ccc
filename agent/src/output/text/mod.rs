//! The stream for human eyes: one aligned line per event, a marked paragraph per incident and per finding.

mod explanation;
mod incident;
mod mark;
mod page;
mod part;
mod place;
mod proof;
mod stack;
mod word;

use std::fmt::{self, Display, Write};
use std::net::SocketAddr;
use std::time::Duration;

pub use self::incident::line as incident_line;
use self::mark::Mark;
pub use self::mark::Style;
use self::part::part_of;
pub use self::place::{opened_at, opening};
use self::proof::Proof;
use self::word::name;

pub use self::word::Human;
pub use self::word::{clean, named, word};
use super::json::{
    Action, Body, Endpoint, Eof, Event, Finding, Hello, Life, Listed, Lost, Network, Process,
    Remedy, Resync, Role, State, Subject, Transition,
};

/// Writes an event, with a line feed.
pub fn write(event: &Event<'_>, style: Style, out: &mut impl Write) -> fmt::Result {
    let time = event.time.clock();
    match &event.body {
        Body::Hello { hello } => greet(hello, out),
        Body::Transition {
            subject,
            transition,
        } => {
            write!(out, "{time} {}", Line(subject))?;
            change(transition, out)
        }
        Body::Eof { subject, eof } => {
            write!(out, "{time} {}", Line(subject))?;
            delivery(eof, out)
        }
        Body::Connection {
            subject,
            connection,
        } => {
            write!(out, "{time} {}", Line(subject))?;
            life(connection, out)
        }
        Body::Finding { subject, finding } => {
            write!(out, "{time} ")?;
            paragraph(subject, finding, style, out)
        }
        Body::Incident { subject, incident } => {
            incident::write(event.time, subject, incident, style, out)
        }
        Body::Socket { subject, listed } => {
            write!(out, "{time} {}", Line(subject))?;
            socket(subject, listed, out)
        }
        Body::Destroyed { subject, destroyed } => {
            writeln!(out, "{time} {} {}", Line(subject), word(destroyed.result))
        }
        Body::Remedy { subject, remedy } => {
            write!(out, "{time} {}", Line(subject))?;
            decision(remedy, out)
        }
        Body::Explanation { explanation, .. } => {
            explanation::write(event.time, explanation, style, out)
        }
        Body::Lost { lost } => loss(&time, lost, out),
        Body::Resync { resync } => comparison(&time, *resync, out),
    }
}

/// What a remedy has decided.
fn decision(remedy: &Remedy<'_>, out: &mut impl Write) -> fmt::Result {
    writeln!(
        out,
        " remedy {} ({}) {}: {}",
        clean(&remedy.name),
        remedy.action.name(),
        remedy.decision.name().replace('_', " "),
        clean(&remedy.reason),
    )
}

fn greet(hello: &Hello<'_>, out: &mut impl Write) -> fmt::Result {
    writeln!(
        out,
        "finback {} on {}, Linux {}",
        hello.version, hello.host, hello.kernel
    )?;
    let missing: Vec<&str> = hello
        .signals
        .iter()
        .filter(|(_, flavour)| flavour.is_none())
        .map(|(signal, _)| &**signal)
        .collect();
    if !missing.is_empty() {
        writeln!(
            out,
            "not available here: {} (see finback doctor)",
            missing.join(", ")
        )?;
    }
    writeln!(
        out,
        "{:<12} {:>7} {:<15} {:<21} {:<21} {:<28} {:>11}",
        "TIME (UTC)", "PID", "COMM", "LADDR:PORT", "RADDR:PORT", "OLD -> NEW", "MS"
    )
}

/// The columns that name a connection.
struct Line<'a>(&'a Subject<'a>);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.process {
            Some(process) => write!(f, "{:>7} {:<15}", process.pid, clean(&process.comm))?,
            None => write!(f, "{:>7} {:<15}", "-", "-")?,
        }
        let Some(network) = &self.0.network else {
            return Ok(());
        };
        write!(
            f,
            " {:<21} {:<21}",
            address(network.local),
            address(network.peer)
        )
    }
}

fn address(endpoint: Endpoint) -> SocketAddr {
    SocketAddr::new(endpoint.address, endpoint.port)
}

fn change(transition: &Transition, out: &mut impl Write) -> fmt::Result {
    let change = format!("{} -> {}", label(transition.from), label(transition.to));
    writeln!(out, " {change:<28} {:>11}", Millis(transition.after_ns))
}

fn delivery(eof: &Eof, out: &mut impl Write) -> fmt::Result {
    writeln!(
        out,
        " {:<28} {:>11}",
        "end-of-stream delivered",
        Millis(eof.after_ns)
    )
}

fn socket(subject: &Subject<'_>, listed: &Listed<'_>, out: &mut impl Write) -> fmt::Result {
    let state = subject.network.map(|network| network.connection.state);
    let state = state.map_or("-", label);
    writeln!(out, " {state:<28} {:>11}", Millis(listed.age_ns))
}

fn life(life: &Life, out: &mut impl Write) -> fmt::Result {
    let end = format!("ended: {}", word(life.cause));
    writeln!(
        out,
        " {end:<28} {:>11}  {} B sent, {} B received",
        Millis(life.duration_ns),
        life.sent_bytes,
        life.received_bytes
    )
}

/// As `ss` and the kernel spell it.
pub const fn label(state: State) -> &'static str {
    match state {
        State::Closed => "CLOSE",
        State::Listen => "LISTEN",
        State::SynSent => "SYN_SENT",
        State::SynReceived => "SYN_RECV",
        State::Established => "ESTABLISHED",
        State::CloseWait => "CLOSE_WAIT",
        State::LastAck => "LAST_ACK",
        State::FinWait1 => "FIN_WAIT1",
        State::FinWait2 => "FIN_WAIT2",
        State::Closing => "CLOSING",
        State::TimeWait => "TIME_WAIT",
    }
}

fn paragraph(
    subject: &Subject<'_>,
    finding: &Finding<'_>,
    style: Style,
    out: &mut impl Write,
) -> fmt::Result {
    let mark = Mark {
        severity: finding.severity,
        action: finding.action,
        color: style.color,
    };
    write!(out, "{mark} #{} {}", finding.id, word(finding.verdict))?;
    write!(
        out,
        " ({}), {}",
        word(finding.confidence),
        word(finding.action)
    )?;
    if let Some(resolution) = finding.resolution {
        write!(out, ": {}", word(resolution))?;
    }
    if let Some(process) = &subject.process {
        write!(out, ": {}", named(process))?;
    }
    writeln!(out)?;
    charge(subject, finding, out)?;
    if finding.action == Action::Resolved {
        return Ok(());
    }
    grounds(finding, out)
}

/// A finding without its heading: what is wrong with which connection, and all that speaks for it.
pub fn case(subject: &Subject<'_>, finding: &Finding<'_>, out: &mut impl Write) -> fmt::Result {
    charge(subject, finding, out)?;
    grounds(finding, out)
}

fn charge(subject: &Subject<'_>, finding: &Finding<'_>, out: &mut impl Write) -> fmt::Result {
    if let Some(network) = &subject.network {
        let role = subject.socket.as_ref().map(|socket| socket.role);
        ends(network, role, finding, out)?;
        other_end(network, subject.peer_process.as_ref(), out)?;
    }
    if let Some(part) = part_of(subject) {
        writeln!(out, "    in {part}")?;
    }
    writeln!(out, "    {}", clean(&finding.summary))?;
    Ok(())
}

fn grounds(finding: &Finding<'_>, out: &mut impl Write) -> fmt::Result {
    holders(finding, out)?;
    finding
        .stacks
        .iter()
        .try_for_each(|stack| stack::write(stack, out))?;
    writeln!(out, "    evidence: {}", Proof(&finding.evidence))?;
    if !finding.missing.is_empty() {
        writeln!(out, "    not seen: {}", finding.missing.join(", "))?;
    }
    writeln!(out, "    hint: {}", clean(&finding.hint))
}

fn ends(
    network: &Network,
    role: Option<Role>,
    finding: &Finding<'_>,
    out: &mut impl Write,
) -> fmt::Result {
    let arrow = match role {
        Some(Role::Client) => "->",
        Some(Role::Server | Role::Unknown) | None => "<-",
    };
    write!(
        out,
        "    {} {arrow} {}",
        address(network.local),
        address(network.peer)
    )?;
    write!(out, "  {}", label(network.connection.state))?;
    if let Some(since) = finding.half_closed_since {
        write!(out, " since {}", since.clock())?;
    }
    if let Some(ns) = finding.half_closed_ns {
        write!(out, " ({})", Human(Duration::from_nanos(ns)))?;
    }
    writeln!(out)
}

/// Who has the other end and what state that is in, if it is on this host.
fn other_end(network: &Network, peer: Option<&Process<'_>>, out: &mut impl Write) -> fmt::Result {
    match (peer, network.connection.peer_state) {
        (Some(peer), Some(state)) => {
            writeln!(out, "    the other end: {}, {}", named(peer), label(state))
        }
        (Some(peer), None) => writeln!(out, "    the other end: {}", named(peer)),
        (None, Some(state)) => writeln!(out, "    the other end: {}", label(state)),
        (None, None) => Ok(()),
    }
}

fn holders(finding: &Finding<'_>, out: &mut impl Write) -> fmt::Result {
    if finding.holders.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = finding
        .holders
        .iter()
        .map(|holder| {
            format!(
                "{}[{}] fd {}",
                clean(name(&holder.comm, &holder.executable)),
                holder.pid,
                holder.fd
            )
        })
        .collect();
    writeln!(out, "    held by {}", list.join(", "))
}

fn loss(time: &impl Display, lost: &Lost<'_>, out: &mut impl Write) -> fmt::Result {
    writeln!(
        out,
        "{time} LOST {} records ({}) since {}",
        lost.records,
        lost.reason,
        lost.since.clock()
    )
}

fn comparison(time: &impl Display, resync: Resync, out: &mut impl Write) -> fmt::Result {
    writeln!(
        out,
        "{time} RESYNC {} sockets compared with the kernel in {}, {} corrected",
        resync.sockets,
        Human(Duration::from_nanos(resync.took_ns)),
        resync.corrected
    )
}

/// Milliseconds with three digits after the point, as in `tcpstates`.
struct Millis(Option<u64>);

impl Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ns) => f.pad(&format!("{}.{:03}", ns / 1_000_000, ns / 1_000 % 1_000)),
            None => f.pad("-"),
        }
    }
}

#[cfg(test)]
mod tests;
