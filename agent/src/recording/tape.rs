//! The side of a recording that the daemon sees: it takes what comes, and never makes the daemon wait.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::entry::{Beginning, Ending, Entry, Header};
use super::progress::Progress;
use super::wanted::Wanted;
use super::write::{Batch, Writer};
use crate::frame::FULL;
use crate::output::clock::WallClock;
use crate::process::Description;
use finback_core::input::Input;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// Frames that wait to be written, at most.
const WAITING: usize = 64;

/// What is known is written at the latest after this time, so that little is missing if the daemon is killed.
const AGE: Duration = Duration::from_secs(1);

/// Takes what goes into the engine.
#[derive(Debug)]
pub struct Tape {
    /// Nothing once the recording has ended.
    frames: Option<SyncSender<Batch>>,
    writer: JoinHandle<()>,
    progress: Arc<Progress>,
    batch: Batch,
    /// Something has come since the last turn.
    is_moved: bool,
    sent: Instant,
}

impl Tape {
    /// Begins to write, in a thread of its own.
    pub fn begin(wanted: &Wanted, beginning: &Beginning) -> io::Result<Self> {
        let first = postcard::to_allocvec(&(Header::own(), beginning)).map_err(io::Error::other)?;
        let writer = Writer::new(wanted)?;
        let (frames, waiting) = sync_channel(WAITING);
        let thread = std::thread::Builder::new().name("recording".to_owned());
        Ok(Self {
            frames: Some(frames),
            writer: thread.spawn(move || writer.run(first, &waiting))?,
            progress: Arc::clone(&wanted.progress),
            batch: Batch::default(),
            is_moved: false,
            sent: Instant::now(),
        })
    }

    /// The engine is given this.
    pub fn input(&mut self, input: &Input, now: Timestamp) {
        self.batch.covers = match self.batch.covers {
            Some((first, _)) => Some((first, now)),
            None => Some((now, now)),
        };
        self.put(&Entry::Input { now, input });
    }

    /// A finding or an incident is told, with what is known of its processes.
    pub fn told(&mut self, known: Vec<(ProcessId, Option<Description>)>) {
        self.put(&Entry::Told(known));
    }

    /// The wall clock was set.
    pub fn clock(&mut self, clock: WallClock) {
        self.put(&Entry::Clock(clock.boot()));
    }

    /// All that the engine has said was told. Frames hold whole turns.
    pub fn turn(&mut self) {
        if std::mem::take(&mut self.is_moved) {
            self.put(&Entry::Turn);
            self.is_moved = false;
        }
        let is_due = self.batch.bytes.len() >= FULL || self.sent.elapsed() >= AGE;
        if is_due && !self.batch.bytes.is_empty() {
            self.send();
        }
    }

    /// Waits until all is written.
    pub fn end(mut self) {
        self.turn();
        self.send();
        self.frames = None;
        if self.writer.join().is_err() {
            drop(self.progress.end(Err("it could not be written".to_owned())));
        }
    }

    fn put(&mut self, entry: &Entry<&Input>) {
        if self.frames.is_none() {
            return;
        }
        self.is_moved = true;
        let bytes = std::mem::take(&mut self.batch.bytes);
        match postcard::to_extend(entry, bytes) {
            Ok(bytes) => {
                self.batch.bytes = bytes;
                self.batch.entries += 1;
            }
            Err(error) => self.stop(Err(error.to_string())),
        }
    }

    /// What has come goes to be written.
    pub(super) fn send(&mut self) {
        self.sent = Instant::now();
        let batch = std::mem::take(&mut self.batch);
        let Some(frames) = &self.frames else {
            return;
        };
        // Whoever does not wait has ended the recording already.
        if !batch.bytes.is_empty() && frames.try_send(batch).is_err() {
            self.stop(Ok(Ending::Slow));
        }
    }

    /// A recording with holes would tell what has not been.
    fn stop(&mut self, how: Result<Ending, String>) {
        drop(self.progress.end(how));
        self.frames = None;
    }
}
