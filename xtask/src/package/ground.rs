//! What all packages share: version, the time of the sources, folders.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result};

use crate::{process, workspace};

/// Where packages come from and go to.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    /// The checkout.
    pub(super) root: PathBuf,
    /// For tools, builds and what is in the making.
    pub(super) work: PathBuf,
    /// For what is done.
    pub(super) dist: PathBuf,
    pub(super) version: &'static str,
    /// Of the packaging, counted from 1 for each version.
    pub(super) revision: u32,
    /// Seconds since 1970 of the last commit, or what `SOURCE_DATE_EPOCH` says: no file in a package is newer.
    pub(super) epoch: u64,
}

impl Ground {
    /// The ground of this checkout.
    ///
    /// # Errors
    /// Nobody tells how old the sources are.
    pub(super) fn new(revision: u32) -> Result<Self> {
        let root = workspace::root();
        let work = workspace::target_dir().join("package");
        Ok(Self {
            epoch: epoch(&root)?,
            dist: work.join("dist"),
            work,
            root,
            version: env!("CARGO_PKG_VERSION"),
            revision,
        })
    }

    /// The sources of packaging.
    pub(super) fn sources(&self) -> PathBuf {
        self.root.join("agent/package")
    }

    /// An empty folder for something in the making.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn empty(&self, name: &str) -> Result<PathBuf> {
        let folder = self.work.join("making").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// A program that knows how old the sources are, and speaks English.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("SOURCE_DATE_EPOCH", self.epoch.to_string())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC");
        command
    }

    /// The time of the sources, in the form that date(1) is told.
    ///
    /// # Errors
    /// There is no date(1).
    pub(super) fn date(&self, form: &str) -> Result<String> {
        let mut date = self.command("date");
        date.args(["-u", "-d", &format!("@{}", self.epoch), form]);
        Ok(process::output(&mut date)?.trim().to_owned())
    }
}

fn epoch(root: &Path) -> Result<u64> {
    let said = if let Ok(said) = env::var("SOURCE_DATE_EPOCH") {
        said
    } else {
        let mut git = Command::new("git");
        git.current_dir(root)
            .args(["-c", "safe.directory=*", "log", "-1", "--format=%ct"]);
        process::output(&mut git)
            .context("neither git nor SOURCE_DATE_EPOCH tells how old the sources are")?
    };
    said.trim()
        .parse()
        .with_context(|| format!("not a number of seconds: {said}"))
}

/// What stands for a folder in what rustc writes.
pub(super) fn remap(from: &Path, to: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    flag
}

/// Writes a file and the folders above it; its mode whatever the mask is.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(path: &Path, mode: u32, data: &[u8]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = path.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(path, data).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

/// Reads a file.
///
/// # Errors
/// It is not there; the error names it.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
