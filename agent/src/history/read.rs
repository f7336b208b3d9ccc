//! The reading end: segments and frames that cannot have what is wanted are skipped by their times.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::folder::{Error, Folder};
use super::line::{Head, Line};
use super::segment::{self, Begin, HEAD, VERSION};
use crate::frame::{self, Frame};
use crate::output::clock::Time;

/// Which lines, by time. Without any of these, all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// None from before this moment.
    pub since: Option<Time>,
    /// None from after this moment.
    pub until: Option<Time>,
    /// Of those only the last so many.
    pub last: Option<usize>,
}

impl Range {
    /// As parameters of a query of the daemon, to be appended.
    pub fn query(&self) -> String {
        let moments = [("since", self.since), ("until", self.until)];
        let moments = moments
            .into_iter()
            .filter_map(|(name, moment)| Some(format!("&{name}={}", moment?)));
        let last = self.last.map(|last| format!("&last={last}"));
        moments.chain(last).collect()
    }

    /// Whether it asks for anything of the past.
    pub const fn is_none(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.last.is_none()
    }

    fn has(&self, time: Time) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }

    fn may_have(&self, frame: &Frame<'_>) -> bool {
        let (earliest, latest) = (frame.about.earliest, frame.about.latest);
        self.since
            .is_none_or(|since| latest >= since.as_unix_nanos())
            && self
                .until
                .is_none_or(|until| earliest <= until.as_unix_nanos())
    }
}

/// Bytes of the history that could not be read; everything around them was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// In this file.
    pub file: PathBuf,
    /// What is wrong.
    pub trouble: Trouble,
}

