//! System calls for which no crate has a safe function: the kernel module's only unsafe code.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use finback_common::entry::SocketEntry;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// `BPF_MAP_LOOKUP_BATCH` (`enum bpf_cmd`, since 5.6).
const MAP_LOOKUP_BATCH: libc::c_long = 24;

/// `union bpf_attr`, member `batch`.
#[repr(C)]
struct BatchAttributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    element_flags: u64,
    flags: u64,
}

/// Where a walk over a hash map has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// At its beginning.
    Start,
    /// At this bucket.
    Bucket(u32),
    /// At its end.
    End,
}

/// Reads the next part of `SOCKETS` into `keys` and `values` (of equal length), and tells how many there were and
/// where the walk goes on. `ENOSPC` means that one bucket holds more than there is room for.
pub(super) fn lookup_batch(
    map: BorrowedFd<'_>,
    from: Position,
    keys: &mut [u64],
    values: &mut [SocketEntry],
) -> io::Result<(usize, Position)> {
    let (start, mut next) = match from {
        Position::Start => (None, 0_u32),
        Position::Bucket(bucket) => (Some(bucket), 0),
        Position::End => return Ok((0, Position::End)),
    };
    let room = keys.len().min(values.len());
    let mut attributes = BatchAttributes {
        in_batch: start
            .as_ref()
            .map_or(0, |bucket| std::ptr::from_ref(bucket) as u64),
        out_batch: &raw mut next as u64,
        keys: keys.as_mut_ptr() as u64,
        values: values.as_mut_ptr() as u64,
        count: u32::try_from(room).unwrap_or(u32::MAX),
        map_fd: map.as_raw_fd().cast_unsigned(),
        element_flags: 0,
        flags: 0,
    };
    // SAFETY: the kernel writes at most `count` keys and values, and `count` is the length of the shorter slice;
    // any bytes make a valid `u64` and `SocketEntry`. A hash map's position is 4 bytes (`kernel/bpf/hashtab.c`).
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            MAP_LOOKUP_BATCH,
            &raw mut attributes,
            size_of::<BatchAttributes>(),
        )
    };
    let read = usize::try_from(attributes.count).map_or(0, |count| count.min(room));
    if result == 0 {
        return Ok((read, Position::Bucket(next)));
    }
    match io::Error::last_os_error() {
        end if end.raw_os_error() == Some(libc::ENOENT) => Ok((read, Position::End)),
        error => Err(error),
    }
}

/// `BPF_MAP_UPDATE_ELEM` (`enum bpf_cmd`).
const MAP_UPDATE: libc::c_long = 2;
/// `BPF_NOEXIST`: only where there is no entry yet.
const NO_EXIST: u64 = 1;

/// `union bpf_attr`, members of the commands on one element.
#[repr(C)]
struct ElementAttributes {
    map_fd: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Puts an entry into `SOCKETS` where none is; `EEXIST` if there is one.
pub(super) fn insert_new(map: BorrowedFd<'_>, key: u64, value: &SocketEntry) -> io::Result<()> {
    let attributes = ElementAttributes {
        map_fd: map.as_raw_fd().cast_unsigned(),
        reserved: 0,
        key: &raw const key as u64,
        value: std::ptr::from_ref(value) as u64,
        flags: NO_EXIST,
    };
    // SAFETY: the kernel reads one key and one value, whose types are the map's.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            MAP_UPDATE,
            &raw const attributes,
            size_of::<ElementAttributes>(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Registers a descriptor with the runtime, to be told when it becomes readable.
pub(super) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor for as long as it lives, and the registration owns it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}

/// Gives memory that was freed back to the system: reading type information takes tens of megabytes for a moment.
pub(super) fn release_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim has no precondition.
    unsafe {
        libc::malloc_trim(0);
    }
}
