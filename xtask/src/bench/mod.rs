//! Measures what the daemon costs: connections and bytes per second with and without it, in turns and in one run,
//! side by side with other tools if asked; its kernel time, its memory, its start.
//!
//! Machines are noisy and differ: what counts are the ratios.

mod daemon;
mod load;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use self::daemon::{Daemon, Memory};
use crate::{agent, process};

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Turns; in each every candidate carries the load once.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of load per candidate and turn.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Another tool to measure beside finback, as one command line; can be given several times.
    #[arg(long, value_name = "COMMAND")]
    rival: Vec<String>,
    /// Flavour that the daemon is told to use.
    #[arg(long, default_value = "auto")]
    attach: String,
}

/// One column of the table.
struct Candidate {
    name: String,
    command: Option<Vec<String>>,
    connections: Vec<f64>,
    bytes: Vec<f64>,
}

/// Runs the whole benchmark and prints it.
///
/// # Errors
/// Not root, it does not build, or a candidate does not start.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    ensure!(
        process::is_root(),
        "the benchmark attaches to the kernel: run it as root"
    );
    let binary = agent::binary(true)?;
    let mut candidates = candidates(&binary, args);
    let span = Duration::from_secs(args.seconds);
    for round in 1..=args.rounds {
        eprintln!("xtask: round {round} of {}", args.rounds);
        for candidate in &mut candidates {
            let running = candidate
                .command
                .as_deref()
                .map(Daemon::start)
                .transpose()?;
            candidate.connections.push(load::connections(span)?);
            candidate.bytes.push(load::stream(span)?);
            drop(running);
        }
    }
    println!(
        "{:<28} {:>12} {:>8} {:>12} {:>8}",
        "", "connections/s", "ratio", "MB/s", "ratio"
    );
    let base = (
        median(&candidates[0].connections),
        median(&candidates[0].bytes),
    );
    for candidate in &candidates {
        let (connections, bytes) = (median(&candidate.connections), median(&candidate.bytes));
        println!(
            "{:<28} {connections:>12.0} {:>8.3} {:>12.0} {:>8.3}",
            candidate.name,
            connections / base.0,
            bytes / 1e6,
            bytes / base.1,
        );
    }
    inside(&binary, args, span)
}

fn candidates(binary: &Path, args: &BenchArgs) -> Vec<Candidate> {
    let new = |name: String, command| Candidate {
        name,
        command,
        connections: Vec::new(),
        bytes: Vec::new(),
    };
    let mut all = vec![new("nothing attached".into(), None)];
    all.push(new("finback".into(), Some(finback(binary, args, &[]))));
    all.push(new(
        "finback --no-segment".into(),
        Some(finback(binary, args, &["--no-segment"])),
    ));
    for rival in &args.rival {
        let words = rival.split_whitespace().map(String::from).collect();
        all.push(new(rival.clone(), Some(words)));
    }
    all
}

fn finback(binary: &Path, args: &BenchArgs, more: &[&str]) -> Vec<String> {
    let socket = std::env::temp_dir().join(format!("finback-bench-{}.sock", std::process::id()));
    let mut words = vec![
        binary.display().to_string(),
        "run".into(),
        "--format".into(),
        "json".into(),
    ];
    words.extend(["--attach".into(), args.attach.clone()]);
    words.extend(["--socket".into(), socket.display().to_string()]);
    words.extend(more.iter().map(ToString::to_string));
    words
}

/// What the daemon itself can tell: kernel time per program run, memory, start.
fn inside(binary: &Path, args: &BenchArgs, span: Duration) -> Result<()> {
    let statistics = daemon::Statistics::on()?;
    let daemon = Daemon::start(&finback(binary, args, &[]))?;
    println!(
        "\nstart to first line: {:.0} ms",
        daemon.started.as_secs_f64() * 1e3
    );
    let idle = daemon.memory().context("the daemon's memory")?;
    let held = load::hold(1000)?;
    std::thread::sleep(Duration::from_secs(1));
    let busy = daemon.memory()?;
    drop(held);
    load::connections(Duration::from_millis(200))?;
    let before = daemon.programs()?;
    let made = load::connections(span)? * span.as_secs_f64();
    let after = daemon.programs()?;
    println!(
        "\n{:<18} {:>12} {:>10} {:>14}",
        "kernel program", "runs", "ns/run", "ns/connection"
    );
    let mut total = 0.0;
    for (name, (runs, nanos)) in &after {
        let (runs_before, nanos_before) = before.get(name).copied().unwrap_or_default();
        let (runs, nanos) = (runs - runs_before, nanos - nanos_before);
        if runs > 0.0 {
            total += nanos / made;
            println!(
                "{name:<18} {runs:>12.0} {:>10.0} {:>14.0}",
                nanos / runs,
                nanos / made
            );
        }
    }
    println!(
        "{:<18} {:>12} {:>10} {total:>14.0}  (both ends; the kernel's own bookkeeping included)",
        "all", "", ""
    );
    println!("\nmemory                  resident   anonymous   file-backed");
    for (name, memory) in [("idle", idle), ("1,000 connections", busy)] {
        let Memory {
            resident,
            anonymous,
            file,
        } = memory;
        println!("{name:<20} {resident:>7.1} MiB {anonymous:>7.1} MiB {file:>9.1} MiB");
    }
    let Memory {
        resident,
        anonymous,
        file,
    } = daemon.memory()?;
    println!(
        "{:<20} {resident:>7.1} MiB {anonymous:>7.1} MiB {file:>9.1} MiB  (its connections are in TIME_WAIT)",
        "after the load"
    );
    drop(statistics);
    Ok(())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
