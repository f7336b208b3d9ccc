//! What a machine needs to run guests.

use std::path::Path;

use anyhow::Result;

use crate::{apt::Package, process};

use super::apt;

/// What the host needs for guests: a program or file, its Debian package, and what for.
const NEEDS: [(&str, &str, &str); 4] = [
    ("qemu-system-x86_64", "qemu-system-x86", "runs the guests"),
    (
        "depmod",
        "kmod",
        "finds out which kernel modules need which",
    ),
    (
        "xz",
        "xz-utils",
        "unpacks the modules of kernels from 6.12 on",
    ),
    (
        apt::KEYRING,
        "debian-archive-keyring",
        "checks the signatures of the guests' packages",
    ),
];

/// Installs what the host lacks for running guests.
///
/// # Errors
/// As [`crate::apt::ensure`].
pub(crate) fn ensure() -> Result<()> {
    let lacks =
        |need: &&(&str, _, _)| !Path::new(need.0).exists() && process::find(need.0).is_none();
    let missing: Vec<Package> = NEEDS
        .iter()
        .filter(lacks)
        .map(|(_, package, why)| Package::new(*package, *why))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        crate::apt::ensure(&missing)
    }
}
