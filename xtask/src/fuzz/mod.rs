//! `cargo xtask fuzz`: feeds every parser with anything, under libFuzzer.
//!
//! The targets are in `agent/fuzz`; what each does is in the agent itself (`agent/src/fuzzing`). Inputs that lead
//! somewhere new are kept below the target directory, inputs that found a fault too: those belong into
//! `agent/fuzz/seeds`, where every test run feeds them again.

mod build;
mod report;
mod run;

use std::num::NonZero;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::summary::Summary;
use crate::{parallel, toolchain};
use build::Built;
use report::Report;
use run::Limit;

/// What to feed, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct FuzzArgs {
    /// Only these targets; all if none is named.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// So long each.
    #[arg(long, value_name = "N", conflicts_with = "runs", default_value_t = 60)]
    seconds: u64,
    /// So many inputs each, however long that takes.
    #[arg(long, value_name = "N")]
    runs: Option<u64>,
    /// So many targets at the same time.
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZero<usize>,
    /// Show the targets and end.
    #[arg(long)]
    list: bool,
}

/// Builds, feeds, and says what was found. The exit code is 1 if anything was.
///
/// # Errors
/// It cannot be built, or there is no such target.
pub(crate) fn run(args: &FuzzArgs) -> Result<ExitCode> {
    let known = build::targets()?;
    if args.list {
        println!("{}", known.join("\n"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = args.targets.iter().find(|name| !known.contains(name)) {
        bail!(
            "there is no target {unknown}; there are {}",
            known.join(", ")
        );
    }
    let chosen = if args.targets.is_empty() {
        &known
    } else {
        &args.targets
    };
    let limit = match args.runs {
        Some(runs) => Limit::Runs(runs),
        None => Limit::Time(Duration::from_secs(args.seconds)),
    };
    Ok(ExitCode::from(u8::from(
        !all(chosen, limit, args.jobs.get())?.is_clean(),
    )))
}

/// Feeds these targets, so many at the same time.
///
/// # Errors
/// It cannot be built, or not be started.
fn all(targets: &[String], limit: Limit, jobs: usize) -> Result<Report> {
    let built = Built::new(&toolchain::ensure()?)?;
    let outcomes = parallel::each(targets, jobs, |target| {
        let outcome = run::target(&built, target, limit)?;
        println!("{}", report::line(&outcome));
        Ok(outcome)
    });
    let report = Report(outcomes.into_iter().collect::<Result<_>>()?);
    report.print();
    Ok(report)
}

/// A minute of each, as a stage of `cargo xtask test`: a target in which a fault is found has failed.
///
/// # Errors
/// It cannot be built, or not be started.
pub(crate) fn for_a_minute() -> Result<Summary> {
    const A_MINUTE: Duration = Duration::from_mins(1);
    let report = all(
        &build::targets()?,
        Limit::Time(A_MINUTE),
        parallel::processors(),
    )?;
    Ok(report.summary())
}
