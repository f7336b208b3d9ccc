//! The recorded counts and their comparison with new ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::workspace;

/// With nothing attached.
pub(super) const NOTHING: &str = "nothing";
/// With the empty program attached.
pub(crate) const FLOOR: &str = "empty program";
/// Instructions may rise by this share. The guest's kernel and the compiler of the load change too: what is compared
/// is the quotient with nothing attached.
const RISE: f64 = 0.03;
const FILE: &str = "xtask/baseline.json";

/// Kernel series to what was counted there.
pub(crate) type Baseline = BTreeMap<String, Counts>;

/// The counts of one guest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// `uname -r`.
    pub(crate) kernel: String,
    /// What is attached to instructions per connection, both ends and all programs together.
    pub(crate) instructions: BTreeMap<String, f64>,
    /// Flavour and program to instructions that the verifier followed.
    pub(crate) verified: BTreeMap<String, u32>,
}

impl Counts {
    /// Instructions per connection that a variant adds.
    pub(crate) fn added(&self, variant: &str) -> Option<f64> {
        Some(self.instructions.get(variant)? - self.instructions.get(NOTHING)?)
    }

    /// Share of a saturated processor's connections that a variant takes.
    pub(crate) fn share(&self, variant: &str) -> f64 {
        let all = self.instructions.get(variant).copied().unwrap_or(f64::NAN);
        self.added(variant).unwrap_or(f64::NAN) / all
    }

    /// What has become too much since `old`.
    pub(super) fn faults(&self, old: &Self) -> Vec<String> {
        let rises = self.instructions.keys().filter_map(|variant| {
            let relative = |counts: &Self| {
                Some(counts.instructions.get(variant)? / counts.instructions.get(NOTHING)?)
            };
            let rise = relative(self)? / relative(old)? - 1.0;
            (rise > RISE).then(|| {
                format!(
                    "{variant}: {:.1} % more instructions per connection",
                    rise * 100.0
                )
            })
        });
        let doubled = self.verified.iter().filter_map(|(program, count)| {
            let before = old.verified.get(program)?;
            (*before > 0 && *count >= 2 * before).then(|| {
                format!("{program}: the verifier followed {before} instructions, now {count}")
            })
        });
        rises.chain(doubled).collect()
    }
}

/// What is recorded; nothing if nothing is.
///
/// # Errors
/// The file is there and cannot be read.
pub(crate) fn read() -> Result<Baseline> {
    let path = path();
    if !path.exists() {
        return Ok(Baseline::new());
    }
    let text = fs::read_to_string(&path)?;
    serde_json::from_str(&text).with_context(|| format!("{} is not understood", path.display()))
}

/// Records these; those of other kernels stay.
///
/// # Errors
/// The file cannot be read or written.
pub(super) fn record(new: &Baseline) -> Result<()> {
    let mut all = read()?;
    all.extend(new.clone());
    workspace::write_atomically(&path(), &(serde_json::to_string_pretty(&all)? + "\n"))
}

pub(super) fn path() -> PathBuf {
    workspace::root().join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(nothing: f64, quiet: f64, verified: u32) -> Counts {
        Counts {
            kernel: String::new(),
            instructions: [(NOTHING, nothing), ("kprobe quiet", quiet)]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            verified: BTreeMap::from([("kprobe state".to_owned(), verified)]),
        }
    }

    #[test]
    fn a_rise_of_more_than_three_percent_is_a_fault_and_a_slower_kernel_is_not() {
        let old = counts(100_000.0, 102_000.0, 500);
        assert!(counts(200_000.0, 204_000.0, 500).faults(&old).is_empty());
        assert!(counts(100_000.0, 105_000.0, 500).faults(&old).is_empty());
        assert_eq!(counts(100_000.0, 105_100.0, 500).faults(&old).len(), 1);
    }

    #[test]
    fn a_doubling_for_the_verifier_is_a_fault() {
        let old = counts(1.0, 1.0, 500);
        assert!(counts(1.0, 1.0, 999).faults(&old).is_empty());
        assert_eq!(counts(1.0, 1.0, 1000).faults(&old).len(), 1);
    }

    #[test]
    fn a_share_is_of_the_whole() {
        let counts = counts(90.0, 100.0, 1);
        assert_eq!(counts.added("kprobe quiet"), Some(10.0));
        assert!((counts.share("kprobe quiet") - 0.1).abs() < 1e-12);
        assert_eq!(counts.added("fentry quiet"), None);
    }
}
