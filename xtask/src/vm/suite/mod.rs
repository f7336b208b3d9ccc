//! The project's own tests in guests.

pub(crate) mod corpus;
pub(crate) mod kind;
mod live;
pub(crate) mod matrix;

use std::path::Path;

use anyhow::Result;

use crate::vm::{
    debian::arch::Arch,
    image::initramfs::{GuestFile, Step},
};

use self::{kind::Suite, matrix::Cell};

/// Builds a suite; returns what must be copied into a guest.
///
/// # Errors
/// It does not build.
pub(crate) fn files(suite: Suite, arch: Arch, dir: &Path) -> Result<Vec<GuestFile>> {
    match suite {
        Suite::Live | Suite::Timers => live::files(arch, dir),
        Suite::Corpus => corpus::files(arch, dir),
    }
}

/// What a guest runs. `filter` chooses among the scenarios of the corpus.
pub(crate) fn steps(cell: &Cell, filter: Option<&str>) -> Vec<Step> {
    match cell.suite {
        Suite::Live => live::steps(cell),
        Suite::Corpus => corpus::steps(cell, filter),
        Suite::Timers => live::timers(cell),
    }
}
