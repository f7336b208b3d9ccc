//! The least that any tool costs which is told of every change of state: a program that returns at once.

use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result};

use super::syscall::{Command, number, open};

/// `r0 = 0; exit`, two instructions of eight bytes.
const RETURN: [u64; 2] = [0x0000_0000_0000_00b7, 0x0000_0000_0000_0095];
/// `BPF_PROG_TYPE_RAW_TRACEPOINT`: called as a BTF tracepoint is, and needs no type to be looked up.
const RAW_TRACEPOINT: u32 = 17;
const TRACEPOINT: &std::ffi::CStr = c"inet_sock_set_state";
const LICENSE: &std::ffi::CStr = c"Dual MIT/GPL";

/// The empty program, attached until it is dropped.
#[derive(Debug)]
pub(crate) struct Floor {
    _link: OwnedFd,
}

#[repr(C)]
struct Load {
    program_type: u32,
    instructions: u32,
    program: u64,
    license: u64,
    rest: [u64; 13],
}

#[repr(C)]
struct Open {
    name: u64,
    program: u32,
    rest: [u32; 29],
}

impl Floor {
    /// Loads and attaches it.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(crate) fn attach() -> Result<Self> {
        let mut load = Load {
            program_type: RAW_TRACEPOINT,
            instructions: 2,
            program: RETURN.as_ptr() as u64,
            license: LICENSE.as_ptr() as u64,
            rest: [0; 13],
        };
        let program =
            open(Command::ProgramLoad, &mut load).context("cannot load an empty program")?;
        let mut attach = Open {
            name: TRACEPOINT.as_ptr() as u64,
            program: number(&program),
            rest: [0; 29],
        };
        let link = open(Command::OpenRawTracepoint, &mut attach)
            .context("cannot attach an empty program")?;
        Ok(Self { _link: link })
    }
}
