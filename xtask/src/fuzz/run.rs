//! One target: runs it and reads what it says at its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::build::{Built, folder};

/// Longest input, bytes. Formats are small; what is only long is for tests of their own.
const LONGEST: usize = 8 << 10;
/// Seconds that one input may take: whatever takes longer is a fault.
const PATIENCE: u64 = 60;
/// Mebibytes that may be asked for at once: a frame may unpack to 256.
const AT_ONCE: u64 = 300;
/// Mebibytes of all together.
const MEMORY: u64 = 2048;

/// When to end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    /// After so many inputs.
    Runs(u64),
    /// After so long.
    Time(Duration),
}

/// What came of a target.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) target: String,
    pub(super) took: Duration,
    /// Inputs that were fed.
    pub(super) runs: u64,
    /// Places in the code that inputs have led to.
    pub(super) places: u64,
    /// Inputs that each led to a place of their own, kept for the next time.
    pub(super) kept: u64,
    /// The sentence of a fault, and the file with the input that found it.
    pub(super) fault: Option<(String, Option<PathBuf>)>,
}

/// Feeds a target: seeds first, then what earlier runs kept, then whatever comes of changing these.
pub(super) fn target(built: &Built, target: &str, limit: Limit) -> Result<Outcome> {
    let of = |what: &str| built.kept.join(what).join(target);
    let (corpus, artifacts, scratch) = (of("corpus"), of("artifacts"), of("scratch"));
    for folder in [&corpus, &artifacts, &scratch] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    println!("==> {target}");
    let mut program = Command::new(&built.program);
    program
        .env("FINBACK_FUZZ_TARGET", target)
        .arg(match limit {
            Limit::Runs(runs) => format!("-runs={runs}"),
            Limit::Time(time) => format!("-max_total_time={}", time.as_secs()),
        })
        .args(["-print_final_stats=1", "-close_fd_mask=1"])
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-timeout={PATIENCE}"))
        .arg(format!("-malloc_limit_mb={AT_ONCE}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(&corpus)
        .arg(folder().join("seeds").join(target))
        .env("TMPDIR", &scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let begun = Instant::now();
    let said = program.output().context("the target cannot be started")?;
    let took = begun.elapsed();
    fs::remove_dir_all(&scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
    let text = String::from_utf8_lossy(&said.stderr);
    let fault = (!said.status.success()).then(|| fault(&text));
    if fault.is_some() {
        print!("{text}");
    }
    Ok(Outcome {
        target: target.to_owned(),
        took,
        runs: statistic(&text, "stat::number_of_executed_units:"),
        places: places(&text),
        kept: entries(&corpus),
        fault,
    })
}

fn entries(folder: &Path) -> u64 {
    fs::read_dir(folder).map_or(0, |entries| entries.count() as u64)
}

/// A line of the end, such as `stat::number_of_executed_units: 1000`.
fn statistic(said: &str, name: &str) -> u64 {
    let value = said.lines().find_map(|line| line.strip_prefix(name));
    value
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

/// The last `cov: N` of libFuzzer's own lines.
fn places(said: &str) -> u64 {
    let value = said.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once(" cov: ")?;
        rest.split(' ').next()?.parse().ok()
    });
    value.unwrap_or(0)
}

/// The first line that says what is wrong, and the input.
fn fault(said: &str) -> (String, Option<PathBuf>) {
    let begins = |line: &&str| {
        line.starts_with("thread '") || line.contains("ERROR: ") || line.contains("panicked at")
    };
    let mut lines = said.lines();
    let first = lines.find(begins).unwrap_or("it ended without a word");
    // A panic's own words are on the line after its place.
    let next = lines.next().filter(|_| first.contains("panicked at"));
    let sentence = [Some(first), next].into_iter().flatten();
    let sentence = sentence.collect::<Vec<_>>().join(" ");
    let input = said.lines().find_map(|line| {
        let (_, path) = line.split_once("Test unit written to ")?;
        Some(PathBuf::from(path.trim()))
    });
    (sentence, input)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
#2\tINITED cov: 17 ft: 18 corp: 1/1b exec/s: 0 rss: 30Mb
#9\tNEW    cov: 21 ft: 22 corp: 2/3b lim: 4 exec/s: 0 rss: 30Mb L: 2/2 MS: 2 CopyPart-
thread '<unnamed>' panicked at agent/src/a.rs:7:5:
attempt to add with overflow
artifact_prefix='a/'; Test unit written to a/crash-0123
stat::number_of_executed_units: 1000
";

    #[test]
    fn what_a_run_says_is_read() {
        assert_eq!(statistic(SAID, "stat::number_of_executed_units:"), 1000);
        assert_eq!(places(SAID), 21);
        let (sentence, input) = fault(SAID);
        assert!(
            sentence.ends_with("a.rs:7:5: attempt to add with overflow"),
            "{sentence}"
        );
        assert_eq!(input, Some("a/crash-0123".into()));
        assert_eq!(fault("").1, None);
    }
}
