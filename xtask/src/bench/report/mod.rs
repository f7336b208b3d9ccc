//! What a run found out: kept as JSON, judged by the budgets, shown as text and as a document.

mod budget;
mod document;
mod host;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::attached::Variant;
use super::network::Kind;
use super::stats::Estimate;
use crate::workspace;

pub(super) use self::{document::write as write_document, host::Host, table::print};

/// Everything that one run measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) host: Host,
    pub(super) method: Method,
    /// One for each network.
    pub(super) losses: Vec<Losses>,
    /// finback in its modes, one daemon each.
    pub(super) modes: Vec<Mode>,
    pub(super) start: Option<Start>,
    pub(super) burst: Option<Burst>,
    /// Growth with the number of connections.
    pub(super) crowd: Vec<CrowdStep>,
    /// Rows without a result, and why.
    pub(super) missing: BTreeMap<String, String>,
}

/// How it was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Method {
    pub(super) rounds: usize,
    pub(super) burst_ms: u64,
    /// `--attach` of the daemon.
    pub(super) flavour: String,
    pub(super) idle_seconds: u64,
}

/// What is lost over one network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Losses {
    pub(super) network: Kind,
    /// Short connections per second and bytes per second with nothing attached.
    pub(super) connections_per_second: f64,
    pub(super) bytes_per_second: f64,
    pub(super) variants: Vec<Loss>,
}

/// What one variant takes: shares of what is there without it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Loss {
    pub(super) variant: Variant,
    /// Connections per second that are lost.
    pub(super) connections: Estimate,
    /// The same judged by CPU time per connection: a neighbour's work moves it less.
    pub(super) connections_by_cpu: Estimate,
    /// Throughput of a bulk stream that is lost.
    pub(super) stream: Estimate,
    /// The same judged by CPU time per byte.
    pub(super) stream_by_cpu: Estimate,
    /// User and system time of the program per connection, in microseconds.
    pub(super) agent_us: Estimate,
    /// Bytes of output per connection.
    pub(super) output_bytes: f64,
}

/// What a daemon holds and does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Mode {
    pub(super) variant: Variant,
    /// Share of one processor while nothing happens.
    pub(super) idle_cpu: f64,
    /// Bytes resident: idle, with 1,000 connections, after a saturating load; then those that no file backs.
    pub(super) resident: [u64; 3],
    pub(super) anonymous: [u64; 3],
    /// Bytes of kernel memory of all maps, and of the rings among them.
    pub(super) maps_bytes: u64,
    pub(super) rings_bytes: u64,
    /// Per short connection (both ends are on this host); `None` if the status does not tell.
    pub(super) records: Option<f64>,
    pub(super) ring_bytes: f64,
    pub(super) output_bytes: f64,
    /// Name of a map to its entries per held connection.
    pub(super) entries: BTreeMap<String, f64>,
    /// Nanoseconds of the last scan for candidates, if the status tells.
    pub(super) scan_ns: Option<f64>,
    pub(super) programs: Vec<ProgramCost>,
}

/// One kernel program under load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ProgramCost {
    pub(super) name: String,
    /// Per short connection.
    pub(super) runs: f64,
    /// Nanoseconds per run, the kernel's own bookkeeping included.
    pub(super) nanos: f64,
    /// Instructions that the verifier followed.
    pub(super) verified: u32,
}

/// From start on, in seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Start {
    pub(super) first_event: Vec<f64>,
}

/// A burst of records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Burst {
    pub(super) seconds: f64,
    pub(super) records: f64,
    pub(super) lost: f64,
}

/// With so many connections, both ends on this host in a network namespace each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CrowdStep {
    pub(super) connections: usize,
    /// Processes that hold them.
    pub(super) processes: usize,
    /// Sockets that finback's look saw, if it tells.
    pub(super) sockets: Option<f64>,
    /// Seconds of finback's own look, as it tells.
    pub(super) look: Vec<f64>,
    /// What was timed as a whole: `finback ls`, or a daemon's start until it is ready.
    pub(super) whole_is: String,
    pub(super) whole: Vec<f64>,
    /// `ss -tanp` in both namespaces together.
    pub(super) ss: Vec<f64>,
    /// Bytes resident, of which no file backs.
    pub(super) resident: u64,
    pub(super) anonymous: u64,
}

impl Report {
    pub(super) fn new(host: Host, method: Method) -> Self {
        Self {
            host,
            method,
            losses: Vec::new(),
            modes: Vec::new(),
            start: None,
            burst: None,
            crowd: Vec::new(),
            missing: BTreeMap::new(),
        }
    }

    /// Reads what an earlier run wrote.
    ///
    /// # Errors
    /// No such file, or another format.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is no report of this program", path.display()))
    }

    /// Writes it for later.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        workspace::write_atomically(path, &text)
    }

    /// Notes why there is no result.
    pub(super) fn lacks(&mut self, what: &str, error: &anyhow::Error) {
        eprintln!("xtask: not measured: {what}: {error:#}");
        self.missing.insert(what.to_owned(), format!("{error:#}"));
    }

    fn loss(&self, network: Kind, variant: Variant) -> Option<&Loss> {
        let losses = self.losses.iter().find(|one| one.network == network)?;
        losses.variants.iter().find(|one| one.variant == variant)
    }

    fn mode(&self, variant: Variant) -> Option<&Mode> {
        self.modes.iter().find(|mode| mode.variant == variant)
    }
}
