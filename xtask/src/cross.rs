//! What building for arm64 takes on a machine of another kind.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::apt::{self, Package};
use crate::process;

/// What rustc calls the target.
pub(crate) const TARGET: &str = "aarch64-unknown-linux-gnu";
/// Where Debian puts libraries for programs of that kind.
pub(crate) const SYSROOT: &str = "/usr/aarch64-linux-gnu";
/// Makes copies without debug information.
pub(crate) const STRIP: &str = "aarch64-linux-gnu-strip";
const GCC: &str = "aarch64-linux-gnu-gcc";

/// Makes sure that there are compiler, linker and libraries.
///
/// # Errors
/// One is not there and cannot be had.
pub(crate) fn ensure() -> Result<()> {
    add_target()?;
    apt::ensure(&[
        Package::new("gcc-aarch64-linux-gnu", "links programs for arm64"),
        Package::new("libc6-dev-arm64-cross", "the C library for arm64"),
    ])
}

/// The standard library for the target.
fn add_target() -> Result<()> {
    let has = process::output(Command::new("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        TARGET,
    ]))
    .is_ok_and(|dir| Path::new(dir.trim()).is_dir());
    if has {
        return Ok(());
    }
    eprintln!("xtask: rustup target add {TARGET} (the standard library for arm64)");
    process::run(Command::new("rustup").args(["target", "add", TARGET]))
        .context("the standard library for arm64 cannot be had")
}

/// Lets a cargo build for arm64. Cargo's own arguments must not have ended yet.
pub(crate) fn steer(cargo: &mut Command) {
    cargo
        .args(["--target", TARGET])
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", GCC)
        .env("CC_aarch64_unknown_linux_gnu", GCC)
        .env("AR_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-ar");
}

/// Lets it run what it has built.
pub(crate) fn run_with(cargo: &mut Command, emulator: &Path) {
    let runner = format!("{} -L {SYSROOT}", emulator.display());
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", runner);
}

/// An emulator's arguments to run a program of that kind: the program's own follow.
pub(crate) fn emulated(emulator: &Path, program: &Path) -> Command {
    let mut command = Command::new(emulator);
    command.args(["-L", SYSROOT]).arg(program);
    command
}
