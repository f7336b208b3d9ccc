//! Where the repository and its target directory are, and how to start cargo in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result};

/// The repository's root: the parent of this package.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The target directory that this very binary was built into: right for `CARGO_TARGET_DIR` and `build.target-dir` too,
/// because cargo marks it with a `CACHEDIR.TAG`.
pub(crate) fn target_dir() -> PathBuf {
    let exe = env::current_exe().unwrap_or_default();
    let marked = exe
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").is_file());
    marked.map_or_else(|| root().join("target"), Path::to_path_buf)
}

/// The cargo that runs this task, started in the repository, building into [`target_dir`].
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root())
        .env("CARGO_TARGET_DIR", target_dir());
    // What `cargo run` sets for this process would look like a changed environment to some build scripts.
    for (key, _value) in env::vars_os() {
        let outer = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
        ];
        if key
            .to_str()
            .is_some_and(|key| outer.iter().any(|prefix| key.starts_with(prefix)))
        {
            cargo.env_remove(key);
        }
    }
    cargo
}

/// Writes a file that another process may be reading: all of it or nothing.
pub(crate) fn write_atomically(path: &Path, text: &str) -> Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    let new = path.with_extension("new");
    fs::write(&new, text).with_context(|| format!("cannot write {}", new.display()))?;
    fs::rename(&new, path).with_context(|| format!("cannot replace {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_shows_that_it_compiles_this_program() {
        let config = fs::read_to_string(root().join(".cargo/config.toml")).expect("the alias");
        assert!(config.contains("xtask = \"run --package xtask --\""));
    }
}
