//! What is in a map.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use super::syscall::{Command, bpf, number};

/// For the commands about one element.
#[repr(C)]
struct Element {
    map: u32,
    pad: u32,
    key: u64,
    /// Or the next key.
    value: u64,
    flags: u64,
    rest: [u64; 12],
}

/// Length of the page that a ring's producer writes its position to.
const PAGE: usize = 4096;

/// Keys in a hash.
///
/// # Errors
/// As bpf(2).
pub(super) fn keys(map: &OwnedFd, key_bytes: usize) -> io::Result<u64> {
    let mut key = vec![0_u8; key_bytes];
    let mut next = vec![0_u8; key_bytes];
    let mut found = 0;
    loop {
        // Without a key: the first one.
        let from = if found == 0 { 0 } else { key.as_ptr() as u64 };
        match element(Command::MapNextKey, map, from, &mut next) {
            Ok(()) => found += 1,
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(found),
            Err(error) => return Err(error),
        }
        std::mem::swap(&mut key, &mut next);
    }
}

/// Places of an array that are taken: their first eight bytes, which say whose they are, are not zero.
///
/// # Errors
/// As bpf(2).
pub(super) fn taken(map: &OwnedFd, value_bytes: usize, places: u32) -> io::Result<u64> {
    let mut value = vec![0_u8; value_bytes.next_multiple_of(8)];
    let mut found = 0;
    for index in 0..places {
        let key = std::ptr::from_ref(&index) as u64;
        element(Command::MapLookup, map, key, &mut value)?;
        found += u64::from(value.iter().take(8).any(|byte| *byte != 0));
    }
    Ok(found)
}

fn element(command: Command, map: &OwnedFd, key: u64, value: &mut [u8]) -> io::Result<()> {
    let mut attr = Element {
        map: number(map),
        pad: 0,
        key,
        value: value.as_mut_ptr() as u64,
        flags: 0,
        rest: [0; 12],
    };
    bpf(command, &mut attr).map(drop)
}

/// Bytes that have been put into a ring since it was made, headers of records included.
///
/// # Errors
/// As mmap(2).
pub(super) fn produced(ring: &OwnedFd) -> io::Result<u64> {
    let offset = libc::off_t::try_from(PAGE).map_err(io::Error::other)?;
    // SAFETY: a new mapping that this function alone knows of; the kernel checks descriptor and length.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            libc::PROT_READ,
            libc::MAP_SHARED,
            ring.as_raw_fd(),
            offset,
        )
    };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the page is mapped, readable and aligned, and the position is its first word.
    let position = unsafe { page.cast::<u64>().read_volatile() };
    // SAFETY: the mapping made above, of this length; nothing refers to it any more.
    unsafe { libc::munmap(page, PAGE) };
    Ok(position)
}
