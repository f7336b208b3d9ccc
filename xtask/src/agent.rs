//! Builds the agent, and runs it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::{process, toolchain, workspace};

/// What to build.
#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// Optimised, as for use; without it, quick to build and with debug assertions.
    #[arg(long)]
    release: bool,
}

/// What to pass on.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Arguments for `finback run`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Builds the agent with the kernel programs in it.
///
/// # Errors
/// Set-up is impossible, or it does not compile.
pub(crate) fn build(args: &BuildArgs) -> Result<()> {
    let binary = binary(args.release)?;
    println!("{}", binary.display());
    Ok(())
}

/// Builds the agent and becomes `finback run`. Returns only on failure.
///
/// # Errors
/// As [`build`], or there is no way to become root.
pub(crate) fn run(args: &RunArgs) -> Result<ExitCode> {
    let binary = binary(true)?;
    let mut finback = if process::is_root() {
        Command::new(&binary)
    } else {
        let Some(sudo) = process::find("sudo") else {
            bail!(
                "finback needs root to attach to the kernel, and there is no sudo; as root run: {}",
                binary.display()
            );
        };
        eprintln!(
            "xtask: starting {} with sudo: it attaches to the kernel",
            binary.display()
        );
        let mut sudo = Command::new(sudo);
        sudo.arg("--").arg(&binary);
        sudo
    };
    // What cargo set for this process is not meant for the daemon.
    finback
        .env_remove("LD_LIBRARY_PATH")
        .arg("run")
        .args(&args.args);
    Err(finback.exec()).with_context(|| format!("cannot start {}", process::shown(&finback)))
}

/// Builds the agent and tells where it is.
///
/// # Errors
/// As [`build`].
pub(crate) fn binary(release: bool) -> Result<PathBuf> {
    toolchain::ensure()?;
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--package", "finback", "--bin", "finback"]);
    if release {
        cargo.arg("--release");
    }
    process::run(&mut cargo).context("the agent does not build")?;
    Ok(workspace::target_dir()
        .join(if release { "release" } else { "debug" })
        .join("finback"))
}
