//! Reads a recording, up to where it is not whole.

use super::entry::{Beginning, Entry, Header};
use crate::frame::{self, Frame};
use finback_core::input::Input;

/// Why a file is not read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is something else.
    #[error("this is no recording")]
    NoRecording,
    /// Another version of finback writes in another way.
    #[error("this was recorded by finback {0}, which writes recordings in another way")]
    Version(Box<str>),
    /// Its beginning is damaged.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Where and why a recording cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recording cannot be read from byte {offset} on: {reason}")]
pub struct Broken {
    /// Where that begins.
    pub offset: usize,
    /// What is wrong.
    pub reason: Box<str>,
}

impl Broken {
    fn new(offset: usize, reason: &str) -> Self {
        let reason = reason.into();
        Self { offset, reason }
    }
}

/// Whether these are the first bytes of a recording.
pub fn is_recording(bytes: &[u8]) -> bool {
    frame::begins(bytes)
}

/// How a recording begins, and what follows.
pub fn open(bytes: &[u8]) -> Result<(Beginning, Entries<'_>), Error> {
    let frame = whole_frame(bytes, 0)?.ok_or(Error::NoRecording)?;
    let contents = unpack(&frame)?;
    let (header, rest) =
        postcard::take_from_bytes::<Header>(&contents).map_err(|_other| Error::NoRecording)?;
    if !header.is_of_recording() {
        return Err(Error::NoRecording);
    }
    header.readable().map_err(Error::Version)?;
    let beginning = postcard::from_bytes(rest).map_err(|_unknown| Broken::new(0, UNKNOWN))?;
    let entries = Entries {
        bytes,
        at: frame.end(),
        frame: 0,
        contents: Vec::new(),
        read: 0,
        state: State::GoesOn,
    };
    Ok((beginning, entries))
}

/// Its checksum is right.
const UNKNOWN: &str = "what a frame holds is not what this version writes";

/// What a recording consists of, in order, up to where it is damaged. What comes after damage is not read: it would not
/// follow from what came before.
#[derive(Debug)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    /// Where the next frame begins.
    at: usize,
    /// Where the one begins that is being read.
    frame: usize,
    contents: Vec<u8>,
    read: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    GoesOn,
    /// The end was read.
    Complete,
    /// All was given.
    Over,
}

impl Entries<'_> {
    fn entry(&mut self) -> Result<Option<Entry<Input>>, Broken> {
        while self.read == self.contents.len() {
            let Some(frame) = whole_frame(self.bytes, self.at)? else {
                return self.over();
            };
            if self.state == State::Complete {
                return Err(Broken::new(self.at, "it has ended before"));
            }
            self.contents = unpack(&frame)?;
            (self.frame, self.at, self.read) = (frame.offset, frame.end(), 0);
        }
        let rest = self.contents.get(self.read..).unwrap_or_default();
        let unknown = |_| Broken::new(self.frame, UNKNOWN);
        let (entry, rest) = postcard::take_from_bytes(rest).map_err(unknown)?;
        self.read = self.contents.len() - rest.len();
        if let Entry::End(_) = entry {
            self.state = State::Complete;
        }
        Ok(Some(entry))
    }

    fn over(&self) -> Result<Option<Entry<Input>>, Broken> {
        match self.state {
            State::Complete => Ok(None),
            State::GoesOn | State::Over => {
                Err(Broken::new(self.at, "it ends there without its last frame"))
            }
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry<Input>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Over {
            return None;
        }
        let entry = self.entry().transpose();
        if !matches!(entry, Some(Ok(_))) {
            self.state = State::Over;
        }
        entry
    }
}

fn whole_frame(bytes: &[u8], at: usize) -> Result<Option<Frame<'_>>, Broken> {
    frame::next(bytes, at)
        .transpose()
        .map_err(|damage| Broken::new(damage.offset, &damage.reason.to_string()))
}

fn unpack(frame: &Frame<'_>) -> Result<Vec<u8>, Broken> {
    frame
        .unpack()
        .map_err(|damage| Broken::new(damage.offset, &damage.reason.to_string()))
}
