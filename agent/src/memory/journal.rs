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
    batch: Vec<u8>,
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
            batch: Vec::new(),
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
            error: self.error.clone(),
            refused: self.refused.clone(),
        }
    }

    /// Whether it should be written anew, with everything that is to be known.
    pub fn wants_all(&self) -> bool {
        let grown = self.bytes > SMALL.max(self.whole * GROWTH);
        self.file.is_none() || grown
    }

    /// Writes everything anew, beside the old file, and then in its place.
    pub fn anew(&mut self, notes: impl Iterator<Item = Note>) {
        let done = self.write_anew(notes);
        self.settle(done);
    }

    fn write_anew(&mut self, notes: impl Iterator<Item = Note>) -> io::Result<()> {
        let mut text = Vec::new();
        line(&mut text, &self.header)?;
        for note in notes {
            let before = text.len();
            line(&mut text, &note)?;
            if text.len() as u64 > LARGEST {
                text.truncate(before);
                break;
            }
        }
        let mut new = self.path.as_os_str().to_owned();
        new.push("-new");
        let new = PathBuf::from(new);
        remove(&new)?;
        let mut options = OpenOptions::new();
        let options = options.append(true).create_new(true).mode(0o600);
        let mut file = options.open(&new)?;
        file.write_all(&text)?;
        fs::rename(&new, &self.path)?;
        self.bytes = text.len() as u64;
        self.whole = self.bytes;
        self.file = Some(file);
        Ok(())
    }

    /// Adds notes. They are written at once if the file can be written.
    pub fn add(&mut self, notes: &[Note]) {
        if notes.is_empty() {
            return;
        }
        let done = self.append(notes);
        self.settle(done);
    }

    fn append(&mut self, notes: &[Note]) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        self.batch.clear();
        for note in notes {
            line(&mut self.batch, note)?;
        }
        if self.bytes + self.batch.len() as u64 > 2 * LARGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // One call: whoever kills this process meets it before or after.
        file.write_all(&self.batch)?;
        self.bytes += self.batch.len() as u64;
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

fn line(text: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *text, value)?;
    text.push(b'\n');
    Ok(())
}
