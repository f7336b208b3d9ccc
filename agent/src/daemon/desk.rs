//! Answers to the server's questions.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::export;
use crate::filter::Filter;
use crate::history;
use crate::kernel::Kernel;
use crate::output::clock::{Time, WallClock};
use crate::output::feed::Handle;
use crate::output::json as wire;
use crate::privilege::Privilege;
use crate::process::stack::Statistics;
use crate::remedy;
use crate::server::About;
use finback_core::engine::{Stats, StreamStats};
use finback_core::model::event::Event;
use finback_core::model::finding::{Action, Finding};
use finback_core::model::incident::{Incident, IncidentId};

/// The feed, and those of its readers that belong to the daemon.
pub(super) struct Readers<'a> {
    pub(super) feed: &'a Handle,
    pub(super) history: Option<&'a history::Handle>,
    pub(super) exporters: Option<&'a export::Handle>,
    pub(super) remedies: Option<&'a remedy::Handle>,
    /// Where metrics are served over TCP.
    pub(super) metrics: Option<SocketAddr>,
    /// What the next daemon is to know.
    pub(super) memory: Option<Value>,
}

/// What is kept for answers.
pub(super) struct Desk {
    started: Instant,
    /// What this process may still do, once it has given up the rest.
    pub(super) privilege: Option<Privilege>,
    /// Records read from the ring.
    pub(super) records: u64,
    pub(super) scans: Scans,
    /// The last event of every open finding, by its id.
    findings: BTreeMap<u64, Bytes>,
    /// The last event of every incident, by its id.
    incidents: BTreeMap<IncidentId, Bytes>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            privilege: None,
            records: 0,
            scans: Scans::default(),
            findings: BTreeMap::new(),
            incidents: BTreeMap::new(),
        }
    }

    /// Keeps the event of a finding until that is resolved.
    pub(super) fn file(
        &mut self,
        finding: &Finding,
        event: &Event,
        seq: u64,
        clock: WallClock,
        about: wire::About<'_>,
    ) {
        if finding.action == Action::Resolved {
            self.findings.remove(&finding.id);
            return;
        }
        if let Some(line) = encoded(&wire::event(event, seq, clock, about)) {
            self.findings.insert(finding.id, line);
        }
    }

    /// Keeps the event of an incident until that is resolved.
    pub(super) fn file_incident(
        &mut self,
        incident: &Incident,
        event: &Event,
        seq: u64,
        clock: WallClock,
        about: wire::About<'_>,
    ) {
        if incident.action == Action::Resolved {
            self.incidents.remove(&incident.id);
        } else if let Some(line) = encoded(&wire::event(event, seq, clock, about)) {
            self.incidents.insert(incident.id, line);
        }
    }

    /// What is wrong now: a list of events, or of those that a filter selects.
    pub(super) fn list(&self, about: About, filter: Option<&Filter>) -> Bytes {
        match about {
            About::Incidents => list("incidents", &self.incidents, filter),
            About::Findings | About::Readiness | About::Status => {
                list("findings", &self.findings, filter)
            }
        }
    }

    /// How the daemon is.
    pub(super) fn state(
        &self,
        kernel: &mut Kernel,
        stats: Stats,
        stacks: Option<&Statistics>,
        readers: Readers<'_>,
        configuration: &Value,
    ) -> Bytes {
        let mut status = self.status(kernel, stats, stacks, readers.feed);
        status["history"] = readers.history.map(kept).into();
        let exporters = readers.exporters.map(export::Handle::states);
        status["exporters"] = json!(exporters.unwrap_or_default());
        status["remedies"] = readers.remedies.map(decided).into();
        status["memory"] = readers.memory.into();
        status["configuration"] = configuration.clone();
        status["metrics_listen"] = readers.metrics.map(|address| address.to_string()).into();
        status.to_string().into()
    }

    fn status(
        &self,
        kernel: &mut Kernel,
        stats: Stats,
        stacks: Option<&Statistics>,
        feed: &Handle,
    ) -> Value {
        kernel.refresh_report();
        let counters = kernel.counters().unwrap_or_default();
        let counters: BTreeMap<_, _> = counters
            .into_iter()
            .map(|(counter, value)| (counter.name(), value))
            .collect();
        let hello = feed.hello();
        json!({
            "version": hello.version,
            "host": hello.host,
            "boot_id": hello.boot_id,
            "pid": std::process::id(),
            "uptime_ns": nanos(self.started.elapsed()),
            "seq": feed.sent(),
            "subscribers": feed.subscribers(),
            "records": self.records,
            "watched": stats.watched,
            "findings": stats.findings,
            "incidents": stats.incidents,
            "lost_requests": stats.lost_requests,
            "stream": stats.stream.map(streamed),
            "looks": {
                "count": stats.looks.count,
                "took_ns": nanos(stats.looks.took),
                "longest_ns": nanos(stats.looks.longest),
                "last_sockets": stats.looks.sockets,
                "last_ns": nanos(stats.looks.last),
            },
            "scans": {
                "count": self.scans.count,
                "last_ns": nanos(self.scans.last),
                "longest_ns": nanos(self.scans.longest),
            },
            "stacks": stacks.map(stacks_done),
            "counters": counters,
            "privilege": self.privilege,
            "pins": kernel.pins(),
            "hooks": kernel.report(),
        })
    }
}

