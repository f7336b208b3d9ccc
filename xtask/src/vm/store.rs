//! What has been fetched: one folder per kernel and one for the guest's user land, each
//! complete or absent. Guests can therefore be booted without a network later.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::process;

use super::{
    apt::PrivateApt,
    mirror::Mirrors,
    output,
    series::{Series, kernel_of_package},
};

/// Start of the names of folders that are not complete.
const PARTIAL: &str = "partial-";

/// A kernel on the host's disk.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    /// `uname -r` of the guest.
    pub(super) version: String,
    dir: PathBuf,
}

impl Kernel {
    pub(super) fn image(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    pub(super) fn modules(&self) -> PathBuf {
        self.dir.join("lib/modules").join(&self.version)
    }
}

/// The cache folder and, unless offline, the way to fill it.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    /// Or why there is none.
    apt: Result<PrivateApt, String>,
    /// Held while the store is in use for fetching: two runs do not fetch at the same time.
    _lock: fs::File,
}

impl Store {
    /// Waits until no other run is fetching. Without a way to reach a mirror the store gives what is
    /// cached, with a warning.
    pub(super) fn open(
        dir: &Path,
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
                .and_then(|mirrors| PrivateApt::open(&dir.join("apt"), &mirrors))
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

    /// The newest kernel of the series: fetched if possible, else the newest that is cached.
    pub(super) fn kernel(&self, series: Series) -> Result<Kernel> {
        let failure = match self.fetched(series) {
            Ok(kernel) => return Ok(kernel),
            Err(error) => error,
        };
        let cached = fs::read_dir(&self.dir)?
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let Some(version) = series.newest_cached(cached) else {
            return Err(failure.context(format!("no kernel of series {series} is cached")));
        };
        if self.apt.is_ok() {
            output::note(&format!(
                "warning: {series} stays at {version}: {failure:#}"
            ));
        }
        Ok(self.cached(&version))
    }

    /// The folder `name`, built by `build` in a folder of its own if it is not there yet.
    pub(super) fn folder(
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

    fn apt(&self) -> Result<&PrivateApt> {
        self.apt
            .as_ref()
            .map_err(|error| anyhow!("cannot fetch packages: {error}"))
    }

    fn cached(&self, version: &str) -> Kernel {
        Kernel {
            version: version.to_owned(),
            dir: self.dir.join(version),
        }
    }

    fn fetched(&self, series: Series) -> Result<Kernel> {
        let names = self.apt()?.names("linux-image-")?;
        let newest = series.newest(names.iter().map(String::as_str));
        let package =
            newest.with_context(|| format!("the mirror has no kernel of series {series}"))?;
        let version = kernel_of_package(package).context("a kernel package without version")?;
        self.folder(version, |apt, into| fetch(apt, package, version, into))?;
        Ok(self.cached(version))
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

/// Image and modules of one kernel. Up to 6.18 one package holds both; later ones only name
/// the packages that do.
fn fetch(apt: &PrivateApt, package: &str, version: &str, into: &Path) -> Result<()> {
    let parts =
        ["linux-binary-", "linux-modules-", "linux-base-"].map(|part| format!("{part}{version}"));
    let depends = apt.depends(package)?;
    let split = depends.iter().filter(|name| parts.contains(name));
    let packages: Vec<&str> = split.map(String::as_str).chain([package]).collect();
    let work = tempfile::tempdir_in(into)?;
    let root = work.path();
    apt.unpack(&packages, root)?;

    let old = root.join("boot").join(format!("vmlinuz-{version}"));
    let new = root.join("usr/lib/modules").join(version);
    let image = if old.exists() {
        old
    } else {
        new.join("vmlinuz")
    };
    fs::rename(&image, into.join("vmlinuz")).context("the packages hold no kernel image")?;
    let old = root.join("lib/modules").join(version);
    let tree = if old.exists() { old } else { new };
    ensure!(tree.is_dir(), "the packages hold no modules");
    fs::create_dir_all(into.join("lib/modules"))?;
    fs::rename(tree, into.join("lib/modules").join(version))?;
    // Debian makes the dependency table when the package is configured, which it is not here.
    let depmod = process::find("depmod").context("no depmod")?;
    process::output(Command::new(depmod).arg("-b").arg(into).arg(version))?;
    Ok(())
}
