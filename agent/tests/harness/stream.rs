//! The daemon's standard output, read as it comes and checked line by line.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::wire::{Event, Kind, Lost};

/// A daemon has announced that the kernel did not run a program.
pub(crate) static MISSED: AtomicBool = AtomicBool::new(false);

/// Everything read so far; grows while the daemon lives.
#[derive(Debug)]
pub(crate) struct Stream {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    inner: Mutex<Inner>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    events: Vec<Event>,
    faults: Vec<String>,
    newest: BTreeMap<String, String>,
    next_seq: u64,
    ended: bool,
}

impl Stream {
    /// Starts reading.
    pub(crate) fn new(output: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let writer = Arc::clone(&shared);
        // Two threads: understanding a line takes longer than writing it does, and the daemon must not wait for that.
        let (give, take) = mpsc::channel();
        thread::spawn(move || read_lines(output, &give));
        let reader = thread::spawn(move || writer.understand(&take));
        Self {
            shared,
            reader: Some(reader),
        }
    }

    /// Number of events so far: a place to look from later.
    pub(crate) fn len(&self) -> usize {
        self.shared.lock().events.len()
    }

    /// Copies of the events from `from` on that `wanted` takes.
    pub(crate) fn select(&self, from: usize, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        let inner = self.shared.lock();
        inner.events[from..]
            .iter()
            .filter(|event| wanted(event))
            .cloned()
            .collect()
    }

    /// How many of the events from `from` on `wanted` takes.
    pub(crate) fn count(&self, from: usize, wanted: impl Fn(&Event) -> bool) -> usize {
        let inner = self.shared.lock();
        inner.events[from..]
            .iter()
            .filter(|event| wanted(event))
            .count()
    }

    /// The first event from `from` on that `wanted` takes, now or within `patience`.
    pub(crate) fn wait_for(
        &self,
        from: usize,
        patience: Duration,
        wanted: impl Fn(&Event) -> bool,
    ) -> Option<Event> {
        let deadline = Instant::now() + patience;
        let mut seen = from;
        let mut inner = self.shared.lock();
        loop {
            if let Some(event) = inner.events[seen..].iter().find(|event| wanted(event)) {
                return Some(event.clone());
            }
            seen = inner.events.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if inner.ended || left.is_zero() {
                return None;
            }
            inner = self.shared.wait(inner, left);
        }
    }

    /// Fails if a line was not as promised: unreadable, out of sequence, or against the order of time.
    pub(crate) fn check(&self) -> Result<()> {
        let inner = self.shared.lock();
        if let Some(first) = inner.faults.first() {
            bail!(
                "{} faults in the stream; the first: {first}",
                inner.faults.len()
            );
        }
        Ok(())
    }

    /// Waits for the end of the daemon's output; it has ended, so this is soon.
    pub(crate) fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            // The reader's panic would be a fault of this harness; the events it has are judged anyway.
            drop(reader.join());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, inner: MutexGuard<'a, Inner>, time: Duration) -> MutexGuard<'a, Inner> {
        let (inner, _) = self
            .grown
            .wait_timeout(inner, time)
            .unwrap_or_else(PoisonError::into_inner);
        inner
    }

    fn understand(&self, lines: &Receiver<String>) {
        for line in lines {
            self.lock().take(&line);
            self.grown.notify_all();
        }
        self.lock().ended = true;
        self.grown.notify_all();
    }
}

fn read_lines(output: impl Read, give: &Sender<String>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = String::new();
        let read = output.read_line(&mut line);
        if !read.is_ok_and(|bytes| bytes > 0) || give.send(line).is_err() {
            return;
        }
    }
}

impl Inner {
    fn take(&mut self, line: &str) {
        if !line.ends_with('\n') {
            self.faults
                .push(format!("the last line is not complete: {line}"));
            return;
        }
        match Event::read(line) {
            Ok(event) => self.add(event, line),
            Err(fault) => self.faults.push(format!("{fault}: {line}")),
        }
    }

    fn add(&mut self, event: Event, line: &str) {
        if self.events.is_empty() != (event.kind == Kind::Hello) {
            self.faults
                .push(format!("hello is the first line and only that: {line}"));
        }
        // A comparison without a loss says so too: changes came whose beginnings nobody was told of.
        if event.resync.is_some() || event.lost.as_ref().is_some_and(Lost::is_missed) {
            MISSED.store(true, Ordering::Relaxed);
        }
        self.check_sequence(&event, line);
        self.check_time(&event, line);
        self.events.push(event);
    }

    /// `hello` announces the next number; from there on there is no gap.
    fn check_sequence(&mut self, event: &Event, line: &str) {
        if let Some(hello) = &event.hello {
            self.next_seq = hello.next_seq;
            return;
        }
        if event.seq != self.next_seq {
            self.faults
                .push(format!("seq is not {}: {line}", self.next_seq));
        }
        self.next_seq = event.seq + 1;
    }

    /// The events of one socket are in the order of time.
    fn check_time(&mut self, event: &Event, line: &str) {
        let Some(socket) = event.socket_id() else {
            return;
        };
        let newest = self.newest.entry(socket).or_default();
        if event.time >= *newest {
            newest.clone_from(&event.time);
            return;
        }
        let id = event.socket_id();
        let story: Vec<_> = self
            .events
            .iter()
            .filter(|other| other.socket_id() == id)
            .collect();
        self.faults.push(format!(
            "earlier than what came before it: {line}{}",
            super::daemon::lines(story)
        ));
    }
}
