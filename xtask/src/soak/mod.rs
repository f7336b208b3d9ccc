//! `cargo xtask soak`: a load of short connections for an hour, leaks planted and healed in the midst of it, and what two
//! daemons use meanwhile.

mod page;
mod sample;
mod trend;
mod verdict;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::test::binaries;
use crate::{agent, process, workspace};

use self::sample::Run;
use self::verdict::Verdict;

/// How long, and how much.
#[derive(Debug, clap::Args)]
pub(crate) struct SoakArgs {
    /// How long
    #[arg(long, default_value_t = 60.0, value_name = "NUMBER")]
    minutes: f64,
    /// Short connections a second
    #[arg(long, default_value_t = 2_000, value_name = "NUMBER")]
    rate: u32,
    /// Play nothing, judge these samples
    #[arg(long, value_name = "FILE", conflicts_with_all = ["minutes", "rate"])]
    from: Option<PathBuf>,
    /// Write docs/soak.md and docs/soak.svg
    #[arg(long)]
    write_docs: bool,
}

/// Plays, judges, and prints what came of it; the exit code is 1 unless all of it is good.
///
/// # Errors
/// Not root, it does not build, or there are no samples.
pub(crate) fn run(args: &SoakArgs) -> Result<ExitCode> {
    let (file, played) = match &args.from {
        Some(file) => (file.clone(), true),
        None => play(args)?,
    };
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let run = Run::read(&text)?;
    let verdict = Verdict::of(&run, played);
    println!("{verdict}");
    println!("samples: {}", file.display());
    if args.write_docs {
        let docs = workspace::root().join("docs");
        workspace::write_atomically(&docs.join("soak.svg"), &page::curves(&run))?;
        workspace::write_atomically(&docs.join("soak.md"), &page::document(&run, &verdict))?;
    }
    Ok(ExitCode::from(u8::from(!verdict.is_good())))
}

/// The file with the samples, and whether every leak was told and nothing else.
fn play(args: &SoakArgs) -> Result<(PathBuf, bool)> {
    ensure!(
        process::is_root(),
        "the daemons attach to the kernel: run it as root"
    );
    let binary = agent::binary(true)?;
    let faults = binaries::build_faults()?;
    let folder = workspace::target_dir().join("soak");
    fs::create_dir_all(&folder)?;
    let file = folder.join("samples.ndjson");
    let mut command = faults.command();
    command
        .env("FINBACK_BIN", &binary)
        .env("FINBACK_TEST_SOAK", &file)
        .env("FINBACK_TEST_SOAK_MINUTES", args.minutes.to_string())
        .env("FINBACK_TEST_SOAK_RATE", args.rate.to_string());
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", process::shown(&command)))?;
    Ok((file, status.success()))
}
