//! bpf(2), as far as the benchmark needs it.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// Members of `enum bpf_cmd` (`include/uapi/linux/bpf.h`).
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(super) enum Command {
    MapLookup = 1,
    MapNextKey = 4,
    ProgramLoad = 5,
    ProgramOfId = 13,
    MapOfId = 14,
    Info = 15,
    OpenRawTracepoint = 17,
}

/// `union bpf_attr` for the commands that take an id.
#[repr(C)]
struct ById {
    id: u32,
    rest: [u32; 31],
}

/// For `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct ByFd {
    fd: u32,
    length: u32,
    info: u64,
    rest: [u32; 28],
}

/// Asks the kernel; the result is a descriptor or 0.
///
/// # Errors
/// As bpf(2).
pub(super) fn bpf<T>(command: Command, attr: &mut T) -> io::Result<libc::c_long> {
    // SAFETY: the attribute is as large as said and holds what the command reads; the kernel checks it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_int,
            std::ptr::from_mut(attr),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// A command that makes a descriptor.
///
/// # Errors
/// As bpf(2).
pub(super) fn open<T>(command: Command, attr: &mut T) -> io::Result<OwnedFd> {
    let fd = bpf(command, attr)?;
    let fd = libc::c_int::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A program or a map by its id.
///
/// # Errors
/// As bpf(2): it has gone, or may not be asked for.
pub(super) fn of_id(command: Command, id: u32) -> io::Result<OwnedFd> {
    open(command, &mut ById { id, rest: [0; 31] })
}

/// The kernel's description of a program or a map: `struct bpf_prog_info`, `struct bpf_map_info`. What this kernel
/// does not know stays 0.
///
/// # Errors
/// As bpf(2).
pub(super) fn info(fd: &OwnedFd) -> io::Result<[u8; 256]> {
    let mut info = [0_u8; 256];
    let mut attr = ByFd {
        fd: number(fd),
        length: 256,
        info: info.as_mut_ptr() as u64,
        rest: [0; 28],
    };
    bpf(Command::Info, &mut attr)?;
    Ok(info)
}

/// A descriptor as bpf(2) wants it.
pub(super) fn number(fd: &OwnedFd) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// The text in a field that ends with its first zero.
pub(super) fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]).into_owned()
}
