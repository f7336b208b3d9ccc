//! The kernel's counting of program runs.

use std::fs;

use anyhow::{Context as _, Result};

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// Counting is on; put back as it was on drop.
#[derive(Debug)]
pub(crate) struct Statistics(String);

impl Statistics {
    /// Turns it on.
    ///
    /// # Errors
    /// The setting cannot be read or written.
    pub(crate) fn on() -> Result<Self> {
        let before = fs::read_to_string(SWITCH).context("cannot read kernel.bpf_stats_enabled")?;
        fs::write(SWITCH, "1").context("cannot set kernel.bpf_stats_enabled")?;
        Ok(Self(before))
    }
}

impl Drop for Statistics {
    fn drop(&mut self) {
        if let Err(error) = fs::write(SWITCH, &self.0) {
            eprintln!("xtask: kernel.bpf_stats_enabled is not put back: {error}");
        }
    }
}
