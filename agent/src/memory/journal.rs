//! Writes it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use finback_core::memory::Note;
use serde::Serialize;

use super::header::Header;

/// Below this a file is not worth writing anew.
const SMALL: u64 = 1 << 20;
/// It is written anew when it has grown to so many times what it then had.
const GROWTH: u64 = 4;
/// What more there is to know is not kept: the memory of the host is what it takes.
const LARGEST: u64 = 16 << 20;
/// A file that has all it may have is written anew at this size: it cannot grow to four times.
const FULL: u64 = LARGEST + LARGEST / 2;
/// So much is written at once.
const PIECE: usize = 64 << 10;

/// The file of a daemon that runs. Nothing depends on it but the names that the next daemon gives.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    header: Header,
    /// None: it could not be written.
    file: Option<File>,
    bytes: u64,
    /// So many it had when it was written anew.
    whole: u64,
    /// Findings and incidents that had no room when it was.
    left_out: usize,
    /// What is written next: whole lines.
    piece: Vec<u8>,
    error: Option<String>,
    refused: Option<String>,
}

/// How it is, for the status.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// Where.
    pub path: PathBuf,
    /// How large.
    pub bytes: u64,
    /// How many findings and incidents have no room in it: the next daemon finds them anew.
    pub left_out: usize,
    /// Why it cannot be written.
    pub error: Option<String>,
    /// Why what an earlier daemon has left was not used, or not all of it.
    pub refused: Option<String>,
}

impl Journal {
    /// Takes the place of what an earlier daemon has left, with what was taken from it.
    pub fn begin(
        path: PathBuf,
        header: Header,
        notes: impl Iterator<Item = Note>,
        refused: Option<String>,
    ) -> Self {
        let mut journal = Self {
            path,
            header,
            file: None,
            bytes: 0,
            whole: 0,
            left_out: 0,
            piece: Vec::new(),
            error: None,
            refused,
        };
        journal.anew(notes);
        journal
    }

    /// How it is.
    pub fn state(&self) -> State {
        State {
            path: self.path.clone(),
            bytes: self.bytes,
            left_out: self.left_out,
            error: self.error.clone(),
            refused: self.refused.clone(),
        }
    }

    /// Whether it should be written anew, with everything that is to be known.
    pub fn wants_all(&self) -> bool {
        let grown = self.bytes > SMALL.max(self.whole * GROWTH).min(FULL);
        self.file.is_none() || grown
    }

    /// Writes everything anew, beside the old file, and then in its place.
    pub fn anew(&mut self, notes: impl Iterator<Item = Note>) {
        let done = self.write_anew(notes);
        self.settle(done);
    }

    fn write_anew(&mut self, mut notes: impl Iterator<Item = Note>) -> io::Result<()> {
        let mut new = self.path.as_os_str().to_owned();
        new.push("-new");
        let new = PathBuf::from(new);
        remove(&new)?;
        let mut options = OpenOptions::new();
        let options = options.append(true).create_new(true).mode(0o600);
        let mut writer = Writer::new(options.open(&new)?, 0, &mut self.piece);
        writer.line(&self.header)?;
        for note in notes.by_ref() {
            writer.line(&note)?;
            // The one that was too much is whole, and stays.
            if writer.bytes > LARGEST {
                break;
            }
        }
        let (file, bytes) = writer.end()?;
        fs::rename(&new, &self.path)?;
        self.left_out = notes.count();
        self.bytes = bytes;
        self.whole = bytes;
        self.file = Some(file);
        Ok(())
    }

    /// Adds notes. They are written at once if the file can be written.
    pub fn add(&mut self, notes: impl Iterator<Item = Note>) {
        let done = self.append(notes);
        self.settle(done);
    }

    fn append(&mut self, notes: impl Iterator<Item = Note>) -> io::Result<()> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let mut writer = Writer::new(file, self.bytes, &mut self.piece);
        for note in notes {
            writer.line(&note)?;
            // Within a second it is written anew, without what came twice.
            if writer.bytes > 2 * LARGEST {
                return Ok(());
            }
        }
        let (file, bytes) = writer.end()?;
        self.file = Some(file);
        self.bytes = bytes;
        Ok(())
    }

    /// Whatever was written in part is left to be written anew.
    fn settle(&mut self, done: io::Result<()>) {
        match done {
            Ok(()) if self.file.is_some() => self.error = None,
            Ok(()) => {}
            Err(error) => {
                if self.error.is_none() {
                    tracing::warn!(
                        %error, path = %self.path.display(),
                        "what the next daemon is to know cannot be written; its findings would have other ids"
                    );
                }
                self.error = Some(error.to_string());
                self.file = None;
            }
        }
    }

    /// There is to be no next daemon.
    pub fn remove(self) {
        if let Err(error) = remove(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "it cannot be removed");
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes whole lines: whoever kills this process meets it before one or after.
struct Writer<'a> {
    file: File,
    bytes: u64,
    piece: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Adds to a file of so many bytes.
    fn new(file: File, bytes: u64, piece: &'a mut Vec<u8>) -> Self {
        piece.clear();
        Self { file, bytes, piece }
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let before = self.piece.len();
        serde_json::to_writer(&mut *self.piece, value)?;
        self.piece.push(b'\n');
        self.bytes += (self.piece.len() - before) as u64;
        if self.piece.len() < PIECE {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(self.piece)?;
        self.piece.clear();
        Ok(())
    }

    /// The file, and how many bytes it has.
    fn end(mut self) -> io::Result<(File, u64)> {
        self.flush()?;
        Ok((self.file, self.bytes))
    }
}
