//! One encoding of the stream for everybody who wants the same.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::broadcast;

use super::super::clock::Time;
use super::super::json::{self, Event};
use super::super::select::Selection;
use super::super::text;
use crate::filter::Filter;

/// Chunks that wait for the slowest reader: times [`CHUNK_BYTES`], the memory a stuck one costs (8 MiB).
pub(super) const CHUNKS: usize = 512;

/// A chunk is sent when it has reached this size, or when its batch ends.
pub(super) const CHUNK_BYTES: usize = 16 * 1024;

/// How a subscriber wants its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// NDJSON.
    Json,
    /// For human eyes.
    Text(text::Style),
}

/// Some lines, complete ones.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// Lines of this channel that came before.
    pub(super) before: u64,
    /// How many lines there are.
    pub(super) count: u64,
    /// Number of the first event.
    pub(super) first: u64,
    /// When it was sent.
    pub(super) time: Time,
    pub(super) lines: Bytes,
}

/// What a channel carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tune {
    /// How lines look.
    pub format: Format,
    /// Which kinds.
    pub select: Selection,
    /// Of those only what this passes.
    pub filter: Option<Arc<Filter>>,
}

/// The writing end.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) tune: Tune,
    pub(super) sender: broadcast::Sender<Chunk>,
    /// Reused for every chunk; a chunk is a copy of just its size.
    buffer: Vec<u8>,
    /// Lines sent.
    sent: u64,
    /// Lines in the buffer.
    count: u64,
    /// Number of the first event in the buffer.
    first: u64,
}

impl Channel {
    pub(super) const fn new(tune: Tune, sender: broadcast::Sender<Chunk>, sent: u64) -> Self {
        Self {
            tune,
            sender,
            buffer: Vec::new(),
            sent,
            count: 0,
            first: 0,
        }
    }

    pub(super) fn is_heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    pub(super) const fn is_full(&self) -> bool {
        self.buffer.len() >= CHUNK_BYTES
    }

    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn push(&mut self, event: &Event<'_>) {
        let filter = self.tune.filter.as_ref();
        if filter.is_some_and(|filter| !filter.passes(event)) {
            return;
        }
        if self.buffer.is_empty() {
            self.first = event.seq;
        }
        write(event, self.tune.format, &mut self.buffer);
        self.count += 1;
    }

    pub(super) fn send(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let chunk = Chunk {
            before: self.sent,
            count: self.count,
            first: self.first,
            time: Time::now(),
            lines: Bytes::copy_from_slice(&self.buffer),
        };
        self.sent += self.count;
        self.count = 0;
        self.buffer.clear();
        // Fails if the last reader has just left.
        drop(self.sender.send(chunk));
    }
}

pub(super) fn write(event: &Event<'_>, format: Format, buffer: &mut Vec<u8>) {
    let whole = buffer.len();
    let written = match format {
        Format::Json => json::write_line(event, buffer).is_ok(),
        Format::Text(style) => {
            let mut text = String::new();
            let written = text::write(event, style, &mut text);
            buffer.extend_from_slice(text.as_bytes());
            written.is_ok()
        }
    };
    // Neither writer can fail on memory; half a line would still be worse than none.
    if !written {
        buffer.truncate(whole);
    }
}
