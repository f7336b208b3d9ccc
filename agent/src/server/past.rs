//! What the history has, for a stream that begins in the past.

use std::sync::Arc;
use std::thread;

use bytes::{Bytes, BytesMut};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::filter::Filter;
use crate::history::{self, Handle, Line, Range, Reader};
use crate::output::feed::Subscription;
use crate::output::json::Event;
use crate::output::select::Selection;

/// Histories read at once.
const READERS: usize = 8;

/// Chunks read ahead of a client.
const AHEAD: usize = 4;
const CHUNK_BYTES: usize = 64 << 10;

/// Why there is nothing of the past.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("this daemon keeps no history")]
    Off,
    #[error(transparent)]
    History(#[from] history::Error),
    #[error("{READERS} others read the history just now: try again")]
    Busy,
    #[error("the history cannot be read: {0}")]
    Thread(String),
}

/// The daemon's history, if it keeps one.
#[derive(Clone, Debug)]
pub struct Past {
    history: Option<Handle>,
    readers: Arc<Semaphore>,
}

impl Past {
    /// Of this history.
    pub fn new(history: Option<Handle>) -> Self {
        Self {
            history,
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// Whether there is one.
    pub(super) const fn is_kept(&self) -> bool {
        self.history.is_some()
    }

    /// The lines of a range up to where `live` begins, in chunks of complete lines.
    pub(super) async fn read(
        &self,
        range: Range,
        select: Selection,
        filter: Option<Arc<Filter>>,
        live: Option<&Subscription>,
    ) -> Result<mpsc::Receiver<Bytes>, Error> {
        let history = self.history.as_ref().ok_or(Error::Off)?;
        let turn = Arc::clone(&self.readers).try_acquire_owned();
        let turn = turn.ok().ok_or(Error::Busy)?;
        // What was told before `live` is in the files then.
        history.flush().await;
        let (run, end) = (history.run(), live.map(Subscription::begins_after));
        let wanted = move |line: &Line| {
            let is_past = line.run != run || end.is_none_or(|end| line.seq <= end);
            is_past && select.takes_type(&line.kind) && passes(filter.as_deref(), &line.text)
        };
        let path = history.path().to_owned();
        let (lines, came) = mpsc::channel(AHEAD);
        let (begin, begun) = oneshot::channel();
        // Not one of the runtime's threads: those are waited for at the end.
        let thread = thread::Builder::new().name("finback-past".into());
        let spawned = thread.spawn(move || {
            let reader = history::read(&path, range, Box::new(wanted));
            match reader {
                // Either fails if the client has gone.
                Ok(reader) => {
                    drop(begin.send(Ok(())));
                    send(reader, &lines);
                }
                Err(error) => drop(begin.send(Err(error))),
            }
            drop(turn);
        });
        spawned.map_err(|error| Error::Thread(error.to_string()))?;
        let begun = begun.await;
        begun.map_err(|error| Error::Thread(error.to_string()))??;
        Ok(came)
    }
}

fn send(reader: Reader, to: &mpsc::Sender<Bytes>) {
    let mut chunk = BytesMut::new();
    for item in reader {
        match item {
            Ok(line) => chunk.extend_from_slice(&line.text),
            Err(damage) => tracing::warn!("the history is damaged: {damage}"),
        }
        if chunk.len() >= CHUNK_BYTES && to.blocking_send(chunk.split().freeze()).is_err() {
            return;
        }
    }
    if !chunk.is_empty() {
        // Fails if the client has gone.
        drop(to.blocking_send(chunk.freeze()));
    }
}

/// A line that this version does not understand passes no filter.
fn passes(filter: Option<&Filter>, line: &[u8]) -> bool {
    let Some(filter) = filter else {
        return true;
    };
    serde_json::from_slice::<Event<'_>>(line).is_ok_and(|event| filter.passes(&event))
}
