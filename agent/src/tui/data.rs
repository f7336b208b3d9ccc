//! What one look brings to the screen: rows that own what they show.

use std::net::SocketAddr;
use std::time::Duration;

use crate::output::json::{Body, Event, Finding, Incident, Role, Severity, Subject};
use crate::output::text::{self, Style, clean, word};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// Incidents, the worst first.
    pub incidents: Vec<Cause>,
    /// Findings, the oldest first.
    pub findings: Vec<Wrong>,
    /// Who was asked.
    pub source: String,
    /// What the daemon costs and has lost, if one was asked.
    pub cost: Option<String>,
}

/// An incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    pub(super) id: String,
    pub(super) severity: Level,
    pub(super) program: String,
    pub(super) workload: String,
    pub(super) port: String,
    pub(super) connections: u32,
    pub(super) oldest: Option<Duration>,
    /// How fast they grow, and how many descriptors are left.
    pub(super) growth: String,
    pub(super) summary: String,
    pub(super) text: String,
}

/// A finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    pub(super) id: u64,
    pub(super) incident: String,
    pub(super) severity: Level,
    pub(super) verdict: String,
    pub(super) age: Duration,
    pub(super) local: String,
    pub(super) peer: String,
    pub(super) process: String,
    pub(super) text: String,
    /// Selects its socket, in the words of a filter; nothing where it is about a whole process.
    pub(super) socket: Option<String>,
}

/// How bad, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    #[default]
    Info,
    Warning,
    Critical,
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

impl Level {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// As it is: the screen wraps.
const PLAIN: Style = Style {
    color: false,
    width: None,
};

impl Data {
    /// Takes a line; those of other types are passed over.
    pub fn add(&mut self, event: &Event<'_>) {
        if let Body::Incident { incident, .. } = &event.body {
            self.incidents.push(Cause::of(event, incident));
        } else if let Body::Finding { subject, finding } = &event.body {
            self.findings.push(Wrong::of(event, subject, finding));
        }
    }

    /// In the order in which it is shown.
    pub fn sort(&mut self) {
        self.incidents.sort_by(|one, other| {
            let rank = |cause: &Cause| (cause.severity, cause.connections);
            rank(other).cmp(&rank(one))
        });
        self.findings
            .sort_by_key(|wrong| std::cmp::Reverse(wrong.age));
    }
}

impl Cause {
    fn of(event: &Event<'_>, incident: &Incident<'_>) -> Self {
        let cause = &incident.cause;
        let port = cause
            .port
            .map_or_else(|| "*".to_owned(), |port| port.to_string());
        Self {
            id: incident.id.to_string(),
            severity: incident.severity.into(),
            program: clean(&cause.program),
            workload: clean(cause.workload.as_deref().unwrap_or_default()),
            port: match cause.role {
                Role::Client => format!("-> {port}"),
                Role::Server | Role::Unknown => port,
            },
            connections: incident.connections,
            oldest: incident.oldest.map(|oldest| event.time.since(oldest)),
            growth: growth(incident),
            summary: clean(&incident.summary),
            text: paragraph(event),
        }
    }
}

impl Wrong {
    fn of(event: &Event<'_>, subject: &Subject<'_>, finding: &Finding<'_>) -> Self {
        let network = subject.network.as_ref();
        let end = |end: Option<crate::output::json::Endpoint>| {
            end.map(|end| SocketAddr::from(end).to_string())
        };
        let age = finding.half_closed_ns.map(Duration::from_nanos);
        let process = subject.process.as_ref();
        Self {
            id: finding.id,
            incident: finding.incident.as_deref().unwrap_or_default().to_owned(),
            severity: finding.severity.into(),
            verdict: word(finding.verdict),
            age: age.unwrap_or_else(|| event.time.since(finding.opened)),
            local: end(network.map(|network| network.local)).unwrap_or_default(),
            peer: end(network.map(|network| network.peer)).unwrap_or_default(),
            process: process.map_or_else(String::new, |process| {
                format!("{}[{}]", clean(&process.comm), process.pid)
            }),
            text: paragraph(event),
            socket: socket(subject),
        }
    }
}

/// By its inode, which it has while a descriptor is open, else by its addresses.
fn socket(subject: &Subject<'_>) -> Option<String> {
    let socket = subject.socket?;
    if let Some(inode) = socket.inode {
        return Some(format!("inode = {inode}"));
    }
    let network = subject.network.as_ref()?;
    let (local, peer) = (
        SocketAddr::from(network.local),
        SocketAddr::from(network.peer),
    );
    let netns = socket.netns;
    Some(format!("( src = {local} dst = {peer} netns = {netns} )"))
}

fn growth(incident: &Incident<'_>) -> String {
    let rate = incident.trend.per_minute.filter(|_| incident.trend.rising);
    let rate = rate.map(|rate| format!("+{rate:.1}/min"));
    let fds = incident.descriptors.map(|used| {
        let full = used.full_in_ns.map(Duration::from_nanos);
        let full = full.map_or_else(String::new, |full| {
            format!(" full in {}", crate::output::table::short(full))
        });
        format!("fds {}/{}{full}", used.open, used.limit)
    });
    let parts: Vec<String> = [rate, fds].into_iter().flatten().collect();
    parts.join(" ")
}

fn paragraph(event: &Event<'_>) -> String {
    let mut out = String::new();
    match text::write(event, PLAIN, &mut out) {
        Ok(()) => out,
        Err(error) => error.to_string(),
    }
}
