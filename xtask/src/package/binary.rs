//! The program for the packages: optimised, with the list of its libraries in it, and the same from the same sources
//! wherever they lie.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::ground::{Ground, remap};
use super::{musl, tool};
use crate::{process, toolchain, workspace};

/// What the program is linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Libc {
    /// The distribution's, as everything there is.
    Glibc,
    /// None: it is all in the program, which then runs on every Linux.
    Musl,
}

impl Libc {
    const fn target(self) -> &'static str {
        match self {
            Self::Glibc => "x86_64-unknown-linux-gnu",
            Self::Musl => "x86_64-unknown-linux-musl",
        }
    }
}

/// Builds it, and tells where it is.
///
/// # Errors
/// It does not build.
pub(super) fn build(ground: &Ground, libc: Libc) -> Result<PathBuf> {
    let compiler = toolchain::ensure()?;
    let tools = tool::AUDITABLE.ensure(ground)?;
    let target = ground.work.join("build");
    let mut cargo = workspace::cargo();
    let mut flags = remapped(&places(ground, &target));
    if libc == Libc::Musl {
        let musl = musl::ensure(ground, &compiler)?;
        flags.extend(musl.flags);
        cargo.envs(musl.env);
    }
    cargo
        .args(["auditable", "build", "--release", "--locked"])
        .args(["--package", "finback", "--bin", "finback"])
        .args(["--target", libc.target()])
        .env("CARGO_TARGET_DIR", &target)
        .env("PATH", path_with(&tools)?)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f".as_ref()))
        .env("CFLAGS", c_flags(&places(ground, &target)))
        .env_remove("RUSTFLAGS");
    if libc == Libc::Musl && musl::is_to_be_built() {
        cargo.arg("-Zbuild-std=std,panic_abort");
    }
    process::run(&mut cargo).context("the agent does not build")?;
    Ok(place(ground, libc))
}

/// Where it is, once it is built.
pub(super) fn place(ground: &Ground, libc: Libc) -> PathBuf {
    let build = ground.work.join("build");
    build.join(libc.target()).join("release/finback")
}

fn path_with(first: &Path) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(first.to_owned()).chain(env::split_paths(&path));
    Ok(env::join_paths(all)?)
}

/// Folders of this machine, and what stands for them in messages of a panic. The last one that fits counts.
fn places(ground: &Ground, target: &Path) -> Vec<(PathBuf, &'static str)> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| home.map(|home| home.join(".cargo")));
    let cargo = cargo.map(|cargo| (cargo, "/cargo"));
    let own = [
        (ground.root.clone(), "/finback"),
        (target.to_owned(), "/target"),
    ];
    cargo.into_iter().chain(own).collect()
}

fn remapped(places: &[(PathBuf, &str)]) -> Vec<OsString> {
    let flags = places.iter().map(|(from, to)| remap(from, to));
    flags.collect()
}

/// The same for what is written in C.
fn c_flags(places: &[(PathBuf, &str)]) -> OsString {
    let mut flags = OsString::from("-g0");
    for (from, to) in places {
        flags.push(" -ffile-prefix-map=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}
