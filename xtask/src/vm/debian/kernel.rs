//! The kernels that guests boot.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use crate::process;

use crate::vm::output;

use super::{
    apt::PrivateApt,
    series::{Series, kernel_of_package},
    store::Store,
    tools::Tools,
};

/// Parts of a kernel that later packages only name. Their configuration (`linux-base-…`) is of no use here.
const PARTS: [&str; 2] = ["linux-binary-", "linux-modules-"];

/// A kernel on the host's disk.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    /// `uname -r` of the guest.
    pub(crate) version: String,
    dir: PathBuf,
}

impl Kernel {
    /// The newest kernel of the series: fetched if possible, else the newest that is cached.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn newest(store: &Store, tools: &Tools, series: Series) -> Result<Self> {
        let failure = match Self::fetched(store, tools, series) {
            Ok(kernel) => return Ok(kernel),
            Err(error) => error,
        };
        let Some(version) = series.newest_cached(store.names()?.into_iter()) else {
            return Err(failure.context(format!("no kernel of series {series} is cached")));
        };
        if store.apt().is_ok() {
            output::note(&format!(
                "warning: {series} stays at {version}: {failure:#}"
            ));
        }
        Ok(Self {
            dir: store.place(&version),
            version,
        })
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    pub(crate) fn modules(&self) -> PathBuf {
        self.dir.join("lib/modules").join(&self.version)
    }

    fn fetched(store: &Store, tools: &Tools, series: Series) -> Result<Self> {
        let names = store.apt()?.names("linux-image-")?;
        let newest = series.newest(names.iter().map(String::as_str));
        let package =
            newest.with_context(|| format!("the mirror has no kernel of series {series}"))?;
        let version = kernel_of_package(package).context("a kernel package without version")?;
        let dir = store.folder(version, |apt, into| {
            fetch(apt, tools, package, version, into)
        })?;
        Ok(Self {
            version: version.to_owned(),
            dir,
        })
    }
}

/// Image and modules of one kernel. Up to 6.18 one package holds both; later ones only name the packages that do.
fn fetch(apt: &PrivateApt, tools: &Tools, package: &str, version: &str, into: &Path) -> Result<()> {
    let parts = PARTS.map(|part| format!("{part}{version}"));
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
    process::output(tools.depmod()?.arg("-b").arg(into).arg(version))?;
    Ok(())
}
