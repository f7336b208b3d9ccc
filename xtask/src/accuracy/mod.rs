//! `cargo xtask accuracy`: real programs with known mistakes, and what finback says about each.

mod runtimes;

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::test::binaries;
use crate::{process, toolchain};

pub(crate) use runtimes::ensure;

/// What to play.
#[derive(Debug, clap::Args)]
pub(crate) struct AccuracyArgs {
    /// Only scenarios whose name contains this: `S17`, `go_`, `control`.
    filter: Option<String>,
    /// The flavour of the signals.
    #[arg(long, default_value = "auto", value_parser = ["auto", "kprobe", "fentry", "tracepoint"])]
    attach: String,
}

/// Plays the corpus and prints its table; the exit code is 1 unless everything was found, with the right process, and
/// nothing else.
///
/// # Errors
/// A runtime cannot be installed, or the corpus does not compile.
pub(crate) fn run(args: &AccuracyArgs) -> Result<ExitCode> {
    toolchain::ensure()?;
    ensure()?;
    let built = binaries::build_corpus()?;
    let mut command = if process::is_root() {
        built.command()
    } else {
        built.command_with_sudo()
    };
    command
        .args(&args.filter)
        .env("FINBACK_TEST_ATTACH", &args.attach);
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", process::shown(&command)))?;
    Ok(ExitCode::from(u8::from(!status.success())))
}
