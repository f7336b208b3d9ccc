//! The memory that is unwound: what the kernel side copied, or the top of a blocked thread's own stack.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes of a stack that are read.
const MAX: usize = 64 << 10;

/// The top of a stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Top<'a> {
    /// Address of the first byte.
    pub(super) start: u64,
    pub(super) bytes: &'a [u8],
}

/// Reads a process's memory from an address on, through `/proc/PID/mem`, which neither stops nor traces the process.
pub(super) fn read(pid: u32, start: u64) -> io::Result<Vec<u8>> {
    let file = File::open(format!("/proc/{pid}/mem"))?;
    let mut bytes = vec![0; MAX];
    let mut length = 0;
    while let Some(room) = bytes.get_mut(length..)
        && !room.is_empty()
    {
        // The stack ends somewhere.
        match file.read_at(room, start.saturating_add(length as u64)) {
            Ok(0) | Err(_) if length > 0 => break,
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => length += read?,
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}
