//! The writing end: frames are appended, and the oldest segments go.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::time::{Duration, UNIX_EPOCH};

use zerocopy::IntoBytes as _;

use super::Place;
use super::folder::{Error, Folder};
use super::segment::{self, Begin, HEAD, Head};
use crate::frame::{self, About};

/// A segment is a part of the bound: with the oldest one so much of the history goes at once.
const PARTS: u32 = 16;
const SMALLEST: u64 = 64 << 10;
const LARGEST: u64 = 4 << 20;

/// A segment that is not written to any more.
#[derive(Debug)]
struct Closed {
    number: u64,
    bytes: u64,
    /// None of its lines is later.
    latest: u64,
}

/// The one that is.
#[derive(Debug)]
struct Current {
    file: File,
    number: u64,
    bytes: u64,
    /// When its first line was told; 0 while it has none.
    earliest: u64,
    latest: u64,
}

/// The folder with all segments. Of any error nothing remains: whoever gets one opens it again.
#[derive(Debug)]
pub(super) struct Store {
    place: Place,
    folder: Folder,
    closed: VecDeque<Closed>,
    current: Option<Current>,
    /// The oldest line is not older; 0 if unknown.
    oldest: u64,
    next: u64,
    _lock: File,
}

impl Store {
    /// Other bounds; the folder stays.
    pub(super) const fn bound(&mut self, place: &Place) {
        (self.place.max_bytes, self.place.max_age) = (place.max_bytes, place.max_age);
    }

    /// Opens or makes it. Gives also how many bytes of an unfinished frame were cut off.
    pub(super) fn open(place: &Place) -> Result<(Self, u64), Error> {
        let (folder, lock) = Folder::to_write(&place.path)?;
        let numbers = folder.segments()?;
        let mut store = Self {
            place: place.clone(),
            next: numbers.last().map_or(1, |last| last.saturating_add(1)),
            folder,
            closed: VecDeque::new(),
            current: None,
            oldest: 0,
            _lock: lock,
        };
        for number in &numbers {
            store.take(*number)?;
        }
        let repaired = match numbers.last() {
            Some(last) => store.repair(*last)?,
            None => 0,
        };
        store.oldest = store.find_oldest();
        Ok((store, repaired))
    }

    /// Notes a segment that is there. How late its lines are is in the head of the one after it; until that is known it
    /// is when it was last written to.
    fn take(&mut self, number: u64) -> Result<(), Error> {
        let file = self.folder.open(number)?;
        let found = self.checked(file.metadata())?;
        let (bytes, changed) = (found.size(), found.modified());
        let mut head = [0; HEAD];
        let read = self.checked((&file).take(HEAD as u64).read(&mut head))?;
        if let (Begin::Known(head), Some(before)) =
            (segment::begin(&head[..read]), self.closed.back_mut())
        {
            before.latest = head.before();
        }
        let changed = changed
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        self.closed.push_back(Closed {
            number,
            bytes,
            latest: changed.map_or(0, nanos),
        });
        Ok(())
    }

    /// Cuts off what follows the last whole frame, and goes on in the same segment.
    fn repair(&mut self, number: u64) -> Result<u64, Error> {
        let bytes = self.contents(number)?;
        let Begin::Known(head) = segment::begin(&bytes) else {
            return Ok(0);
        };
        let (mut end, mut earliest, mut latest) = (HEAD, 0, head.before());
        let mut at = HEAD;
        while let Some(found) = frame::next(&bytes, at) {
            at = match found {
                Ok(frame) => {
                    end = frame.end();
                    latest = latest.max(frame.about.latest);
                    if earliest == 0 {
                        earliest = frame.about.earliest;
                    }
                    end
                }
                Err(damage) => damage.offset + damage.bytes,
            };
        }
        let file = self.checked(self.folder.create(&segment::name(number)))?;
        self.checked(file.set_len(end as u64))?;
        self.closed.pop_back();
        self.current = Some(Current {
            file,
            number,
            bytes: end as u64,
            earliest,
            latest,
        });
        Ok((bytes.len() - end) as u64)
    }

    fn contents(&self, number: u64) -> Result<Vec<u8>, Error> {
        let file = self.folder.open(number)?;
        let mut bytes = Vec::new();
        self.checked(file.take(frame::MAX_BYTES as u64).read_to_end(&mut bytes))?;
        Ok(bytes)
    }

    fn checked<T>(&self, done: io::Result<T>) -> Result<T, Error> {
        done.map_err(|source| Error::Io {
            path: self.folder.path().to_owned(),
            what: "write",
            source,
        })
    }

