//! What is known of a process beside the connection that is judged: it fits the hint to the case.

use rustc_hash::FxHashMap;

use super::look::Look;
use crate::model::look::SocketView;
use crate::model::process::{Descriptors, ProcessView};
use crate::model::socket::ProcessId;
use crate::verdict::wording::{Around, Listening};

/// Percent of its descriptors: who uses so many has none left whenever there is much to do.
const USED_UP: u64 = 95;

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

    fn used_up(&self, process: ProcessId) -> Option<Descriptors> {
        let counted = self.by_process.get(&process).copied();
        counted.filter(|used| used.open * 100 >= used.limit * USED_UP)
    }
}

/// Of a connection whose finding names this process.
pub(super) fn around(view: &SocketView, look: &Look<'_>, named: Option<ProcessId>) -> Around {
    let queued = view.queued.as_ref();
    Around {
        listening: queued.map_or(Listening::default(), |queued| {
            look.acceptors.listening(queued.listener, &queued.listeners)
        }),
        used_up: named
            .filter(|_| queued.is_some())
            .and_then(|process| look.counted.used_up(process)),
        asks: look.relays.asks(view),
    }
}
