//! Programs of other projects, built by cargo below the target directory; nothing is installed on the machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{process, workspace};

/// `cargo install` of a pinned version into `prefix`, to be completed. What counts is the time until it is there.
pub(crate) fn command(name: &str, version: &str, prefix: &Path) -> Command {
    let mut cargo = workspace::cargo();
    cargo
        // Away from the repository, whose configuration and toolchain file are not meant for this crate.
        .current_dir(prefix)
        .args(["install", name, "--locked", "--force", "--no-track", "--version", version])
        .args(["--config", "profile.release.debug=0"])
        .arg("--target-dir")
        .arg(prefix.join("build"))
        .arg("--root")
        .arg(prefix)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// Runs it and removes what only the build needed.
///
/// # Errors
/// It does not build.
pub(crate) fn run(name: &str, prefix: &Path, command: &mut Command) -> Result<()> {
    process::run(command).with_context(|| format!("{name} does not build"))?;
    fs::remove_dir_all(prefix.join("build"))
        .with_context(|| format!("cannot remove {name}'s build directory"))
}
