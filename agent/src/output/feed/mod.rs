//! The feed: each event is encoded once, however many read it.
//!
//! Lines are collected into chunks, a chunk per batch of the ring, and a chunk goes through a bounded broadcast
//! channel. Whoever reads too slowly loses whole chunks; the numbers of the lines tell how many events that
//! were, and a `lost` line says so in their place.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};

use super::clock::{Time, WallClock};
use super::json::{self, About, Body, Event, Hello, Lost};
use super::text;
use finback_core::model::event as core;

/// Chunks that wait for the slowest reader: times [`CHUNK_BYTES`], the memory a stuck one costs (8 MiB).
const CHUNKS: usize = 512;

/// A chunk is sent when it has reached this size, or when its batch ends.
const CHUNK_BYTES: usize = 16 * 1024;

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
struct Chunk {
    /// Number of the first event.
    first: u64,
    /// Number of the last.
    last: u64,
    /// When it was sent.
    time: Time,
    lines: Bytes,
}

/// One encoding of the stream and those who read it.
#[derive(Debug)]
struct Channel {
    format: Format,
    sender: broadcast::Sender<Chunk>,
    /// Reused for every chunk; a chunk is a copy of just its size.
    buffer: Vec<u8>,
    first: u64,
}

impl Channel {
    fn new(format: Format) -> Self {
        Self {
            format,
            sender: broadcast::Sender::new(CHUNKS),
            buffer: Vec::new(),
            first: 0,
        }
    }

    fn push(&mut self, event: &Event<'_>) {
        if self.buffer.is_empty() {
            self.first = event.seq;
        }
        write(event, self.format, &mut self.buffer);
    }

    fn send(&mut self, last: u64) {
        if self.buffer.is_empty() {
            return;
        }
        let chunk = Chunk {
            first: self.first,
            last,
            time: Time::now(),
            lines: Bytes::copy_from_slice(&self.buffer),
        };
        self.buffer.clear();
        // Fails if the last reader has just left.
        drop(self.sender.send(chunk));
    }
}

fn write(event: &Event<'_>, format: Format, buffer: &mut Vec<u8>) {
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

/// Numbers, encodes and sends the events.
#[derive(Debug)]
pub struct Feed {
    channels: Vec<Channel>,
    handle: Handle,
    seq: u64,
}

impl Feed {
    /// A feed that greets its subscribers with `hello` and speaks these formats.
    pub fn new(hello: Hello<'static>, formats: &[Format]) -> Self {
        let channels: Vec<_> = formats.iter().map(|format| Channel::new(*format)).collect();
        let senders = channels
            .iter()
            .map(|channel| (channel.format, channel.sender.downgrade()))
            .collect();
        let shared = Shared {
            hello,
            senders,
            sent: Mutex::new(0),
        };
        Self {
            channels,
            handle: Handle(Arc::new(shared)),
            seq: 0,
        }
    }

    /// For those who want to subscribe.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.handle.0))
    }

    /// Numbers an event and encodes it for whoever listens. Returns its number.
    pub fn publish(&mut self, event: &core::Event, clock: WallClock, about: About<'_>) -> u64 {
        self.seq += 1;
        if self
            .channels
            .iter()
            .any(|channel| channel.sender.receiver_count() > 0)
        {
            let wire = json::event(event, self.seq, clock, about);
            self.push(&wire);
        }
        self.seq
    }

    fn push(&mut self, wire: &Event<'_>) {
        for channel in &mut self.channels {
            if channel.sender.receiver_count() > 0 {
                channel.push(wire);
            }
        }
        if self
            .channels
            .iter()
            .any(|channel| channel.buffer.len() >= CHUNK_BYTES)
        {
            self.flush();
        }
    }

    /// Sends what was encoded. To be called at the end of a batch.
    pub fn flush(&mut self) {
        let mut sent = self
            .handle
            .0
            .sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for channel in &mut self.channels {
            channel.send(self.seq);
        }
        *sent = self.seq;
    }
}

/// Opens subscriptions, from any thread, for as long as the feed lives.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Shared>);

struct Shared {
    hello: Hello<'static>,
    senders: Vec<(Format, broadcast::WeakSender<Chunk>)>,
    /// Number of the last event sent; locked while chunks are sent, so that a subscription begins between two.
    sent: Mutex<u64>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("hello", &self.hello)
            .finish_non_exhaustive()
    }
}

impl Handle {
    /// A new reader. `slow` is the reason of the `lost` line it gets for what it does not read in time.
    /// `None` if the feed has ended or does not speak this format.
    pub fn subscribe(&self, format: Format, slow: &'static str) -> Option<Subscription> {
        let (_, sender) = self
            .0
            .senders
            .iter()
            .find(|(spoken, _)| *spoken == format)?;
        let sender = sender.upgrade()?;
        let sent = self.0.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = sender.subscribe();
        let seen = *sent;
        drop(sent);
        let time = Time::now();
        let hello = Event {
            schema: json::SCHEMA,
            seq: seen,
            time,
            body: Body::Hello {
                hello: Hello {
                    next_seq: seen + 1,
                    ..self.0.hello.clone()
                },
            },
        };
        let mut greeting = Vec::new();
        write(&hello, format, &mut greeting);
        Some(Subscription {
            format,
            slow,
            receiver,
            greeting: Some(greeting.into()),
            seen,
            seen_at: time,
        })
    }

    /// Number of the last event sent.
    pub fn sent(&self) -> u64 {
        *self.0.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many read the stream now.
    pub fn subscribers(&self) -> usize {
        self.0
            .senders
            .iter()
            .filter_map(|(_, sender)| sender.upgrade())
            .map(|sender| sender.receiver_count())
            .sum()
    }

    /// What subscribers are greeted with.
    pub fn hello(&self) -> &Hello<'static> {
        &self.0.hello
    }
}

/// One reader's end: `hello`, then chunks of lines.
#[derive(Debug)]
pub struct Subscription {
    format: Format,
    slow: &'static str,
    receiver: broadcast::Receiver<Chunk>,
    greeting: Option<Bytes>,
    seen: u64,
    seen_at: Time,
}

impl Subscription {
    /// The next lines; `None` when the feed has ended and everything was read.
    pub async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            match self.receiver.recv().await {
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
            match self.receiver.blocking_recv() {
                Ok(chunk) => return Some(self.take(chunk)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The next lines if there are any now.
    pub fn try_next(&mut self) -> Option<Bytes> {
        loop {
            match self.receiver.try_recv() {
                Ok(chunk) => return Some(self.take(chunk)),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    /// Puts a `lost` line in front of a chunk that does not follow the one before.
    fn take(&mut self, chunk: Chunk) -> Bytes {
        let missing = chunk.first.saturating_sub(self.seen + 1);
        let since = self.seen_at;
        self.seen = chunk.last;
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

#[cfg(test)]
mod tests;
