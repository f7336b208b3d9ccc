//! Looks at the kernel's sockets without having watched them: no hook is attached, and nothing is remembered.

use aya::Ebpf;

use super::error::KernelError;
use super::load::options::Options;
use super::load::prerequisites::prerequisites;
use super::load::report::SnapshotReport;
use super::table::Tables;
use super::{Looker, load, looker};
use finback_core::model::look::Snapshot;

/// What is loaded for it; dropping it unloads everything.
#[derive(Debug)]
pub struct Glance {
    #[expect(dead_code, reason = "its maps and programs live as long as this")]
    object: Ebpf,
    looker: Looker,
    report: SnapshotReport,
}

impl Glance {
    /// Loads the program that walks all descriptors; where the kernel does not give it, looks go through `/proc`.
    pub fn load() -> Result<Self, KernelError> {
        prerequisites()?;
        let options = Options::for_looks();
        let (mut object, report) = load::load_look(&options)?;
        let tables = Tables::take(&object, options.opener_places)?;
        let looker = looker(&mut object, &report, None, tables, &options)?;
        Ok(Self {
            object,
            looker,
            report,
        })
    }

    /// How sockets are found.
    pub const fn report(&self) -> &SnapshotReport {
        &self.report
    }

    /// Every socket now; with `unheld` also those that no descriptor refers to.
    pub fn look(&mut self, unheld: bool) -> Result<Snapshot, KernelError> {
        self.looker.look(unheld)
    }
}