/// Readings of the table of what is half-closed now.
#[derive(Debug, Default)]
pub(super) struct Scans {
    count: u64,
    last: Duration,
    longest: Duration,
}

impl Scans {
    /// One more, which took so long.
    pub(super) fn count(&mut self, took: Duration) {
        self.count += 1;
        self.last = took;
        self.longest = self.longest.max(took);
    }
}

fn encoded(event: &wire::Event<'_>) -> Option<Bytes> {
    match serde_json::to_vec(event) {
        Ok(line) => Some(line.into()),
        Err(error) => {
            tracing::warn!(%error, "an event cannot be encoded");
            None
        }
    }
}

/// A document with a list of events.
fn list<Id>(name: &str, events: &BTreeMap<Id, Bytes>, filter: Option<&Filter>) -> Bytes {
    let mut document = BytesMut::from(format!("{{\"{name}\":[").as_bytes());
    let selected = |line: &&Bytes| {
        let event = |line| serde_json::from_slice::<wire::Event<'_>>(line);
        filter.is_none_or(|filter| event(line).is_ok_and(|event| filter.selects(&event)))
    };
    for (index, event) in events.values().filter(selected).enumerate() {
        if index > 0 {
            document.put_u8(b',');
        }
        document.put_slice(event);
    }
    document.put_slice(b"]}\n");
    document.freeze()
}

fn streamed(stats: StreamStats) -> Value {
    json!({
        "connections": stats.connections,
        "minisocks": stats.minisocks,
        "overflow": stats.overflow,
        "stale": stats.stale,
        "holes": stats.holes,
    })
}

fn kept(history: &history::Handle) -> Value {
    let counts = history.statistics();
    let oldest = counts.oldest().map(Time::from_unix_nanos);
    json!({
        "path": history.path(),
        "written": counts.written(),
        "dropped": counts.dropped(),
        "bytes": counts.bytes(),
        "segments": counts.segments(),
        "oldest": oldest,
        "repaired_bytes": counts.repaired(),
        "error": counts.error(),
    })
}

/// By the remedies' names.
fn decided(remedies: &remedy::Handle) -> Value {
    let counts = remedies.statistics().counts().into_iter();
    let shown = counts.map(|(name, count)| {
        let decisions = count.decisions.iter();
        let decisions: serde_json::Map<String, Value> = decisions
            .map(|(decision, count)| (decision.name().to_owned(), (*count).into()))
            .collect();
        let about = json!({
            "action": count.action.name(),
            "dry_run": count.dry_run,
            "decisions": decisions,
        });
        (name, about)
    });
    Value::Object(shown.collect())
}

fn stacks_done(done: &Statistics) -> Value {
    let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    json!({
        "taken": value(&done.taken),
        "dropped": value(&done.dropped),
        "failures": value(&done.failures),
        "kept": value(&done.kept),
        "unwind_ns": value(&done.unwind_ns),
        "findings": value(&done.answered),
        "names_ns": value(&done.names_ns),
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_counted_with_the_last_and_the_longest() {
        let mut scans = Scans::default();
        for micros in [20, 90, 30] {
            scans.count(Duration::from_micros(micros));
        }
        assert_eq!((scans.count, scans.last), (3, Duration::from_micros(30)));
        assert_eq!(scans.longest, Duration::from_micros(90));
    }
}
