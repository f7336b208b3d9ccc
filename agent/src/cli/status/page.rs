//! The page for people.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::Deserialize;

use super::pins::Pins;
use crate::output::text::Human;

/// Of the answer, what people ask for.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    version: String,
    host: String,
    pid: u32,
    uptime_ns: u64,
    subscribers: u64,
    watched: u64,
    findings: u64,
    incidents: u64,
    looks: Looks,
    counters: BTreeMap<String, u64>,
    history: Option<History>,
    pins: Option<Pins>,
    memory: Option<Memory>,
    privilege: Option<Privilege>,
}

#[derive(Debug, Deserialize)]
struct Looks {
    count: u64,
    last_sockets: u64,
    last_ns: u64,
    longest_ns: u64,
}

#[derive(Debug, Deserialize)]
struct History {
    path: String,
    bytes: u64,
    dropped: u64,
    error: Option<String>,
}

/// What the next daemon is to know.
#[derive(Debug, Deserialize)]
struct Memory {
    error: Option<String>,
    refused: Option<String>,
    resumed: Option<Resumed>,
}

#[derive(Debug, Deserialize)]
struct Resumed {
    findings: u64,
    incidents: u64,
    gap_ns: u64,
}

#[derive(Debug, Deserialize)]
struct Privilege {
    capabilities: Vec<Kept>,
    #[serde(flatten)]
    layers: BTreeMap<String, Layer>,
}

#[derive(Debug, Deserialize)]
struct Kept {
    name: String,
    why: String,
}

#[derive(Debug, Deserialize)]
struct Layer {
    reason: Option<String>,
}

impl Display for Page {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ago = Human(Duration::from_nanos(self.uptime_ns));
        writeln!(
            f,
            "finback {} on {}: pid {}, for {ago}",
            self.version, self.host, self.pid
        )?;
        writeln!(
            f,
            "{} incidents, {} findings, {} connections watched, {} subscribers",
            self.incidents, self.findings, self.watched, self.subscribers
        )?;
        self.looks.fmt(f)?;
        self.losses(f)?;
        if let Some(history) = &self.history {
            history.fmt(f)?;
        }
        if let Some(pins) = &self.pins {
            writeln!(f, "{}", pins.line())?;
        }
        if let Some(memory) = &self.memory {
            memory.fmt(f)?;
        }
        self.privilege.iter().try_for_each(|left| left.fmt(f))
    }
}

impl Page {
    /// The kernel programs count what they could not tell; none is the rule.
    fn losses(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (name, count) in self.counters.iter().filter(|(_, count)| **count > 0) {
            writeln!(f, "lost: {count} ({name})")?;
        }
        Ok(())
    }
}

impl Display for Looks {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let time = |nanos| Human(Duration::from_nanos(nanos));
        writeln!(
            f,
            "{} looks, the last at {} sockets in {}, the longest {}",
            self.count,
            self.last_sockets,
            time(self.last_ns),
            time(self.longest_ns)
        )
    }
}

impl Display for History {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "history: {} bytes in {}", self.bytes, self.path)?;
        if self.dropped > 0 {
            write!(f, ", {} lines dropped", self.dropped)?;
        }
        match &self.error {
            Some(error) => writeln!(f, ", failing: {error}"),
            None => writeln!(f),
        }
    }
}

impl Display for Memory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(resumed) = &self.resumed {
            let Resumed {
                findings,
                incidents,
                gap_ns,
            } = resumed;
            let gap = Human(Duration::from_nanos(*gap_ns));
            writeln!(
                f,
                "went on with {findings} findings and {incidents} incidents after {gap}"
            )?;
        }
        for failure in [&self.refused, &self.error].into_iter().flatten() {
            writeln!(f, "memory: {failure}")?;
        }
        Ok(())
    }
}

impl Display for Privilege {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "may still:")?;
        for Kept { name, why } in &self.capabilities {
            writeln!(f, "  {name:<20} {why}")?;
        }
        writeln!(f, "guarded by:")?;
        for (name, layer) in &self.layers {
            match &layer.reason {
                None => writeln!(f, "  {name}")?,
                Some(reason) => writeln!(f, "  {name}: no, {reason}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_has_losses_only_where_there_are_any_and_reasons_of_what_is_missing() {
        let page: Page = serde_json::from_value(json!({
            "version": "0.1.0", "host": "web-1", "pid": 4711, "uptime_ns": 130_000_000_000_u64,
            "subscribers": 1, "watched": 17, "findings": 15, "incidents": 1,
            "looks": {"count": 9, "last_sockets": 52, "last_ns": 1_500_000, "longest_ns": 9_900_000_000_u64},
            "counters": {"ring_full": 3, "half_full": 0},
            "pins": {"folder": null, "reason": "no bpf file system", "abi": 3},
            "memory": {"error": "no space left", "resumed": {"findings": 3, "incidents": 1, "gap_ns": 1_500_000_000}},
            "history": {"path": "/var/lib/finback/history", "bytes": 4096, "dropped": 2, "error": "no space left"},
            "privilege": {
                "capabilities": [{"name": "CAP_BPF", "why": "read maps"}],
                "no_core": {"state": "on"},
                "system_calls": {"state": "off", "reason": "not in this kernel"},
            },
        }))
        .unwrap();
        let expected = "\
finback 0.1.0 on web-1: pid 4711, for 2 min 10 s
1 incidents, 15 findings, 17 connections watched, 1 subscribers
9 looks, the last at 52 sockets in 1.5 ms, the longest 9.9 s
lost: 3 (ring_full)
history: 4096 bytes in /var/lib/finback/history, 2 lines dropped, failing: no space left
pins: none, no bpf file system
went on with 3 findings and 1 incidents after 1.5 s
memory: no space left
may still:
  CAP_BPF              read maps
guarded by:
  no_core
  system_calls: no, not in this kernel
";
        assert_eq!(page.to_string(), expected);
    }
}
