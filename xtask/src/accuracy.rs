//! `cargo xtask accuracy`: real programs with known mistakes, and what finback says about each.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::test::binaries;
use crate::vm::{self, Corpus, VmArgs};
use crate::{process, runtimes, toolchain};

/// What to play, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct AccuracyArgs {
    /// Only scenarios whose name contains this: `S17`, `go_`, `control`.
    filter: Option<String>,
    /// The flavour of the signals, or several to play everything once with each.
    #[arg(
        long,
        default_value = "auto",
        value_delimiter = ',',
        value_parser = ["auto", "kprobe", "fentry", "tracepoint"]
    )]
    attach: Vec<String>,
    /// In guests with these kernels instead of on this machine: `5.10,latest`. Those in C, Rust, Go and Python.
    #[arg(long, value_delimiter = ',', value_name = "KERNEL")]
    guest: Vec<vm::Series>,
}

/// Plays the corpus and prints its table; the exit code is 1 unless everything was found, with the right process, and
/// nothing else.
///
/// # Errors
/// A runtime cannot be installed, the corpus does not compile, or there is no guest.
pub(crate) fn run(args: &AccuracyArgs) -> Result<ExitCode> {
    let passed = if args.guest.is_empty() {
        here(args)?
    } else {
        let corpus = Corpus {
            attach: args.attach.clone(),
            filter: args.filter.clone(),
        };
        vm::run(&VmArgs::of_corpus(&args.guest, corpus))?.code == 0
    };
    Ok(ExitCode::from(u8::from(!passed)))
}

fn here(args: &AccuracyArgs) -> Result<bool> {
    toolchain::ensure()?;
    runtimes::ensure()?;
    let built = binaries::build_corpus()?;
    let mut passed = true;
    for attach in &args.attach {
        let mut command = if process::is_root() {
            built.command()
        } else {
            built.command_with_sudo()
        };
        command
            .args(&args.filter)
            .env("FINBACK_TEST_ATTACH", attach);
        let status = command
            .status()
            .with_context(|| format!("cannot run {}", process::shown(&command)))?;
        passed &= status.success();
    }
    Ok(passed)
}
