//! Builds the targets with a compiler that can watch where an input leads, and cargo-fuzz, which knows how to ask it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::toolchain::Toolchain;
use crate::{install, process, workspace};

/// The pinned version of cargo-fuzz.
const VERSION: &str = "0.13.2";
/// Of the compiler: memory errors in what is not Rust, or not safe, end a run.
const SANITIZER: &str = "address";
/// All targets are in it.
const PROGRAM: &str = "feed";

/// Where the targets are.
pub(super) fn folder() -> PathBuf {
    workspace::root().join("agent/fuzz")
}

/// The names of all targets: each has a folder of seeds.
pub(super) fn targets() -> Result<Vec<String>> {
    let seeds = folder().join("seeds");
    let entries =
        fs::read_dir(&seeds).with_context(|| format!("cannot read {}", seeds.display()))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

/// A program that is ready to be run.
#[derive(Debug)]
pub(super) struct Built {
    /// The name of a target in its environment says what it does.
    pub(super) program: PathBuf,
    /// Below it is what runs leave.
    pub(super) kept: PathBuf,
}

impl Built {
    pub(super) fn new(toolchain: &Toolchain) -> Result<Self> {
        let tool = tool()?;
        let triple = triple(toolchain)?;
        let target_dir = workspace::target_dir().join("fuzz");
        let mut build = Command::new(&tool);
        build
            .args(["fuzz", "build", "--sanitizer", SANITIZER, "--fuzz-dir"])
            .arg(folder())
            .args(["--target", &triple, "--target-dir"])
            .arg(&target_dir)
            .arg(PROGRAM)
            .current_dir(workspace::root());
        compiled_by(toolchain, &mut build)?;
        process::run(&mut build).context("the targets do not build")?;
        Ok(Self {
            program: target_dir.join(triple).join("release").join(PROGRAM),
            kept: target_dir,
        })
    }
}

/// cargo-fuzz asks for `cargo` by its name: the toolchain's own must come first.
fn compiled_by(toolchain: &Toolchain, command: &mut Command) -> Result<()> {
    let own = toolchain.cargo.parent().map(Path::to_path_buf);
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = own.into_iter().chain(env::split_paths(&path));
    command
        .env("PATH", env::join_paths(paths)?)
        .env("RUSTC", &toolchain.rustc)
        .envs(&toolchain.env);
    for outer in [
        "CARGO",
        "RUSTUP_TOOLCHAIN",
        "RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "LD_LIBRARY_PATH",
    ] {
        command.env_remove(outer);
    }
    Ok(())
}

/// What the compiler builds for by itself.
fn triple(toolchain: &Toolchain) -> Result<String> {
    let mut rustc = Command::new(&toolchain.rustc);
    let said = process::output(rustc.arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("the compiler does not say what it builds for")
}

/// cargo-fuzz, built below the target directory unless it is there.
fn tool() -> Result<PathBuf> {
    let root = workspace::target_dir().join("fuzz-tools");
    let tool = root.join("bin/cargo-fuzz");
    let said = process::output(Command::new(&tool).args(["fuzz", "--version"]));
    if said.is_ok_and(|said| said.trim().ends_with(VERSION)) {
        return Ok(tool);
    }
    eprintln!(
        "xtask: building cargo-fuzz {VERSION} into {} (it builds the targets)",
        root.display()
    );
    fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
    let mut install = install::command("cargo-fuzz", VERSION, &root);
    install.args(["--config", "profile.release.opt-level=0"]);
    install::run("cargo-fuzz", &root, &mut install)?;
    Ok(tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_by_their_seeds() {
        let targets = targets().expect("a folder of seeds");
        assert!(targets.contains(&"filter".to_owned()), "{targets:?}");
    }
}
