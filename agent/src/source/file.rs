//! Lines that were saved: a stream, a list, a history, the page that has them inside, or the recording that tells them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::error::{Error, unreadable};
use super::tape;
use super::wanted::{Wanted, is_wanted};
use crate::bundle::lines;
use crate::output::json::{Event, Thing};
use crate::recording;
use crate::survey::Take;

/// A file, or standard input.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    /// What has been read; standard input can be read once only.
    text: Vec<u8>,
    /// What is over counts, too.
    past: bool,
}

/// No longer than that: what finback writes by itself is bounded.
const LONGEST: u64 = 1 << 30;

impl File {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let wrong = |source| unreadable(path, source);
        let mut text = Vec::new();
        let read = if path == Path::new("-") {
            let input = std::io::stdin().lock();
            input.take(LONGEST).read_to_end(&mut text)
        } else {
            let input = fs::File::open(path).map_err(wrong)?;
            input.take(LONGEST).read_to_end(&mut text)
        };
        read.map_err(wrong)?;
        let past = recording::is_recording(&text);
        if lines::is_page(&text) {
            text = lines::extract(&text).map_err(|error| wrong(error.into()))?;
        } else if past {
            text = tape::lines(&text).map_err(wrong)?;
        }
        Ok(Self {
            path: path.to_owned(),
            text,
            past,
        })
    }

    /// What was told in the past, from this place.
    pub(super) const fn of_the_past(path: PathBuf, text: Vec<u8>) -> Self {
        Self {
            path,
            text,
            past: true,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Of findings and incidents those that are open at the end, of the past all, each as it was told last.
    pub fn each(&self, wanted: Wanted, take: &mut Take<'_>) -> Result<(), Error> {
        let mut open: BTreeMap<Thing, Vec<u8>> = BTreeMap::new();
        for (number, line) in (1..).zip(BufReader::new(&*self.text).split(b'\n')) {
            let line = line.map_err(|source| unreadable(&self.path, source))?;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let event = self.read(&line, number)?;
            if !is_wanted(&event, wanted) {
                continue;
            }
            match Thing::of(&event) {
                None => take(&event).map_err(Error::Output)?,
                Some((thing, true)) if !self.past => drop(open.remove(&thing)),
                Some((thing, _)) => drop(open.insert(thing, line)),
            }
        }
        for line in open.values() {
            take(&self.read(line, 0)?).map_err(Error::Output)?;
        }
        Ok(())
    }

    fn read<'a>(&self, line: &'a [u8], number: usize) -> Result<Event<'a>, Error> {
        serde_json::from_slice(line).map_err(|source| Error::Line {
            path: self.path.clone(),
            line: number,
            source,
        })
    }
}
