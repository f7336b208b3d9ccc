//! Frames: entries packed together, with what is needed to tell whether they are whole, and to skip them.
//!
//! A file that is only ever appended to may end in the middle of a frame, and a disk may damage any byte. Each frame
//! has a checksum over its head and one over what it holds, so that a reader gives what is whole, says what is not,
//! and finds the next one by its first bytes.

mod scan;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::mem::size_of;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use self::scan::next;

/// A frame is begun anew when it holds so many bytes of entries.
pub const FULL: usize = 256 << 10;

/// More than that in one frame is damage: it bounds what a reader allocates.
pub const MAX_BYTES: usize = 256 << 20;

/// First bytes of a frame: none of them is in UTF-8.
const MAGIC: [u8; 4] = [0xfb, 0xf5, 0xc1, 0xfe];

/// zstd's own default.
const LEVEL: i32 = 3;

/// Bytes before what a frame holds.
pub const HEAD: usize = size_of::<Head>();

/// The head as it is written.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Head {
    magic: [u8; 4],
    /// CRC-32 of all that follows in the head.
    check: U32,
    /// Length of what it holds, compressed.
    stored: U32,
    /// The same, unpacked.
    length: U32,
    entries: U32,
    /// CRC-32 of what it holds, compressed.
    contents: U32,
    earliest: U64,
    latest: U64,
    run: U64,
}

impl Head {
    fn sum(&self) -> u32 {
        crc32fast::hash(&self.as_bytes()[8..])
    }
}

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// How many entries it holds.
    pub entries: u32,
    /// The earliest moment of an entry, nanoseconds since 1970.
    pub earliest: u64,
    /// The latest one.
    pub latest: u64,
    /// Names the process that has written it: when that began, nanoseconds since 1970.
    pub run: u64,
}

/// Whether bytes begin as a frame does.
pub fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Makes frames.
pub struct Packer(zstd::bulk::Compressor<'static>);

impl Packer {
    /// One that can be used again and again.
    pub fn new() -> io::Result<Self> {
        Ok(Self(zstd::bulk::Compressor::new(LEVEL)?))
    }

    /// A frame that holds these bytes.
    pub fn pack(&mut self, bytes: &[u8], about: About) -> io::Result<Vec<u8>> {
        let too_long = || io::Error::other("too much for one frame");
        let contents = self.0.compress(bytes)?;
        let length = u32::try_from(bytes.len()).ok();
        let length = length.filter(|length| *length as usize <= MAX_BYTES);
        let mut head = Head {
            magic: MAGIC,
            check: U32::ZERO,
            stored: u32::try_from(contents.len())
                .map_err(io::Error::other)?
                .into(),
            length: length.ok_or_else(too_long)?.into(),
            entries: about.entries.into(),
            contents: crc32fast::hash(&contents).into(),
            earliest: about.earliest.into(),
            latest: about.latest.into(),
            run: about.run.into(),
        };
        head.check = head.sum().into();
        let mut frame = Vec::with_capacity(HEAD + contents.len());
        frame.extend_from_slice(head.as_bytes());
        frame.extend_from_slice(&contents);
        Ok(frame)
    }
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

/// A whole frame in a file's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Where it begins.
    pub offset: usize,
    /// What it says of itself.
    pub about: About,
    length: u32,
    contents: &'a [u8],
}

impl Frame<'_> {
    /// Where it ends.
    pub const fn end(&self) -> usize {
        self.offset + HEAD + self.contents.len()
    }

    /// What it holds.
    pub fn unpack(&self) -> Result<Vec<u8>, Damage> {
        let damage = Damage {
            offset: self.offset,
            bytes: self.end() - self.offset,
            reason: Reason::Packing,
        };
        let length = self.length as usize;
        match zstd::bulk::decompress(self.contents, length) {
            Ok(bytes) if bytes.len() == length => Ok(bytes),
            Ok(_) | Err(_) => Err(damage),
        }
    }
}

/// Bytes of a file that are no whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where they begin.
    pub offset: usize,
    /// How many they are.
    pub bytes: usize,
    /// What is wrong with them.
    pub reason: Reason,
}

/// What is wrong with some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// They begin a frame and end in the middle of it: it was being written.
    Torn,
    /// They do not begin as a frame does.
    NoFrame,
    /// The head of a frame does not agree with its checksum.
    Head,
    /// What the frame holds does not agree with its checksum.
    Contents,
    /// What the frame holds agrees with its checksum and cannot be unpacked.
    Packing,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Torn => "they end in the middle of a frame",
            Self::NoFrame => "they do not begin as a frame does",
            Self::Head => "the checksum of a frame's head is wrong",
            Self::Contents => "the checksum of what a frame holds is wrong",
            Self::Packing => "what a frame holds cannot be unpacked",
        })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            bytes,
            reason,
        } = self;
        write!(f, "{bytes} bytes at {offset} cannot be read: {reason}")
    }
}
