//! What an earlier daemon has known, and what the next one is to know.

use std::path::{Path, PathBuf};

use finback_core::input::Input;
use finback_core::memory::{Memory, Note};
use finback_core::model::time::Timestamp;
use serde_json::{Value, json};

use super::work::Work;
use crate::kernel::{Kernel, boot_id};
use crate::memory::{self, Header, Journal};

/// What is known of the time before this daemon.
pub(super) struct Before {
    /// Since when everything that is watched all the time has been watched.
    pub(super) since: Timestamp,
    memory: Option<Memory>,
    journal: Journal,
    resumed: Value,
}

impl Before {
    /// Of the daemon that had this socket before.
    pub(super) fn find(socket: &Path, kernel: &Kernel) -> Self {
        let (path, boot_id) = (path(socket), boot_id());
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
            journal: Journal::begin(path, header, notes, found.refused),
            // Tables that go on tell of moments before this daemon, which nobody has lived through.
            memory: memory.or_else(|| kernel.pins().resumed.then(Memory::default)),
            resumed: resumed.into(),
        }
    }
}

fn path(socket: &Path) -> PathBuf {
    let mut name = socket.as_os_str().to_owned();
    name.push(".state");
    name.into()
}

/// What is kept, and what was found.
pub(super) struct Keeping {
    journal: Journal,
    resumed: Value,
}

impl Work {
    /// Goes on where an earlier daemon has ended. To be called before anything else is done.
    pub(super) fn go_on_from(&mut self, before: Before) {
        if let Some(memory) = before.memory {
            let now = self.kernel.now();
            self.engine.apply(&Input::Restore(Box::new(memory)), now);
        }
        self.engine.begin_notes();
        self.keeping = Some(Keeping {
            journal: before.journal,
            resumed: before.resumed,
        });
    }

    /// Writes down what is about to be told, has it told, and then writes down what is over: whoever is killed in between
    /// tells it again, under the same id.
    pub(super) fn write_down_and_tell(&mut self) {
        let Some(keeping) = &mut self.keeping else {
            self.feed.flush();
            return;
        };
        let is_over = |note: &Note| matches!(note, Note::Over(_) | Note::IncidentOver(_));
        let (over, open): (Vec<Note>, _) = self.engine.notes().into_iter().partition(is_over);
        keeping.journal.add(&open);
        self.feed.flush();
        keeping.journal.add(&over);
    }

    /// Once a second.
    pub(super) fn write_down_alive(&mut self) {
        let now = self.kernel.now();
        let Some(keeping) = &mut self.keeping else {
            return;
        };
        if keeping.journal.wants_all() {
            keeping.journal.anew(self.engine.all_notes(now).into_iter());
        } else {
            keeping.journal.add(&[self.engine.alive(now)]);
        }
    }

    /// Nothing more is told. There may be a next daemon, or not.
    pub(super) fn end_notes(&mut self, is_next: bool) {
        if is_next {
            self.write_down_alive();
        } else if let Some(keeping) = self.keeping.take() {
            keeping.journal.remove();
        }
    }
}

impl Keeping {
    /// For the status.
    pub(super) fn state(&self) -> Value {
        let mut state = json!(self.journal.state());
        state["resumed"] = self.resumed.clone();
        state
    }
}