    /// Appends a frame, after making room for it. `now`: nanoseconds since 1970.
    pub(super) fn append(&mut self, frame: &[u8], about: About, now: u64) -> Result<(), Error> {
        let room = frame.len() as u64 + HEAD as u64;
        self.trim(room, now);
        if self.bytes() + room > self.place.max_bytes {
            let full = "older parts cannot be removed to make room";
            return self.checked(Err(io::Error::other(full)));
        }
        if !self.goes_on(about) {
            self.close();
        }
        if self.current.is_none() {
            self.begin()?;
        }
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        let written = current.file.write_all_at(frame, current.bytes);
        if written.is_err() {
            // Half a frame is no use; if it cannot be cut off, the next start does it.
            drop(current.file.set_len(current.bytes));
        }
        if written.is_ok() {
            current.bytes += frame.len() as u64;
            current.latest = current.latest.max(about.latest);
            if current.earliest == 0 {
                current.earliest = about.earliest;
            }
            if self.oldest == 0 {
                self.oldest = about.earliest;
            }
        }
        self.checked(written)
    }

    /// Whether a frame belongs into the segment that is being written.
    fn goes_on(&self, about: About) -> bool {
        let Some(current) = &self.current else {
            return false;
        };
        let largest = (self.place.max_bytes / u64::from(PARTS)).clamp(SMALLEST, LARGEST);
        let longest = nanos(self.place.max_age) / u64::from(PARTS);
        let there = current.file.metadata().is_ok_and(|file| file.nlink() > 0);
        let young =
            current.earliest == 0 || about.latest.saturating_sub(current.earliest) < longest;
        there && current.bytes < largest && young
    }

    fn close(&mut self) {
        if let Some(current) = self.current.take() {
            self.closed.push_back(Closed {
                number: current.number,
                bytes: current.bytes,
                latest: current.latest,
            });
        }
    }

    fn begin(&mut self) -> Result<(), Error> {
        let before = self.closed.iter().map(|closed| closed.latest).max();
        let before = before.unwrap_or(0);
        let number = self.next;
        let file = self.checked(self.folder.create(&segment::name(number)))?;
        let written = file.write_all_at(Head::new(before).as_bytes(), 0);
        if written.is_err() {
            drop(self.folder.remove(number));
        }
        self.checked(written)?;
        self.next = number.saturating_add(1);
        self.current = Some(Current {
            file,
            number,
            bytes: HEAD as u64,
            earliest: 0,
            latest: before,
        });
        Ok(())
    }

    /// Removes the oldest segments until there is room for so many bytes, and what is too old.
    pub(super) fn trim(&mut self, room: u64, now: u64) {
        let too_old = now.saturating_sub(nanos(self.place.max_age));
        let idle = |current: &Current| current.earliest > 0 && current.latest < too_old;
        if self.current.as_ref().is_some_and(idle)
            || (self.bytes() + room > self.place.max_bytes && self.closed.is_empty())
        {
            self.close();
        }
        let mut gone = false;
        while let Some(first) = self.closed.front()
            && (first.latest < too_old || self.bytes() + room > self.place.max_bytes)
        {
            // One that somebody else has removed is gone as well.
            if let Err(error) = self.folder.remove(first.number)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, "an old part of the history cannot be removed");
                break;
            }
            self.closed.pop_front();
            gone = true;
        }
        if gone {
            self.oldest = self.find_oldest();
        }
    }

    /// The first line's time of the oldest segment that has one.
    fn find_oldest(&self) -> u64 {
        let current = self.current.as_ref().map(|current| current.number);
        let numbers = self.closed.iter().map(|closed| closed.number);
        let first = |number| self.first(number);
        numbers.chain(current).find_map(first).unwrap_or(0)
    }

    fn first(&self, number: u64) -> Option<u64> {
        let file = self.folder.open(number).ok()?;
        let mut bytes = Vec::new();
        let head = (HEAD + frame::FULL) as u64;
        file.take(head).read_to_end(&mut bytes).ok()?;
        let found = frame::next(&bytes, HEAD)?;
        found.ok().map(|frame| frame.about.earliest)
    }

    /// Bytes of all segments.
    pub(super) fn bytes(&self) -> u64 {
        let closed = self.closed.iter().map(|closed| closed.bytes);
        closed.sum::<u64>() + self.current.as_ref().map_or(0, |current| current.bytes)
    }

    /// How many segments there are.
    pub(super) fn segments(&self) -> u64 {
        self.closed.len() as u64 + u64::from(self.current.is_some())
    }

    /// The oldest line is not older, nanoseconds since 1970; 0 if there is none.
    pub(super) const fn oldest(&self) -> u64 {
        self.oldest
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
