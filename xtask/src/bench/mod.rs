//! `cargo xtask bench`: what finback costs, beside what others cost.
//!
//! Machines are noisy and differ. So everything is measured in one run, each burst of load lies between two bursts with
//! nothing attached, and what counts are ratios. No time is a condition for success: only counted instructions are.

mod args;
mod attached;
mod guest;
mod kernel;
mod load;
mod network;
mod report;
mod rows;
mod stats;

use std::time::Duration;

use anyhow::{Result, ensure};

use self::args::{Part, Row};
use self::attached::{Finback, Rivals};
use self::report::{Host, Method, Report};
use crate::{agent, interrupt, process};

pub(crate) use self::args::BenchArgs;

/// Measures, prints and keeps what was asked for.
///
/// # Errors
/// Not root, it does not build, a daemon does not start, a signal came, or `--check` found a rise.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    match &args.part {
        Some(Part::Hold(part)) => return load::hold(part),
        Some(Part::Guest(part)) => return guest::run_inside(part),
        None => {}
    }
    if let Some(file) = &args.from {
        return keep(args, &Report::read(file)?);
    }
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => agent::binary(true)?,
    };
    if args.guest_instructions {
        guest::run_outside(&binary, &args.kernel, args.check, args.write_baseline)?;
        return Ok(());
    }
    ensure!(
        process::is_root(),
        "the benchmark attaches to the kernel: run it as root"
    );
    interrupt::catch();
    let rivals = Rivals::new(Finback::new(&binary, &args.attach)?);
    let report = measure(args, &rivals)?;
    keep(args, &report)
}

fn measure(args: &BenchArgs, rivals: &Rivals) -> Result<Report> {
    let method = Method {
        rounds: args.rounds(),
        burst_ms: args.burst_ms,
        flavour: args.attach.clone(),
        idle_seconds: args.idle_seconds(),
    };
    let (rounds, span) = (method.rounds, Duration::from_millis(method.burst_ms));
    let idle = Duration::from_secs(method.idle_seconds);
    let mut report = Report::new(Host::now(), method);
    for row in args.rows() {
        let name = row.name();
        let done = match row {
            Row::Loss => args
                .network
                .iter()
                .try_for_each(|network| rows::loss(rivals, *network, rounds, span, &mut report)),
            Row::Daemon => rows::daemon(rivals, idle, &mut report),
            Row::Start => rows::start(rivals, &mut report),
            Row::Burst => rows::burst(rivals, &mut report),
            Row::Crowd => rows::crowd(rivals, args.connections, &mut report),
        };
        if let Err(error) = done {
            // What failed is told in the tables; the other rows are still worth having.
            interrupt::check()?;
            report.lacks(name, &error);
        }
    }
    report.host.finish();
    Ok(report)
}

fn keep(args: &BenchArgs, report: &Report) -> Result<()> {
    let guests = guest::read_baseline()?;
    report::print(report, &guests);
    if let Some(file) = &args.json {
        report.write(file)?;
    }
    if args.write_docs {
        report::write_document(report, &guests)?;
    }
    Ok(())
}