/// What is wrong with a segment, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// These bytes.
    Bytes(frame::Damage),
    /// Something in the frame that begins at this byte is no line of the stream.
    NoLine(usize),
    /// A later version of finback has written it in this version of its form.
    Newer(u32),
    /// It could not be opened or read.
    Unreadable(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        match &self.trouble {
            Trouble::Bytes(damage) => damage.fmt(f),
            Trouble::NoLine(offset) => {
                write!(f, "the frame at {offset} holds something that is no line")
            }
            Trouble::Newer(version) => write!(
                f,
                "a later finback has written it (version {version} of the form, this one reads up to {VERSION}): read it with that one"
            ),
            Trouble::Unreadable(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

/// Says of a line whether it is wanted.
pub type Wanted = Box<dyn Fn(&Line) -> bool + Send>;

/// Reads a history: the wanted lines of the range, in the order in which they were told, and in their place what
/// cannot be read. Works while a daemon writes.
pub fn read(path: &Path, range: Range, wanted: Wanted) -> Result<Reader, Error> {
    let folder = Folder::to_read(path)?;
    let numbers = folder.segments()?;
    let newest = numbers.last().copied();
    let mut reader = Reader {
        folder,
        range,
        wanted,
        newest,
        ahead: VecDeque::new(),
        open: None,
        found: VecDeque::new(),
    };
    reader.ahead = reader.relevant(numbers);
    if let Some(last) = range.last {
        reader.find_last(last);
    }
    Ok(reader)
}

/// An item: a line, or what is there in place of lines.
type Item = Result<Line, Damage>;

/// The lines.
pub struct Reader {
    folder: Folder,
    range: Range,
    wanted: Wanted,
    /// Its last bytes may be being written.
    newest: Option<u64>,
    /// Segments to be read.
    ahead: VecDeque<u64>,
    open: Option<Open>,
    /// Of the frame that was read last.
    found: VecDeque<Item>,
}

/// A segment that is being read.
struct Open {
    number: u64,
    bytes: Vec<u8>,
    at: usize,
}

impl Reader {
    /// From the segment on that may have the first wanted line: the head of a later one says how late they can be.
    fn relevant(&self, mut numbers: Vec<u64>) -> VecDeque<u64> {
        let since = self.range.since.map_or(0, Time::as_unix_nanos);
        let begin = numbers.iter().rposition(|number| {
            let before = self.head(*number);
            before.is_some_and(|before| before < since)
        });
        numbers.drain(..begin.unwrap_or(0));
        numbers.into()
    }

    /// What the head of a segment says of those before it.
    fn head(&self, number: u64) -> Option<u64> {
        let file = self.folder.open(number).ok()?;
        let mut head = Vec::new();
        file.take(HEAD as u64).read_to_end(&mut head).ok()?;
        match segment::begin(&head) {
            Begin::Known(head) => Some(head.before()),
            Begin::Empty | Begin::Newer(_) | Begin::Damaged => None,
        }
    }

    /// Reads backwards, segment by segment, until there are so many lines.
    fn find_last(&mut self, last: usize) {
        let (mut all, mut lines) = (VecDeque::new(), 0);
        while lines < last
            && let Some(number) = self.ahead.pop_back()
        {
            self.open(number);
            let mut here = VecDeque::new();
            let mut count = 0;
            while self.read_on() {
                for item in self.found.drain(..) {
                    count += usize::from(item.is_ok());
                    here.push_back(item);
                }
                while lines + count > last
                    && let Some(item) = here.pop_front()
                {
                    count -= usize::from(item.is_ok());
                }
            }
            lines += count;
            here.append(&mut all);
            all = here;
        }
        self.ahead.clear();
        self.found = all;
    }

    fn damage(&self, number: u64, trouble: Trouble) -> Item {
        Err(Damage {
            file: self.folder.path().join(segment::name(number)),
            trouble,
        })
    }

    /// Begins a segment. One that has gone meanwhile was too old.
    fn open(&mut self, number: u64) {
        let bytes = match self.contents(number) {
            Ok(bytes) => bytes,
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                let trouble = Trouble::Unreadable(error.to_string());
                let damage = self.damage(number, trouble);
                return self.found.push_back(damage);
            }
        };
        let at = match segment::begin(&bytes) {
            Begin::Known(_) => HEAD,
            Begin::Empty => return,
            // What is whole in it is found all the same.
            Begin::Damaged => 0,
            Begin::Newer(version) => {
                let damage = self.damage(number, Trouble::Newer(version));
                return self.found.push_back(damage);
            }
        };
        self.open = Some(Open { number, bytes, at });
    }

    fn contents(&self, number: u64) -> Result<Vec<u8>, Error> {
        let file = self.folder.open(number)?;
        let mut bytes = Vec::new();
        let read = file.take(frame::MAX_BYTES as u64).read_to_end(&mut bytes);
        read.map_err(|source| Error::Io {
            path: self.folder.path().to_owned(),
            what: "read",
            source,
        })?;
        Ok(bytes)
    }

    /// Reads one frame of the open segment; false at its end.
    fn read_on(&mut self) -> bool {
        let Some(mut open) = self.open.take() else {
            return !self.found.is_empty();
        };
        let Some(found) = frame::next(&open.bytes, open.at) else {
            return false;
        };
        let at = match found {
            Ok(frame) => {
                if self.range.may_have(&frame) {
                    let items = self.lines(open.number, &frame);
                    self.found.extend(items);
                }
                frame.end()
            }
            Err(damage) => {
                let being_written =
                    damage.reason == frame::Reason::Torn && self.newest == Some(open.number);
                if !being_written {
                    let damage = self.damage(open.number, Trouble::Bytes(damage));
                    self.found.push_back(damage);
                }
                damage.offset + damage.bytes
            }
        };
        open.at = at;
        self.open = Some(open);
        true
    }

    fn lines(&self, number: u64, frame: &Frame<'_>) -> Vec<Item> {
        let lines = match frame.unpack() {
            Ok(lines) => Bytes::from(lines),
            Err(damage) => return vec![self.damage(number, Trouble::Bytes(damage))],
        };
        let run = Time::from_unix_nanos(frame.about.run);
        let mut items = Vec::new();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let Some(head) = Head::of(line) else {
                items.push(self.damage(number, Trouble::NoLine(frame.offset)));
                continue;
            };
            let line = Line {
                text: lines.slice_ref(line),
                time: head.time,
                seq: head.seq,
                kind: head.kind.into(),
                run,
            };
            if self.range.has(line.time) && (self.wanted)(&line) {
                items.push(Ok(line));
            }
        }
        items
    }
}

impl Iterator for Reader {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.found.pop_front() {
                return Some(item);
            }
            if self.open.is_none() {
                let number = self.ahead.pop_front()?;
                self.open(number);
            }
            if self.open.is_some() {
                self.read_on();
            }
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("folder", &self.folder)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}
