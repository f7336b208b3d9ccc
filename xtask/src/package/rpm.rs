//! The package for Fedora, RHEL, SUSE and their kin.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::glibc;
use super::ground;
use super::tree::{self, Kind, Parts};
use crate::apt::{self, Package};
use crate::process;

/// Makes it, and tells where it is.
///
/// # Errors
/// Something is missing, or rpmbuild(8) refuses.
pub(super) fn make(parts: Parts<'_>, into: &Path) -> Result<PathBuf> {
    let ground = parts.ground;
    if process::find("rpmbuild").is_none() {
        apt::ensure(&[Package::new("rpm", "builds the .rpm")])?;
    }
    let top = ground.empty("rpm")?;
    let root = top.join("tree");
    parts.stage(Kind::Rpm, &root)?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let text = ground::read(&ground.root.join(licence))?;
        let place = root.join("usr/share/licenses/finback").join(licence);
        ground::write(&place, 0o644, &text)?;
    }
    let mut build = ground.command("rpmbuild");
    build.args(["-bb", "--quiet", "--target", "x86_64-linux"]);
    let tree = root.display().to_string();
    let top_dir = top.display().to_string();
    let revision = ground.revision.to_string();
    for (name, value) in [
        ("_topdir", top_dir.as_str()),
        ("_dbpath", &format!("{top_dir}/db")),
        ("tree", &tree),
        ("version_", ground.version),
        ("release_", &revision),
        ("glibc", &glibc::needed(parts.binary)?),
        ("_buildhost", "localhost"),
        ("use_source_date_epoch_as_buildtime", "1"),
        ("clamp_mtime_to_source_date_epoch", "1"),
        ("source_date_epoch_from_changelog", "0"),
    ] {
        build.arg("--define").arg(format!("{name} {value}"));
    }
    process::run(build.arg(ground.sources().join("rpm/finback.spec")))?;
    let made = top.join("RPMS/x86_64");
    let name = tree::names(&made)?.into_iter().next();
    let name = name.context("rpmbuild has made nothing")?;
    std::fs::create_dir_all(into)?;
    std::fs::copy(made.join(&name), into.join(&name))?;
    Ok(into.join(name))
}
