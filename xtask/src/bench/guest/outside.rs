//! Boots the guests, collects their counts, compares and records them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::baseline::{self, Baseline, Counts};
use super::inside::RESULT;

/// Seconds of wall time for a guest; three to five minutes are usual.
const PATIENCE: &str = "1800";

/// Counts in one guest per series. `check` makes what has become too much an error, `record` keeps the new counts.
///
/// # Errors
/// A guest fails, or something has become too much.
pub(crate) fn run(binary: &Path, series: &[String], check: bool, record: bool) -> Result<Baseline> {
    let recorded = baseline::read()?;
    let mut found = Baseline::new();
    let mut faults = Vec::new();
    for series in series {
        eprintln!("xtask: counting instructions in a guest {series}: some minutes");
        let counts = count(binary, series)?;
        match recorded.get(series) {
            Some(old) => {
                let new = counts.faults(old).into_iter();
                faults.extend(new.map(|fault| format!("{series}: {fault}")));
            }
            None if check => faults.push(format!(
                "{series}: nothing is recorded in {}",
                baseline::path().display()
            )),
            None => {}
        }
        found.insert(series.clone(), counts);
    }
    if record {
        baseline::record(&found)?;
        eprintln!("xtask: wrote {}", baseline::path().display());
    }
    for fault in &faults {
        eprintln!("xtask: {fault}");
    }
    ensure!(
        !check || faults.is_empty(),
        "{} counts are too high",
        faults.len()
    );
    Ok(found)
}

/// One guest through `cargo xtask vm`, as a user would: its output is the program's own.
fn count(binary: &Path, series: &str) -> Result<Counts> {
    let this = std::env::current_exe()?;
    let mut vm = Command::new(&this);
    vm.args([
        "vm",
        "--kernel",
        series,
        "--virtual-time",
        "--timeout",
        PATIENCE,
    ]);
    vm.args(["--file", &format!("{}:/xtask", this.display())]);
    vm.args(["--file", &format!("{}:/finback", binary.display())]);
    vm.args(["--", "/xtask", "bench", "guest", "--binary", "/finback"]);
    let out = vm
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start a guest")?;
    let text = String::from_utf8_lossy(&out.stdout);
    let result = text.lines().find_map(|line| line.strip_prefix(RESULT));
    let Some(result) = result.filter(|_| out.status.success()) else {
        eprint!("{text}");
        anyhow::bail!("the guest {series} has no result ({})", out.status);
    };
    serde_json::from_str(result).context("the guest's result is not understood")
}
