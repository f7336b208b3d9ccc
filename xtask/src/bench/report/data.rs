//! The numbers of a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::super::attached::Variant;
use super::super::network::Kind;
use super::super::stats::Estimate;
use super::host::Host;
use crate::workspace;

/// Everything that one run measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) host: Host,
    pub(crate) method: Method,
    /// One for each network.
    pub(crate) losses: Vec<Losses>,
    /// finback in its modes, one daemon each.
    pub(crate) modes: Vec<Mode>,
    pub(crate) start: Option<Start>,
    pub(crate) burst: Option<Burst>,
    /// Growth with the number of connections.
    pub(crate) crowd: Vec<CrowdStep>,
    /// Rows without a result, and why.
    pub(crate) missing: BTreeMap<String, String>,
}

/// How it was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Method {
    pub(crate) rounds: usize,
    pub(crate) burst_ms: u64,
    /// `--attach` of the daemon.
    pub(crate) flavour: String,
    pub(crate) idle_seconds: u64,
}

/// What is lost over one network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Losses {
    pub(crate) network: Kind,
    /// Short connections per second and bytes per second with nothing attached.
    pub(crate) connections_per_second: f64,
    pub(crate) bytes_per_second: f64,
    pub(crate) variants: Vec<Loss>,
}

/// What one variant takes: shares of what is there without it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Loss {
    pub(crate) variant: Variant,
    /// Connections per second that are lost.
    pub(crate) connections: Estimate,
    /// The same judged by CPU time per connection: a neighbour's work moves it less.
    pub(crate) connections_by_cpu: Estimate,
    /// Throughput of a bulk stream that is lost.
    pub(crate) stream: Estimate,
    /// The same judged by CPU time per byte.
    pub(crate) stream_by_cpu: Estimate,
    /// User and system time of the program per connection, in microseconds.
    pub(crate) agent_us: Estimate,
    /// Bytes of output per connection.
    pub(crate) output_bytes: f64,
}

/// What a daemon holds and does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mode {
    pub(crate) variant: Variant,
    /// Share of one processor while nothing happens.
    pub(crate) idle_cpu: f64,
    /// Bytes resident: idle, with 1,000 connections, after a saturating load; then those that no file backs.
    pub(crate) resident: [u64; 3],
    pub(crate) anonymous: [u64; 3],
    /// Bytes of kernel memory of all maps, and of the rings among them.
    pub(crate) maps_bytes: u64,
    pub(crate) rings_bytes: u64,
    /// Per short connection (both ends are on this host); `None` if the status does not tell.
    pub(crate) records: Option<f64>,
    pub(crate) ring_bytes: f64,
    pub(crate) output_bytes: f64,
    /// Name of a map to its entries per held connection.
    pub(crate) entries: BTreeMap<String, f64>,
    /// Nanoseconds of the longest scan for candidates, if the status tells.
    pub(crate) scan_ns: Option<f64>,
    pub(crate) programs: Vec<ProgramCost>,
}

/// One kernel program under load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProgramCost {
    pub(crate) name: String,
    /// Per short connection.
    pub(crate) runs: f64,
    /// Nanoseconds per run, the kernel's own bookkeeping included.
    pub(crate) nanos: f64,
    /// Instructions that the verifier followed.
    pub(crate) verified: u32,
}

/// From start on, in seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) first_event: Vec<f64>,
}

/// A burst of records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Burst {
    pub(crate) seconds: f64,
    pub(crate) records: f64,
    pub(crate) lost: f64,
}

/// With so many connections, both ends on this host in a network namespace each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CrowdStep {
    pub(crate) connections: usize,
    /// Processes that hold them.
    pub(crate) processes: usize,
    /// Sockets that finback's look saw, if it tells.
    pub(crate) sockets: Option<f64>,
    /// Seconds of finback's own look, as it tells.
    pub(crate) look: Vec<f64>,
    /// A daemon's start until it is ready.
    pub(crate) start: Vec<Took>,
    /// `finback ls`, where finback has it.
    pub(crate) ls: Vec<Took>,
    /// `ss -tanp` in both namespaces together.
    pub(crate) ss: Vec<Took>,
    /// Bytes resident, of which no file backs.
    pub(crate) resident: u64,
    pub(crate) anonymous: u64,
}

/// What a program took, in seconds. On a machine with other work to do, CPU time says more than the clock.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Took {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

impl Report {
    pub(crate) fn new(host: Host, method: Method) -> Self {
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
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is no report of this program", path.display()))
    }

    /// Writes it for later.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        workspace::write_atomically(path, &text)
    }

    /// Notes why there is no result.
    pub(crate) fn lacks(&mut self, what: &str, error: &anyhow::Error) {
        eprintln!("xtask: not measured: {what}: {error:#}");
        self.missing.insert(what.to_owned(), format!("{error:#}"));
    }

    pub(super) fn loss(&self, network: Kind, variant: Variant) -> Option<&Loss> {
        let losses = self.losses.iter().find(|one| one.network == network)?;
        losses.variants.iter().find(|one| one.variant == variant)
    }

    pub(super) fn mode(&self, variant: Variant) -> Option<&Mode> {
        self.modes.iter().find(|mode| mode.variant == variant)
    }
}
