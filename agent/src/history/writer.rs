//! What becomes of lines: they are packed, written, or counted as dropped.

use std::time::Duration;

use tokio::time::Instant;

use super::batch::Batch;
use super::folder::Error;
use super::line::Head;
use super::statistics::Statistics;
use super::store::Store;
use super::{Bounds, Place};
use crate::frame::{About, Packer};
use crate::output::clock::Time;
use crate::output::json::{self, Body, Event, Lost};

/// Reason of the `lost` line where the disk is too slow.
pub const SLOW: &str = "history_slow";

/// Reason of the `lost` line about what could not be written.
pub(super) const FAILED: &str = "history_failed";

/// After a failure it is tried again so much later.
const RETRY: Duration = Duration::from_secs(10);
const BETWEEN_COMPLAINTS: Duration = Duration::from_mins(1);

/// Packs and writes. Never fails for good: what cannot be written is dropped and counted.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    place: Place,
    run: Time,
    statistics: &'a Statistics,
    packer: Packer,
    batch: Batch,
    store: Option<Store>,
    not_before: Instant,
    complained: Option<Instant>,
    /// Lines that could not be written since this moment, and that no line tells yet.
    missing: Option<(Time, u64)>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        place: &Place,
        run: Time,
        statistics: &'a Statistics,
    ) -> std::io::Result<Self> {
        Ok(Self {
            place: place.clone(),
            run,
            statistics,
            packer: Packer::new()?,
            batch: Batch::default(),
            store: None,
            not_before: Instant::now(),
            complained: None,
            missing: None,
        })
    }

    /// Opens the history if it is not. An error that will not pass is given back.
    pub(super) fn open(&mut self) -> Result<(), Error> {
        if self.store.is_some() || Instant::now() < self.not_before {
            return Ok(());
        }
        match Store::open(&self.place) {
            Ok((store, repaired)) => {
                if repaired > 0 {
                    tracing::warn!(
                        bytes = repaired,
                        "the history ended in the middle of a frame, which was cut off"
                    );
                    Statistics::add(&self.statistics.repaired, repaired);
                }
                self.store = Some(store);
                self.show();
                Ok(())
            }
            Err(error) if error.may_pass() => {
                self.failed(&error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Takes complete lines.
    pub(super) fn take(&mut self, lines: &[u8]) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let Some(head) = Head::of(line) else {
                continue;
            };
            if head.kind == "lost" {
                self.count_slow(line);
            }
            self.batch.add(line, &head);
            if self.batch.is_full() {
                self.flush();
            }
        }
    }

    /// The feed says of this reader that it was too slow.
    fn count_slow(&self, line: &[u8]) {
        let event = serde_json::from_slice::<Event<'_>>(line);
        if let Ok(Body::Lost { lost }) = event.map(|event| event.body)
            && lost.reason == SLOW
        {
            Statistics::add(&self.statistics.dropped, lost.records);
        }
    }

    /// Whether lines wait to be written.
    pub(super) const fn has_lines(&self) -> bool {
        !self.batch.is_empty()
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        // One that was opened once is refused only for a while: somebody moves things.
        if let Err(error) = self.open() {
            self.failed(&error);
        }
        if self.store.is_some() {
            self.tell_missing();
        }
        let (lines, about) = self.batch.contents(self.run);
        let packed = self.packer.pack(lines, about);
        let count = self.batch.count();
        if self.write(packed, about) {
            Statistics::add(&self.statistics.written, count);
        } else {
            Statistics::add(&self.statistics.dropped, count);
            let (_, missing) = self.missing.get_or_insert((Time::now(), 0));
            *missing += count;
        }
        self.batch.clear();
        self.show();
    }

    /// A line in place of those that could not be written.
    fn tell_missing(&mut self) {
        let Some((since, records)) = self.missing else {
            return;
        };
        let time = Time::now();
        let lost = Event {
            schema: json::SCHEMA,
            seq: 0,
            time,
            body: Body::Lost {
                lost: Lost {
                    records,
                    reason: FAILED.into(),
                    since,
                },
            },
        };
        let mut line = Vec::new();
        let about = About {
            entries: 1,
            earliest: time.as_unix_nanos(),
            latest: time.as_unix_nanos(),
            run: self.run.as_unix_nanos(),
        };
        // Writing to memory does not fail.
        let packed =
            json::write_line(&lost, &mut line).and_then(|()| self.packer.pack(&line, about));
        if self.write(packed, about) {
            self.missing = None;
        }
    }

    fn write(&mut self, packed: std::io::Result<Vec<u8>>, about: About) -> bool {
        let (Some(store), Ok(frame)) = (&mut self.store, packed) else {
            return false;
        };
        match store.append(&frame, about, Time::now().as_unix_nanos()) {
            Ok(()) => true,
            Err(error) => {
                self.failed(&error);
                false
            }
        }
    }

    /// Says it once in a while, and begins anew later.
    fn failed(&mut self, error: &Error) {
        let now = Instant::now();
        self.store = None;
        self.not_before = now + RETRY;
        self.statistics.set_error(Some(error.to_string()));
        let silent = self
            .complained
            .is_none_or(|last| now.duration_since(last) >= BETWEEN_COMPLAINTS);
        if silent {
            self.complained = Some(now);
            tracing::warn!(%error, "no history is kept until that is over; lines are dropped");
        }
    }

    /// Other bounds.
    pub(super) fn bound(&mut self, bounds: Bounds) {
        (self.place.max_bytes, self.place.max_age) = (bounds.max_bytes, bounds.max_age);
        if let Some(store) = &mut self.store {
            store.bound(&self.place);
        }
        self.trim();
    }

    /// Lets go what is too old.
    pub(super) fn trim(&mut self) {
        if let Some(store) = &mut self.store {
            store.trim(0, Time::now().as_unix_nanos());
        }
        self.show();
    }

    fn show(&self) {
        let Some(store) = &self.store else {
            return;
        };
        self.statistics.set_error(None);
        Statistics::set(&self.statistics.bytes, store.bytes());
        Statistics::set(&self.statistics.segments, store.segments());
        Statistics::set(&self.statistics.oldest, store.oldest());
    }
}
