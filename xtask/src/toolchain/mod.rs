//! The toolchain that compiles the kernel crate: finds it, or installs what is missing, and leaves a note for
//! `agent/build.rs`.

pub(crate) mod choice;
pub(crate) mod compiler;
mod distribution;
pub(crate) mod linker;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{process, workspace};
use compiler::{Compiler, Origin, major_minor};

/// What `agent/build.rs` reads: `<target>/bpf-toolchain.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Toolchain {
    /// `rustup nightly-…` or `distribution`.
    pub(crate) origin: String,
    /// The compiler itself, never rustup's proxy.
    pub(crate) rustc: PathBuf,
    /// The cargo to run it with.
    pub(crate) cargo: PathBuf,
    /// bpf-linker.
    pub(crate) linker: PathBuf,
    /// To be set for both.
    pub(crate) env: BTreeMap<String, String>,
    /// `1.96.0`.
    pub(crate) rustc_version: String,
    /// `22.1.8`.
    pub(crate) llvm_version: String,
    /// `0.13.0`.
    pub(crate) linker_version: String,
}

/// Where the note for `agent/build.rs` is.
pub(crate) fn file() -> PathBuf {
    workspace::target_dir().join("bpf-toolchain.json")
}

/// The oldest Rust that the workspace compiles with: `rust-version` of the manifest, as (1, 95).
pub(crate) fn rust_version() -> (u32, u32) {
    major_minor(env!("CARGO_PKG_RUST_VERSION")).unwrap_or((1, 0))
}

/// The toolchain that an earlier set-up noted, if all of it is still there unchanged.
pub(crate) fn noted() -> Option<Toolchain> {
    let noted: Toolchain = serde_json::from_str(&fs::read_to_string(file()).ok()?).ok()?;
    let version = process::output(compiler::command(&noted.rustc).arg("-vV")).ok()?;
    let version = compiler::Version::parse(&version)?;
    let same = version.release == noted.rustc_version && version.llvm == noted.llvm_version;
    // A copied target directory names the linker of the original.
    let ours = noted.linker.starts_with(workspace::target_dir());
    let complete =
        Compiler::inspect(Origin::Distribution, noted.rustc.clone()).is_ok_and(|c| c.has_source);
    (same && ours && complete && noted.cargo.is_file() && linker::works(&noted.linker))
        .then_some(noted)
}

/// Makes sure that the kernel crate can be built. Quick when nothing is missing.
///
/// # Errors
/// What is missing cannot be installed; the error says what the user can do.
pub(crate) fn ensure() -> Result<Toolchain> {
    if let Some(noted) = noted() {
        return Ok(noted);
    }
    if let Some(toolchain) = first_that_links(&compiler::installed()) {
        return save(toolchain);
    }
    if add_rustup_source()
        && let Some(toolchain) = first_that_links(&compiler::installed())
    {
        return save(toolchain);
    }
    distribution::install(rust_version())?;
    let Some(toolchain) = first_that_links(&compiler::installed()) else {
        bail!(
            "the packages are installed, but no compiler for the kernel programs works; see `cargo xtask doctor`"
        );
    };
    save(toolchain)
}

/// Makes sure that the BPF toolchain's own clippy is there.
///
/// # Errors
/// It is not, and cannot be installed.
pub(crate) fn ensure_clippy(toolchain: &Toolchain) -> Result<()> {
    if toolchain.rustc.with_file_name("clippy-driver").is_file() {
        return Ok(());
    }
    match toolchain.origin.strip_prefix("rustup ") {
        Some(name) => process::run(Command::new("rustup").args([
            "component",
            "add",
            "clippy",
            "--toolchain",
            name,
        ])),
        None => distribution::install_clippy(&toolchain.rustc.to_string_lossy()),
    }
}

fn first_that_links(compilers: &[Compiler]) -> Option<Toolchain> {
    for compiler in choice::usable(compilers, rust_version()) {
        match linker::ensure(compiler) {
            Ok(linker) => return Some(toolchain(compiler, linker)),
            Err(error) => eprintln!(
                "xtask: {} cannot be used: {error:#}",
                compiler.origin_name()
            ),
        }
    }
    None
}

fn toolchain(compiler: &Compiler, linker: PathBuf) -> Toolchain {
    let bootstrap = compiler
        .needs_bootstrap()
        .then(|| ("RUSTC_BOOTSTRAP".to_owned(), "1".to_owned()));
    Toolchain {
        origin: compiler.origin_name(),
        rustc: compiler.rustc.clone(),
        cargo: compiler.cargo(),
        linker,
        env: bootstrap.into_iter().collect(),
        rustc_version: compiler.version.release.clone(),
        llvm_version: compiler.version.llvm.clone(),
        linker_version: linker::VERSION.to_owned(),
    }
}

/// Asks rustup for the library source of a nightly that lacks only that. Whether it was added.
fn add_rustup_source() -> bool {
    let compilers = compiler::installed();
    for (_, name) in choice::lacking_source(&compilers, rust_version()) {
        let mut add = compiler::command("rustup");
        add.args(["component", "add", "rust-src", "--toolchain", name]);
        eprintln!(
            "xtask: {} (the source of core, to be compiled for BPF)",
            process::shown(&add)
        );
        match process::run(&mut add) {
            Ok(()) => return true,
            Err(error) => eprintln!("xtask: rustup could not add it, going on without: {error:#}"),
        }
    }
    false
}

fn save(toolchain: Toolchain) -> Result<Toolchain> {
    let text = serde_json::to_string_pretty(&toolchain)
        .context("cannot write the toolchain's description")?;
    workspace::write_atomically(&file(), &text)?;
    eprintln!(
        "xtask: kernel programs: rustc {} ({}), LLVM {}, bpf-linker {}",
        toolchain.rustc_version, toolchain.origin, toolchain.llvm_version, toolchain.linker_version
    );
    Ok(toolchain)
}
