//! What others know of an event's processes.

use super::socket::Executable;
use crate::process::stack::model::Stack;
use crate::process::{Description, Descriptions};
use finback_core::model::socket;

/// What is known of an event beyond what the engine says.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// What `/proc` knows of processes, where somebody has asked it.
    pub processes: Option<&'a Descriptions>,
    /// Stacks of a finding.
    pub stacks: &'a [Stack],
    /// Where most connections of an incident were opened, with how many.
    pub opened_at: &'a [(u32, Stack)],
}

impl<'a> About<'a> {
    /// What `/proc` knows of a process.
    pub(super) fn of(&self, process: &socket::Process) -> Option<&'a Description> {
        self.processes?.known(process.id)
    }

    /// What a process executes: the file's name, else what the kernel calls it.
    pub(super) fn executable(&self, process: &'a socket::Process) -> Executable<'a> {
        let file = self.of(process).and_then(Description::file_name);
        Executable {
            name: file.unwrap_or(&process.comm).into(),
            path: None,
        }
    }
}
