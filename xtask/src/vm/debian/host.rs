//! What a machine must have by itself to run guests.

use std::path::Path;

use anyhow::Result;

use crate::apt::Package;

use super::apt;

/// Makes sure that signatures of Debian's packages can be checked. All else is fetched and run in place.
///
/// # Errors
/// As [`crate::apt::ensure`].
pub(crate) fn ensure() -> Result<()> {
    if Path::new(apt::KEYRING).exists() {
        return Ok(());
    }
    crate::apt::ensure(&[Package::new(
        "debian-archive-keyring",
        "checks the signatures of the guests' packages",
    )])
}
