//! What has been fetched: one folder per kernel, one for the guest's user land and one for the programs that
//! run guests, each complete or absent. Guests can therefore be booted without a network later.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow};

use crate::vm::output;

use super::{apt::PrivateApt, arch::Arch, mirror::Mirrors};

/// Start of the names of folders that are not complete.
const PARTIAL: &str = "partial-";

/// The cache folder and, unless offline, the way to fill it.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    /// Or why there is none.
    apt: Result<PrivateApt, String>,
    /// Held while the store is in use for fetching: two runs do not fetch at the same time.
    _lock: fs::File,
}

impl Store {
    /// Waits until no other run is fetching. Without a way to reach a mirror the store gives what is
    /// cached, with a warning.
    pub(crate) fn open(
        dir: &Path,
        arch: Arch,
        offline: bool,
        mirrors: impl FnOnce() -> Result<Mirrors>,
    ) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let lock = fs::File::create(dir.join("lock"))?;
        lock.lock().context("cannot lock the guest cache")?;
        remove_partial(dir)?;
        let apt = if offline {
            Err("fetching is switched off".to_owned())
        } else {
            mirrors()
                .and_then(|mirrors| PrivateApt::open(&dir.join("apt"), arch, &mirrors))
                .map_err(|error| format!("{error:#}"))
                .inspect_err(|error| {
                    output::note(&format!("warning: only cached packages: {error}"));
                })
        };
        let dir = dir.to_owned();
        Ok(Self {
            dir,
            apt,
            _lock: lock,
        })
    }

    /// Names of what has been fetched.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.dir)?.flatten();
        Ok(entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect())
    }

    /// Where the folder `name` is, or would be.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The folder `name`, built by `build` in a folder of its own if it is not there yet.
    pub(crate) fn folder(
        &self,
        name: &str,
        build: impl FnOnce(&PrivateApt, &Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let done = self.dir.join(name);
        if done.is_dir() {
            return Ok(done);
        }
        let apt = self
            .apt()
            .with_context(|| format!("{name} is not cached"))?;
        output::note(&format!("fetching {name}"));
        let work = tempfile::Builder::new()
            .prefix(PARTIAL)
            .tempdir_in(&self.dir)?;
        let folder = work.path().join("folder");
        fs::create_dir(&folder)?;
        build(apt, &folder).with_context(|| format!("cannot fetch {name}"))?;
        fs::rename(&folder, &done)?;
        Ok(done)
    }

    /// The way to fetch packages.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn apt(&self) -> Result<&PrivateApt> {
        self.apt
            .as_ref()
            .map_err(|error| anyhow!("cannot fetch packages: {error}"))
    }
}

/// What a run that was killed left behind. Only the holder of the lock may remove it.
fn remove_partial(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// A folder's name that changes with the recipe of its contents.
pub(crate) fn folder_name(what: &str, recipe: &str) -> String {
    format!("{what}-{:016x}", fnv1a(recipe))
}

/// Names a recipe; stable across builds of this program, unlike the standard hasher.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
