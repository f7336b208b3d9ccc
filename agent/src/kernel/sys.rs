//! System calls for which no crate has a safe function: the kernel module's only unsafe code.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use zerocopy::{FromBytes, IntoBytes};

/// An array map in this process's memory (`BPF_F_MMAPABLE`). The kernel programs write it at the same time, so it is
/// read and written in whole words.
#[derive(Debug)]
pub(super) struct Mapped<T> {
    memory: MmapRaw,
    places: u32,
    kind: PhantomData<fn() -> T>,
}

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

impl<T: FromBytes + IntoBytes> Mapped<T> {
    /// Words that one place takes.
    const WORDS: usize = size_of::<T>() / WORD;

    /// Maps the first `places` places.
    pub(super) fn new(map: BorrowedFd<'_>, places: u32) -> io::Result<Self> {
        const { assert!(size_of::<T>().is_multiple_of(WORD)) };
        let length = size_of::<T>() * places as usize;
        let memory = MmapOptions::new().len(length).map_raw(map.as_raw_fd())?;
        Ok(Self {
            memory,
            places,
            kind: PhantomData,
        })
    }

    /// How many places there are, a power of two.
    pub(super) const fn places(&self) -> u32 {
        self.places
    }

    /// One word of a place.
    pub(super) fn word(&self, place: u32, word: usize) -> &AtomicU64 {
        assert!(
            place < self.places && word < Self::WORDS,
            "out of the table"
        );
        let at = (place as usize * Self::WORDS + word) * WORD;
        // SAFETY: the offset is inside the mapping, by the check above.
        let at = unsafe { self.memory.as_mut_ptr().add(at) };
        // SAFETY: pages are aligned, the mapping lives as long as `self`, and whoever else has it (the kernel programs)
        // reads and writes whole words, too.
        unsafe { AtomicU64::from_ptr(at.cast()) }
    }

    /// A copy of a place. The kernel programs may be writing it.
    pub(super) fn load(&self, place: u32) -> T {
        let mut value = T::new_zeroed();
        let words = value.as_mut_bytes().chunks_exact_mut(WORD).enumerate();
        for (word, bytes) in words {
            let number = self.word(place, word).load(Ordering::Acquire);
            bytes.copy_from_slice(&number.to_ne_bytes());
        }
        value
    }

    /// Writes zeros into every place.
    pub(super) fn clear(&self) {
        for place in 0..self.places {
            for word in 0..Self::WORDS {
                self.word(place, word).store(0, Ordering::Release);
            }
        }
    }
}

/// `BPF_LINK_CREATE` and `BPF_ITER_CREATE` (`enum bpf_cmd`).
const LINK_CREATE: libc::c_long = 28;
const ITER_CREATE: libc::c_long = 33;
/// `BPF_TRACE_ITER` (`enum bpf_attach_type`).
const TRACE_ITER: u32 = 28;

/// `union bpf_attr`, member `link_create`, as far as an iterator needs it.
#[repr(C)]
struct LinkAttributes {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
}

/// Starts a walk of an iterator program: what it writes is read from the file.
pub(super) fn walk(program: BorrowedFd<'_>) -> io::Result<File> {
    let attributes = LinkAttributes {
        program: program.as_raw_fd().cast_unsigned(),
        target: 0,
        attach_type: TRACE_ITER,
        flags: 0,
    };
    let link = bpf(LINK_CREATE, &attributes)?;
    let walk = bpf(ITER_CREATE, &[link.as_raw_fd().cast_unsigned(), 0])?;
    Ok(File::from(walk))
}

/// `BPF_OBJ_GET` (`enum bpf_cmd`).
const OBJ_GET: libc::c_long = 7;

/// `union bpf_attr` for that.
#[repr(C)]
struct PathAttributes {
    path: u64,
    fd: u32,
    flags: u32,
}

/// Opens what is pinned at a path.
pub(super) fn open_pinned(path: &CStr) -> io::Result<OwnedFd> {
    let attributes = PathAttributes {
        path: path.as_ptr() as u64,
        fd: 0,
        flags: 0,
    };
    bpf(OBJ_GET, &attributes)
}

/// A command that returns a descriptor.
fn bpf<A>(command: libc::c_long, attributes: &A) -> io::Result<OwnedFd> {
    let attributes = std::ptr::from_ref(attributes);
    // SAFETY: the kernel reads the attributes, which are as long as it is told, and writes nothing.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<A>()) };
    match RawFd::try_from(result) {
        // SAFETY: the descriptor is new and nobody else's.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Registers a descriptor with the runtime, to be told when it becomes readable.
pub(super) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor for as long as it lives, and the registration owns it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}

/// Another descriptor for the same thing.
pub(super) fn duplicate(fd: impl AsFd) -> io::Result<OwnedFd> {
    fd.as_fd().try_clone_to_owned()
}

/// Has what is freed given back to the system from a megabyte on, in every thread. Left alone, the allocator raises its
/// thresholds with the largest block it was ever given back, here the kernel's types, and keeps what comes after.
pub(super) fn keep_little_freed_memory() {
    #[cfg(target_env = "gnu")]
    for threshold in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: mallopt takes any value; it refuses what it cannot use.
        unsafe {
            libc::mallopt(threshold, 1 << 20);
        }
    }
}

/// Gives memory that was freed back to the system, a few milliseconds for a hundred megabytes: an allocator keeps it for
/// the next surge, which may never come.
pub(super) fn release_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim has no precondition.
    unsafe {
        libc::malloc_trim(0);
    }
}
