//! What a finding must say, and the order in which it must come.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::program::Did;
use super::watch::{Ends, Watch};
use super::wire::{Confidence, Event, Finding, Role, Severity};

/// What the test knows about a leak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leak<'a> {
    /// The verdict; several where this kernel cannot tell them apart.
    pub(crate) verdicts: &'a [&'a str],
    /// How long it must have lasted.
    pub(crate) threshold: Duration,
    /// The guilty process.
    pub(crate) pid: u32,
    /// Its descriptor.
    pub(crate) fd: u32,
    /// Inode number of the socket; `None` while it has none (not accepted).
    pub(crate) inode: Option<u64>,
    /// Which end.
    pub(crate) role: Role,
    /// What the agent may say about how it knows the process.
    pub(crate) attributions: &'a [&'a str],
    /// Signals without which the proof is not complete.
    pub(crate) missing: &'a [&'a str],
    /// Whether the agent has seen the connection from the beginning.
    pub(crate) seen: Seen,
}

/// Since when the agent has been there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Before the connection.
    All,
    /// Between the connection and the FIN.
    Fin,
    /// After the FIN.
    Nothing,
}

impl<'a> Leak<'a> {
    /// A server's connection, as the server itself described it when it accepted.
    pub(crate) fn of_server(watch: &Watch<'_>, conn: &Did) -> Self {
        Self {
            verdicts: &["eof_unread"],
            threshold: super::daemon::EOF_UNREAD,
            pid: conn.pid,
            fd: conn.fd,
            inode: Some(conn.inode),
            role: Role::Server,
            attributions: if watch.sees_accept() {
                &["accept"]
            } else {
                &["holder"]
            },
            missing: &[],
            seen: Seen::All,
        }
    }

    /// Read, or not asked for: told apart by the signal `eof` alone.
    pub(crate) fn after_reading(
        self,
        watch: &Watch<'_>,
        verdict: &'a [&'a str],
        threshold: Duration,
    ) -> Self {
        if watch.daemon().flavour("eof").is_some() {
            Self {
                verdicts: verdict,
                threshold,
                ..self
            }
        } else {
            Self {
                verdicts: &["eof_not_requested", "not_closed"],
                threshold,
                missing: &["eof"],
                ..self
            }
        }
    }
}

impl Watch<'_> {
    /// Whether this flavour sees accept itself.
    pub(crate) fn sees_accept(&self) -> bool {
        matches!(self.daemon().flavour("accept"), Some("kprobe" | "fentry"))
    }

    /// Waits for the finding and compares it with what the test knows.
    pub(crate) fn expect(&mut self, ends: Ends, leak: &Leak<'_>) -> Result<(Event, Finding)> {
        let (event, finding) = self.opened(ends)?;
        check(&event, &finding, leak)
            .with_context(|| format!("finding: {finding:?}\nexpected: {leak:?}"))?;
        self.check_order(&event, &finding, leak)
            .with_context(|| super::daemon::lines(&self.story(&event)))?;
        Ok((event, finding))
    }

    /// Waits for its end and its reason.
    pub(crate) fn expect_end(&self, opened: &(Event, Finding), reasons: &[&str]) -> Result<()> {
        let (event, finding) = self.resolved(&opened.1)?;
        let reason = finding.resolution.as_deref().unwrap_or_default();
        ensure!(
            reasons.contains(&reason),
            "resolved as {reason}, not as {reasons:?}"
        );
        ensure!(
            event.seq > opened.0.seq && event.time >= opened.0.time,
            "resolved before it was opened"
        );
        ensure!(
            event.socket_id() == opened.0.socket_id(),
            "resolved for another socket"
        );
        Ok(())
    }

    /// `established`, then `close_wait`, then the finding; each not earlier than the one before.
    fn check_order(&self, event: &Event, finding: &Finding, leak: &Leak<'_>) -> Result<()> {
        let story = self.story(event);
        let entry = |state: &str| story.iter().find(|other| other.to() == Some(state));
        let closing = entry("close_wait");
        if leak.seen == Seen::All {
            let established = entry("established").context("no transition to established")?;
            let closing = closing.context("no transition to close_wait")?;
            ensure!(
                established.seq < closing.seq,
                "close_wait came before established"
            );
            let spent = closing
                .transition
                .as_ref()
                .and_then(|change| change.after_ns);
            let between = nanos(&closing.time)? - nanos(&established.time)?;
            ensure!(
                spent.map(i128::from) == Some(between),
                "{spent:?} ns in established, by the times {between}"
            );
        }
        if leak.seen == Seen::Nothing {
            return Ok(());
        }
        let closing = closing.context("no transition to close_wait")?;
        ensure!(
            closing.seq < event.seq && closing.time < event.time,
            "the finding came before close_wait"
        );
        let cause = closing.transition.as_ref().map(|change| change.cause);
        ensure!(
            cause == Some("fin_received"),
            "close_wait because of {cause:?}"
        );
        let since = finding.half_closed_since.as_deref();
        ensure!(
            since == Some(&closing.time),
            "half_closed_since is {since:?}, close_wait was entered at {}",
            closing.time
        );
        Ok(())
    }
}

