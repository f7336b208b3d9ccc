//! What became of each finding and incident.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::output::json::{Event, Thing};

/// The last line about each, of lines in the order in which they were told.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    lines: BTreeMap<Thing, Bytes>,
    bytes: usize,
}

impl Latest {
    /// Takes a line; one about nothing of this kind, or that this version does not understand, is passed over.
    pub fn add(&mut self, line: &[u8]) {
        let event = serde_json::from_slice::<Event<'_>>(line).ok();
        if let Some((thing, _)) = event.as_ref().and_then(Thing::of) {
            // A copy: the line may be a small part of much that was read at once.
            let before = self.lines.insert(thing, Bytes::copy_from_slice(line));
            self.bytes += line.len();
            self.bytes -= before.map_or(0, |before| before.len());
        }
    }

    /// Findings, then incidents, each in the order of their ids.
    pub fn lines(&self) -> impl Iterator<Item = &Bytes> {
        self.lines.values()
    }

    /// Bytes of all lines.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}
