//! What an earlier daemon has known, and what the next one is to know.

use std::path::Path;

use finback_core::memory::Memory;
use finback_core::model::time::Timestamp;
use serde_json::{Value, json};

use crate::kernel::{Kernel, boot_id};
use crate::memory::{self, Header, Journal};

/// What is known of the time before this daemon.
pub(super) struct Before {
    /// Since when everything that is watched all the time has been watched.
    pub(super) since: Timestamp,
    pub(super) memory: Option<Memory>,
    pub(super) keeping: Keeping,
}

impl Before {
    /// Of the daemon that had this socket before.
    pub(super) fn find(socket: &Path, kernel: &Kernel) -> Self {
        let (path, boot_id) = (socket.with_added_extension("state"), boot_id());
        let found = memory::read(&path, &boot_id);
        if let Some(refused) = &found.refused {
            tracing::warn!("{refused}");
        }
        let now = kernel.now();
        let known = found.memory.as_ref();
        let since = known.map(|(header, _)| header.watching_since);
        let since = since.filter(|since| kernel.is_uninterrupted() && *since < now);
        let since = since.unwrap_or(now);
        let resumed = known.map(|(_, memory)| {
            let (findings, incidents) = memory.len();
            let gap = now.since(memory.alive()).as_nanos();
            json!({
                "findings": findings,
                "incidents": incidents,
                "gap_ns": u64::try_from(gap).unwrap_or(u64::MAX),
            })
        });
        let memory = found.memory.map(|(_, memory)| memory);
        let notes = memory.iter().flat_map(Memory::notes);
        let header = Header::own(&boot_id, since);
        Self {
            since,
            keeping: Keeping {
                journal: Journal::begin(path, header, notes, found.refused),
                resumed: resumed.into(),
            },
            // Tables that go on tell of moments before this daemon, which nobody has lived through.
            memory: memory.or_else(|| kernel.pins().resumed.then(Memory::default)),
        }
    }
}

/// What is kept, and what was found.
pub(super) struct Keeping {
    pub(super) journal: Journal,
    resumed: Value,
}

impl Keeping {
    /// For the status.
    pub(super) fn state(&self) -> Value {
        let mut state = json!(self.journal.state());
        state["resumed"] = self.resumed.clone();
        state
    }
}
