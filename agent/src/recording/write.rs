//! The side of a recording that the disk sees.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::entry::{Ending, Entry};
use super::progress::Progress;
use super::wanted::Wanted;
use crate::frame::{About, Packer};
use crate::output::clock::Time;
use finback_core::model::time::Timestamp;

/// The last frame is smaller than that.
const LAST: u64 = 128;

/// Entries that become a frame.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: u32,
    /// The first and the last moment.
    pub(super) covers: Option<(Timestamp, Timestamp)>,
}

/// Packs and writes until nothing more comes, the file is full, or it cannot be written.
#[derive(Debug)]
pub(super) struct Writer {
    file: Arc<File>,
    packer: Packer,
    max_bytes: u64,
    written: u64,
    run: u64,
    progress: Arc<Progress>,
}

impl Writer {
    pub(super) fn new(wanted: &Wanted) -> io::Result<Self> {
        Ok(Self {
            file: Arc::clone(&wanted.file),
            packer: Packer::new()?,
            max_bytes: wanted.max_bytes,
            written: 0,
            run: Time::now().as_unix_nanos(),
            progress: Arc::clone(&wanted.progress),
        })
    }

    pub(super) fn run(mut self, first: Vec<u8>, waiting: &Receiver<Batch>) {
        if let Err(error) = self.write_all(first, waiting) {
            drop(self.progress.end(Err(error.to_string())));
        }
    }

    fn write_all(&mut self, first: Vec<u8>, waiting: &Receiver<Batch>) -> io::Result<()> {
        let first = Batch {
            bytes: first,
            ..Batch::default()
        };
        let all = std::iter::once(first).chain(waiting.iter());
        let mut ending = Ending::Asked;
        for batch in all {
            let frame = self.pack(&batch)?;
            if self.written + frame.len() as u64 + LAST > self.max_bytes {
                ending = Ending::Full;
                break;
            }
            self.write(&frame, batch.covers)?;
        }
        let Ok(ending) = self.progress.end(Ok(ending)) else {
            return Ok(());
        };
        let last: Entry<()> = Entry::End(ending);
        let last = Batch {
            bytes: postcard::to_allocvec(&last).map_err(io::Error::other)?,
            entries: 1,
            covers: None,
        };
        let frame = self.pack(&last)?;
        self.write(&frame, None)
    }

    fn pack(&mut self, batch: &Batch) -> io::Result<Vec<u8>> {
        let about = About {
            entries: batch.entries,
            run: self.run,
            ..About::default()
        };
        self.packer.pack(&batch.bytes, about)
    }

    fn write(&mut self, frame: &[u8], covers: Option<(Timestamp, Timestamp)>) -> io::Result<()> {
        (&*self.file).write_all(frame)?;
        self.written += frame.len() as u64;
        self.progress.wrote(frame.len() as u64, covers);
        Ok(())
    }
}
