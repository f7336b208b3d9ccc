//! Stages of a run: each prints its name and its time, none stops the next.

use std::io::{BufRead as _, BufReader, Write};
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::failures;
use crate::process;
use crate::summary::Summary;
use crate::timing::{self, Follower};

/// No stage takes this long unless it hangs.
const LIMIT: Duration = Duration::from_mins(20);
/// Tests that are named at the end.
const SLOWEST: usize = 10;
/// For what is left in a pipe that a leftover grandchild holds open.
const DRAIN: Duration = Duration::from_secs(2);

/// What a check says about itself.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It holds.
    Passed,
    /// It was left out, for this reason.
    Skipped(String),
}

/// Collects what the stages report.
#[derive(Debug, Default)]
pub(crate) struct Report {
    sum: Summary,
    lines: Vec<String>,
}

impl Report {
    /// Runs one check, counted as one.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<Verdict>) -> bool {
        self.stage(name, || {
            Ok(match check()? {
                Verdict::Passed => Summary::PASSED,
                Verdict::Skipped(reason) => {
                    println!("skipped: {reason}");
                    Summary::SKIPPED
                }
            })
        })
    }

    /// Runs one stage that counts for itself. An error is one failure more.
    pub(crate) fn stage(&mut self, name: &str, stage: impl FnOnce() -> Result<Summary>) -> bool {
        println!("\n==> {name}");
        let started = Instant::now();
        let counted = stage().unwrap_or_else(|error| {
            println!("error: {error:#}");
            Summary::FAILED
        });
        let mark = if counted.failed > 0 { "FAILED" } else { "ok" };
        let line = format!(
            "{:>7.1} s  {mark:<6}  {name}: {counted}",
            started.elapsed().as_secs_f64()
        );
        println!("{line}");
        self.lines.push(line);
        self.sum += counted;
        counted.failed == 0
    }

    /// Prints the slowest tests, the failed ones with their words, the table of stages and, as the last line, the sum.
    /// Whether nothing failed.
    pub(crate) fn finish(&self) -> bool {
        let slowest = timing::slowest(SLOWEST);
        if !slowest.is_empty() {
            println!("\nslowest tests:");
        }
        for taken in slowest {
            println!("{taken}");
        }
        for failed in failures::all() {
            println!("\nfailed in {}:", failed.label);
            for line in &failed.text {
                println!("{line}");
            }
        }
        println!();
        for line in &self.lines {
            println!("{line}");
        }
        println!("{}", self.sum);
        self.sum.failed == 0
    }
}

/// Runs a test binary, shows its output, sums up the summaries in it, and lets the follower see it.
///
/// # Errors
/// It cannot be started, or runs longer than any stage may.
pub(crate) fn tests(command: &mut Command, watch: Follower) -> Result<Summary> {
    tests_shown_on(command, watch, std::io::stdout())
}

fn tests_shown_on(
    command: &mut Command,
    watch: Follower,
    out: impl Write + Send + 'static,
) -> Result<Summary> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", process::shown(command)))?;
    let stdout = child.stdout.take().context("no pipe to the test binary")?;
    let sum = Arc::new(Mutex::new(Summary::default()));
    let reader = thread::spawn({
        let sum = Arc::clone(&sum);
        move || show_and_count(stdout, watch, out, &sum)
    });
    let status = wait(&mut child, LIMIT)?;
    let drained = Instant::now();
    while !reader.is_finished() && drained.elapsed() < DRAIN {
        thread::sleep(Duration::from_millis(1));
    }
    let counted = sum.lock().map(|sum| *sum).unwrap_or_default();
    if !status.success() {
        println!("{} ended with {status}", process::shown(command));
    }
    Ok(counted.at_least_exit(status.success()))
}

fn wait(child: &mut std::process::Child, limit: Duration) -> Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child
            .try_wait()
            .context("cannot wait for the test binary")?
        {
            return Ok(status);
        }
        if started.elapsed() > limit {
            child.kill().context("cannot kill the test binary")?;
            child.wait().context("cannot wait for the test binary")?;
            bail!("killed after {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn show_and_count(
    stdout: ChildStdout,
    mut watch: Follower,
    mut out: impl Write,
    sum: &Mutex<Summary>,
) {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    // Bytes, not text: a test may print anything.
    while stdout
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        // A closed terminal must not stop the count.
        drop(out.write_all(&line));
        let text = String::from_utf8_lossy(&line);
        watch.line(&text);
        if let (Some(counted), Ok(mut sum)) = (Summary::of_line(&text), sum.lock()) {
            *sum += counted;
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::Source;

    fn sh(script: &str) -> Summary {
        // Not to stdout: the summaries would be counted by whoever runs these tests.
        let mut command = Command::new("sh");
        let follower = Follower::start("sh", Source::Unknown);
        tests_shown_on(command.args(["-c", script]), follower, std::io::sink()).expect("sh runs")
    }

    #[test]
    fn sums_all_summaries_of_a_command() {
        let line = "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
        let twice = sh(&format!("echo '{line}'; echo noise; echo '{line}'"));
        assert_eq!(
            twice,
            Summary {
                passed: 4,
                failed: 0,
                skipped: 2
            }
        );
    }

    #[test]
    fn a_crash_after_a_good_summary_is_a_failure() {
        let line = "test result: ok. 2 passed; 0 failed; 0 ignored";
        assert_eq!(sh(&format!("echo '{line}'; kill -9 $$")).failed, 1);
    }

    #[test]
    fn a_leftover_grandchild_does_not_hold_us_up() {
        let started = Instant::now();
        sh("sleep 20 & exit 0");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_hangs_is_killed() {
        let mut child = Command::new("sleep").arg("20").spawn().expect("sleep runs");
        assert!(wait(&mut child, Duration::from_millis(20)).is_err());
    }

    #[test]
    fn an_error_and_a_skip_are_counted() {
        let mut report = Report::default();
        assert!(!report.stage("fails", || bail!("because")));
        assert!(report.check("skips", || Ok(Verdict::Skipped("no reason".to_owned()))));
        assert!(report.check("passes", || Ok(Verdict::Passed)));
        assert_eq!(
            report.sum,
            Summary {
                passed: 1,
                failed: 1,
                skipped: 1
            }
        );
        assert!(!report.finish());
    }
}
