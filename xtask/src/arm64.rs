//! `cargo xtask arm64`: kernel programs and agent built for arm64, and the tests that need no kernel of their own run
//! under an emulator. Guests of that kind: `cargo xtask vm --arch arm64`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{cross, process, toolchain, vm, workspace};

/// What decodes the kernel's bytes: another architecture may lay them out otherwise.
const BYTES: [&str; 4] = ["kernel::btf", "kernel::record", "kernel::address", "frame"];

/// What to do.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arm64Args {
    /// Optimised, as for use
    #[arg(long)]
    release: bool,
    /// Only build
    #[arg(long)]
    no_tests: bool,
}

/// Builds, and runs the tests.
///
/// # Errors
/// A compiler or the emulator cannot be had, it does not compile, or a test fails.
pub(crate) fn run(args: &Arm64Args) -> Result<()> {
    toolchain::ensure()?;
    cross::ensure()?;
    let binary = build(args.release)?;
    println!("{}", binary.display());
    if args.no_tests {
        return Ok(());
    }
    let emulator = vm::emulator_of_programs()?;
    let mut version = cross::emulated(&emulator, &binary);
    println!("{}", process::output(version.arg("--version"))?.trim());
    let pure = ["--package", "finback-common", "--package", "finback-core"];
    process::run(&mut tests(&emulator, &pure)).context("the tests of common and core")?;
    let mut decoding = tests(&emulator, &["--package", "finback", "--lib"]);
    process::run(decoding.arg("--").args(BYTES)).context("the tests of what the kernel says")
}

fn build(release: bool) -> Result<PathBuf> {
    let mut build = workspace::cargo();
    build.args(["build", "--package", "finback", "--bin", "finback"]);
    cross::steer(&mut build);
    if release {
        build.arg("--release");
    }
    process::run(&mut build).context("the agent does not build for arm64")?;
    let profile = if release { "release" } else { "debug" };
    let built = workspace::target_dir().join(cross::TARGET).join(profile);
    Ok(built.join("finback"))
}

fn tests(emulator: &Path, arguments: &[&str]) -> Command {
    let mut test = workspace::cargo();
    test.arg("test").args(arguments);
    cross::steer(&mut test);
    cross::run_with(&mut test, emulator);
    test
}
