//! What a process uses.

use std::fs;

use anyhow::{Context as _, Result};
use rustix::process::Pid;

/// At one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Resident memory, KiB.
    pub(crate) resident: u64,
    /// Of that its own: neither files nor the kernel's tables.
    pub(crate) own: u64,
    /// Descriptors.
    pub(crate) descriptors: usize,
    /// Processor time since its start, in hundredths of a second.
    pub(crate) ticks: u64,
}

impl Usage {
    pub(crate) fn of(pid: Pid) -> Result<Self> {
        let folder = format!("/proc/{}", pid.as_raw_nonzero());
        let status = fs::read_to_string(format!("{folder}/status"))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.and_then(|number| number.parse().ok())
        };
        let stat = fs::read_to_string(format!("{folder}/stat"))?;
        let (_, after) = stat.rsplit_once(')').context("no name")?;
        let spent = after.split_whitespace().skip(11).take(2);
        Ok(Self {
            resident: kib("VmRSS:").context("no VmRSS")?,
            own: kib("RssAnon:").context("no RssAnon")?,
            descriptors: fs::read_dir(format!("{folder}/fd"))?.count(),
            ticks: spent.filter_map(|word| word.parse::<u64>().ok()).sum(),
        })
    }
}