fn check(event: &Event, finding: &Finding, leak: &Leak<'_>) -> Result<()> {
    ensure!(
        leak.verdicts.contains(&finding.verdict.as_str()),
        "verdict {}",
        finding.verdict
    );
    let process = event.process.as_ref().context("no process")?;
    ensure!(process.pid == leak.pid, "process {}", process.pid);
    ensure!(
        leak.attributions.contains(&process.attribution),
        "attribution {}",
        process.attribution
    );
    ensure!(
        process.comm.starts_with("python3") && process.executable.name.starts_with("python3"),
        "{} executes {}",
        process.comm,
        process.executable.name
    );
    let holders: Vec<_> = finding
        .holders
        .iter()
        .map(|holder| (holder.pid, holder.fd))
        .collect();
    ensure!(holders == [(leak.pid, leak.fd)], "holders {holders:?}");
    let named = finding
        .holders
        .iter()
        .all(|holder| holder.executable.name == process.executable.name);
    ensure!(named, "a holder has another executable than the process");
    let socket = event.socket.as_ref().context("no socket")?;
    ensure!(
        socket.role == leak.role || leak.seen != Seen::All,
        "role {:?}",
        socket.role
    );
    ensure!(
        leak.inode.is_none() || socket.inode == leak.inode,
        "inode {:?}",
        socket.inode
    );
    let network = event.network.as_ref().context("no network")?;
    ensure!(
        network.connection.state == "close_wait",
        "state {}",
        network.connection.state
    );
    // One connection for some seconds is no more, and its incident says so.
    ensure!(
        finding.severity == Severity::Info,
        "severity {:?}",
        finding.severity
    );
    check_confidence(finding, leak.missing)?;
    check_duration(finding, leak)
}

/// Whether it lacks exactly these parts of its proof, and is as sure as that lets it be.
pub(crate) fn check_confidence(finding: &Finding, lacks: &[&str]) -> Result<()> {
    // Whether the test's own end was seen while it was open depends on when the looks were.
    let missing = finding.missing.iter().map(String::as_str);
    let missing: Vec<_> = missing.filter(|part| *part != "peer").collect();
    ensure!(missing == lacks, "missing {:?}", finding.missing);
    let expected = if finding.missing.is_empty() {
        Confidence::Proven
    } else {
        Confidence::Likely
    };
    ensure!(
        finding.confidence == expected,
        "confidence {:?}",
        finding.confidence
    );
    Ok(())
}

fn check_duration(finding: &Finding, leak: &Leak<'_>) -> Result<()> {
    if leak.seen == Seen::Nothing {
        return Ok(());
    }
    let lasted = Duration::from_nanos(finding.half_closed_ns.context("no half_closed_ns")?);
    let limit = leak.threshold + super::setting::setting().patience();
    ensure!(
        (leak.threshold..limit).contains(&lasted),
        "half-closed for {lasted:?}, the threshold is {:?}",
        leak.threshold
    );
    Ok(())
}

/// Nanoseconds of Unix time.
pub(crate) fn nanos(time: &str) -> Result<i128> {
    Ok(time.parse::<jiff::Timestamp>()?.as_nanosecond())
}
