//! Names of loaded kernel programs: the one thing `/proc` does not tell of them.

use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// `BPF_PROG_GET_FD_BY_ID` of `enum bpf_cmd` (`include/uapi/linux/bpf.h`).
const GET_FD_BY_ID: libc::c_int = 13;
/// `BPF_OBJ_GET_INFO_BY_FD`.
const GET_INFO_BY_FD: libc::c_int = 15;
/// Where `name` starts in `struct bpf_prog_info`, and its length.
const NAME: std::ops::Range<usize> = 64..80;

/// The parts of `union bpf_attr` used here.
#[repr(C)]
struct ById {
    id: u32,
    rest: [u32; 31],
}

#[repr(C)]
struct ByFd {
    fd: u32,
    length: u32,
    info: u64,
    rest: [u32; 28],
}

fn bpf<T>(command: libc::c_int, attr: &mut T) -> Option<libc::c_long> {
    // SAFETY: the attribute is as large as said and holds what the command reads; the kernel checks it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attr),
            size_of::<T>(),
        )
    };
    (result >= 0).then_some(result)
}

/// The first 15 characters of the program's name; `None` if it has gone or may not be asked.
pub(super) fn of(id: u32) -> Option<String> {
    let fd = bpf(GET_FD_BY_ID, &mut ById { id, rest: [0; 31] })?;
    // SAFETY: the kernel has just made this descriptor for us.
    let fd = unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).ok()?) };
    let mut info = [0_u8; 256];
    let mut attr = ByFd {
        fd: u32::try_from(fd.as_raw_fd()).ok()?,
        length: 256,
        info: info.as_mut_ptr() as u64,
        rest: [0; 28],
    };
    bpf(GET_INFO_BY_FD, &mut attr)?;
    let name = &info[NAME];
    let end = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    Some(String::from_utf8_lossy(&name[..end]).into_owned())
}
