//! The descriptors of processes that are accused.

use rustc_hash::FxHashMap;

use crate::model::process::{Descriptors, ProcessView};
use crate::model::socket::ProcessId;

/// Percent of its descriptors: who uses so many has none left whenever there is much to do.
const USED_UP: u32 = 95;

/// The descriptors of accused processes, as they were counted last.
#[derive(Debug, Default)]
pub(super) struct Counted {
    by_process: FxHashMap<ProcessId, Descriptors>,
}

impl Counted {
    /// What was found of some processes.
    pub(super) fn learn(&mut self, found: &[ProcessView]) {
        for process in found {
            match process.descriptors.filter(|_| !process.ended) {
                Some(descriptors) => self.by_process.insert(process.id, descriptors),
                None => self.by_process.remove(&process.id),
            };
        }
    }

    /// How many they are, if they are nearly all that it may have.
    pub(super) fn used_up(&self, process: ProcessId) -> Option<Descriptors> {
        let counted = self.by_process.get(&process).copied();
        counted.filter(|used| used.reach(USED_UP))
    }
}
