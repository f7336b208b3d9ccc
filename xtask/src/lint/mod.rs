//! Checks of the sources: formatting, lints, documentation, and the repository's own rules.

mod imports;
mod layers;
mod links;
mod paths;
mod rules;
mod tidy;
mod unsafe_code;

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::stage::{Report, Verdict};
use crate::toolchain::{self, Toolchain, compiler};
use crate::{process, workspace};

/// `cargo xtask lint`: all checks, then the sum.
///
/// # Errors
/// The BPF toolchain cannot be set up.
pub(crate) fn run() -> Result<ExitCode> {
    let toolchain = toolchain::ensure()?;
    let mut report = Report::default();
    checks(&mut report, &toolchain);
    Ok(ExitCode::from(u8::from(!report.finish())))
}

/// Runs every check, each counted as one.
pub(crate) fn checks(report: &mut Report, toolchain: &Toolchain) {
    report.check("tidy", tidy::check);
    report.check("imports", tidy::check_imports);
    report.check("links", tidy::check_links);
    report.check("unsafe", tidy::check_unsafe);
    report.check("fmt", || {
        with_component("rustfmt", "fmt", &["--all", "--check"])
    });
    report.check("clippy", || {
        with_component(
            "clippy",
            "clippy",
            &["--workspace", "--all-targets", "--", "-D", "warnings"],
        )
    });
    report.check("clippy for BPF", || bpf_clippy(toolchain));
    report.check("doc", doc);
}

/// Gets the tools that the checks need and a minimal installation lacks.
///
/// # Errors
/// One cannot be installed.
pub(crate) fn ensure(toolchain: &Toolchain) -> Result<()> {
    component("rustfmt", "fmt")?;
    component("clippy", "clippy")?;
    toolchain::ensure_clippy(toolchain)
}

/// Adds a component of rustup if cargo lacks its subcommand.
fn component(component: &str, subcommand: &str) -> Result<()> {
    if process::output(workspace::cargo().args([subcommand, "--version"])).is_ok() {
        return Ok(());
    }
    let mut add = Command::new("rustup");
    add.args(["component", "add", component]);
    eprintln!(
        "xtask: {} (cargo {subcommand} is missing)",
        process::shown(&add)
    );
    process::run(&mut add)
}

/// Runs a cargo subcommand that is a component of rustup.
fn with_component(name: &str, subcommand: &str, args: &[&str]) -> Result<Verdict> {
    if let Err(error) = component(name, subcommand) {
        return Ok(Verdict::Skipped(format!(
            "{name} cannot be installed: {error:#}"
        )));
    }
    process::run(workspace::cargo().arg(subcommand).args(args))?;
    Ok(Verdict::Passed)
}

/// The kernel crate as it is built for BPF: code behind `cfg(target_arch = "bpf")` is not seen by the other clippy.
fn bpf_clippy(toolchain: &Toolchain) -> Result<Verdict> {
    if let Err(error) = toolchain::ensure_clippy(toolchain) {
        return Ok(Verdict::Skipped(format!(
            "the BPF compiler has no clippy: {error:#}"
        )));
    }
    // Called by its path: `cargo clippy` would start the one in cargo's home, which belongs to another compiler.
    let mut clippy = compiler::command(toolchain.rustc.with_file_name("cargo-clippy"));
    clippy
        .current_dir(workspace::root())
        .args([
            "clippy",
            "--quiet",
            "--locked",
            "--release",
            "--package",
            "finback-ebpf",
            "--bins",
        ])
        .args([
            "--target",
            "bpfel-unknown-none",
            "-Zbuild-std=core",
            "--target-dir",
        ])
        .arg(workspace::target_dir().join("bpf"))
        .args(["--", "-D", "warnings"])
        .env("CARGO", &toolchain.cargo)
        .env("RUSTC", &toolchain.rustc)
        .envs(&toolchain.env);
    process::run(&mut clippy)?;
    Ok(Verdict::Passed)
}

fn doc() -> Result<Verdict> {
    let mut doc = workspace::cargo();
    doc.args([
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ])
    .env("RUSTDOCFLAGS", "-D warnings");
    process::run(&mut doc).context("the documentation has warnings")?;
    Ok(Verdict::Passed)
}
