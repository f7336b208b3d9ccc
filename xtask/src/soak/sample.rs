//! The lines that the rig has written.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// What one daemon used at one moment.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Sample {
    pub(super) daemon: String,
    pub(super) seconds: f64,
    pub(super) leaks: u64,
    pub(super) resident_kib: f64,
    pub(super) own_kib: f64,
    pub(super) descriptors: f64,
    /// Hundredths of a second.
    pub(super) cpu_ticks: f64,
    pub(super) counters: BTreeMap<String, u64>,
    pub(super) half_places: Vec<u64>,
}

/// What was played in all.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct End {
    pub(super) connections: u64,
    pub(super) planted: u64,
    pub(super) healed: u64,
    pub(super) seconds: f64,
}

/// A soak.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// By daemon.
    pub(super) daemons: BTreeMap<String, Vec<Sample>>,
    /// Nothing if the rig did not come to its end.
    pub(super) end: Option<End>,
}

impl Run {
    /// # Errors
    /// A line is not one of the rig's, or there are too few of them.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut run = Self {
            daemons: BTreeMap::new(),
            end: None,
        };
        for line in text.lines() {
            let value: serde_json::Value =
                serde_json::from_str(line).with_context(|| line.to_owned())?;
            if value["type"] == "end" {
                run.end = Some(serde_json::from_value(value)?);
                continue;
            }
            let sample: Sample = serde_json::from_value(value).with_context(|| line.to_owned())?;
            let of_daemon = run.daemons.entry(sample.daemon.clone()).or_default();
            of_daemon.push(sample);
        }
        let fewest = run.daemons.values().map(Vec::len).min().unwrap_or(0);
        ensure!(
            fewest >= 24,
            "{fewest} samples are too few to judge a curve"
        );
        Ok(run)
    }
}
