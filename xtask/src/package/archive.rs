//! Archives and sums by the system's own programs, the same from the same files: in order, owned by root, as old as the
//! sources.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::ground::{self, Ground};
use crate::process;

/// Packs what is in `folder` into an archive: `names`, in that order.
///
/// # Errors
/// tar(1) fails.
pub(super) fn tar(ground: &Ground, folder: &Path, names: &[&str], into: &Path) -> Result<()> {
    let mut tar = ground.command("tar");
    tar.args(["--create", "--format=ustar", "--sort=name"])
        .args(["--owner=0", "--group=0", "--numeric-owner"])
        .arg(format!("--mtime=@{}", ground.epoch))
        .arg("--directory")
        .arg(folder)
        .arg("--file")
        .arg(into)
        .args(names);
    process::run(&mut tar)
}

/// Compresses a file in place; the name gets `.gz`.
///
/// # Errors
/// gzip(1) fails.
pub(super) fn gzip(ground: &Ground, file: &Path) -> Result<()> {
    let mut gzip = ground.command("gzip");
    process::run(gzip.args(["--best", "--no-name", "--force"]).arg(file))
}

/// Writes a file compressed, at `path` with `.gz` after it.
///
/// # Errors
/// It cannot be written.
pub(super) fn write_gzip(ground: &Ground, path: &Path, data: &[u8]) -> Result<()> {
    ground::write(path, 0o644, data)?;
    gzip(ground, path)
}

/// The SHA-256 of a file, as hexadecimal digits.
///
/// # Errors
/// It cannot be read.
pub(super) fn sha256(file: &Path) -> Result<String> {
    let said = process::output(std::process::Command::new("sha256sum").arg("--").arg(file))?;
    let sum = said.split_whitespace().next();
    // A name with a backslash or a line feed is told with a backslash before the sum.
    let sum = sum.context("no sum")?.trim_start_matches('\\');
    Ok(sum.to_owned())
}
