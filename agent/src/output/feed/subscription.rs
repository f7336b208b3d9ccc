//! A reader's end.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};

use super::Shared;
use super::channel::{Chunk, Format, write};
use crate::output::clock::Time;
use crate::output::json::{self, Body, Event, Lost};

/// One reader's end: `hello`, then chunks of lines.
#[derive(Debug)]
pub struct Subscription {
    pub(super) format: Format,
    pub(super) slow: &'static str,
    pub(super) receiver: Option<broadcast::Receiver<Chunk>>,
    pub(super) greeting: Option<Bytes>,
    /// Number of the last event that was sent before.
    pub(super) after: u64,
    /// Lines of the channel that were seen or had been sent before.
    pub(super) seen: u64,
    pub(super) seen_at: Time,
    pub(super) shared: Arc<Shared>,
}

impl Subscription {
    /// Number of the last event before its first one.
    pub const fn begins_after(&self) -> u64 {
        self.after
    }

    /// The next lines; `None` when the feed has ended and everything was read.
    pub async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            match self.receiver.as_mut()?.recv().await {
                Ok(chunk) => return Some(self.take(chunk)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The same for a thread outside the runtime.
    pub fn blocking_next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            match self.receiver.as_mut()?.blocking_recv() {
                Ok(chunk) => return Some(self.take(chunk)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The next lines if there are any now.
    pub fn try_next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            match self.receiver.as_mut()?.try_recv() {
                Ok(chunk) => return Some(self.take(chunk)),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    /// Puts a `lost` line in front of a chunk that does not follow the one before.
    fn take(&mut self, chunk: Chunk) -> Bytes {
        let missing = chunk.before.saturating_sub(self.seen);
        let since = self.seen_at;
        self.seen = chunk.before + chunk.count;
        self.seen_at = chunk.time;
        if missing == 0 {
            return chunk.lines;
        }
        let lost = Event {
            schema: json::SCHEMA,
            seq: chunk.first - 1,
            time: chunk.time,
            body: Body::Lost {
                lost: Lost {
                    records: missing,
                    reason: self.slow.into(),
                    since,
                },
            },
        };
        let mut lines = Vec::new();
        write(&lost, self.format, &mut lines);
        lines.extend_from_slice(&chunk.lines);
        lines.into()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // First leave, then say so.
        self.receiver = None;
        self.shared.changed.notify_one();
    }
}
