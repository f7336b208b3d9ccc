//! The memory that is unwound: what the kernel side copied, or a blocked thread's own.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Reads the eight bytes at an address of a process.
pub(super) trait Memory {
    fn word(&mut self, address: u64) -> Option<u64>;
}

/// The top of a stack, copied.
pub(super) struct Copied<'a> {
    pub(super) start: u64,
    pub(super) bytes: &'a [u8],
}

impl Memory for Copied<'_> {
    fn word(&mut self, address: u64) -> Option<u64> {
        let at = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*bytes))
    }
}

const PAGE: u64 = 4096;
/// Pages of one stack that are read at most.
const MAX_PAGES: usize = 64;

/// A process's memory, read page by page and kept, so that a stack is read once.
pub(super) struct Live {
    file: File,
    pages: Vec<(u64, Box<[u8]>)>,
}

impl Live {
    /// Through `/proc/PID/mem`, which neither stops nor traces the process.
    pub(super) fn open(pid: u32) -> io::Result<Self> {
        Ok(Self {
            file: File::open(format!("/proc/{pid}/mem"))?,
            pages: Vec::new(),
        })
    }

    fn page(&mut self, start: u64) -> Option<&[u8]> {
        if let Some(index) = self.pages.iter().position(|(page, _)| *page == start) {
            return Some(&self.pages[index].1);
        }
        if self.pages.len() >= MAX_PAGES {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(PAGE).ok()?];
        self.file.read_exact_at(&mut bytes, start).ok()?;
        self.pages.push((start, bytes.into()));
        self.pages.last().map(|(_, bytes)| &**bytes)
    }
}

impl Memory for Live {
    fn word(&mut self, address: u64) -> Option<u64> {
        let mut word = [0; 8];
        for (at, byte) in (address..).zip(&mut word) {
            let offset = usize::try_from(at % PAGE).ok()?;
            *byte = *self.page(at - at % PAGE)?.get(offset)?;
        }
        Some(u64::from_ne_bytes(word))
    }
}
