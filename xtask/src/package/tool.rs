//! Programs of other projects that make or check packages.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::ground::Ground;
use crate::install;

/// A program, pinned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    version: &'static str,
    why: &'static str,
}

/// Lists the libraries of a program in the program itself.
pub(super) const AUDITABLE: Tool = Tool {
    name: "cargo-auditable",
    version: "0.7.7",
    why: "writes into the program which libraries are in it",
};

/// Writes bills of materials.
pub(super) const CYCLONEDX: Tool = Tool {
    name: "cargo-cyclonedx",
    version: "0.5.9",
    why: "writes the bill of materials",
};

/// Checks dependencies.
pub(super) const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    why: "checks licences, sources, duplicates and advisories of the dependencies",
};

impl Tool {
    /// Builds it unless it is there, and tells where its folder is.
    ///
    /// # Errors
    /// It does not build.
    pub(super) fn ensure(self, ground: &Ground) -> Result<PathBuf> {
        let Self { name, version, why } = self;
        let prefix = ground.work.join("tools").join(format!("{name}-{version}"));
        let bin = prefix.join("bin");
        if bin.join(name).is_file() {
            return Ok(bin);
        }
        eprintln!("xtask: building {name} {version} (it {why})");
        fs::create_dir_all(&prefix).with_context(|| format!("cannot make {}", prefix.display()))?;
        let mut command = install::command(name, version, &prefix);
        command
            .args(["--config", "profile.release.opt-level=1"])
            .args(["--config", "profile.release.lto=false"])
            .args(["--config", "profile.release.codegen-units=16"]);
        install::run(name, &prefix, &mut command)?;
        Ok(bin)
    }
}
