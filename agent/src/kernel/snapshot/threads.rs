//! The threads of one process, through `iter/task`.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};

use aya::Ebpf;
use aya::maps::{Array, MapData};
use finback_common::map;
use finback_common::row::ThreadRow;
use zerocopy::FromBytes as _;

use crate::kernel::error::KernelError;
use crate::kernel::sys::walk;

/// Lists the threads of one process.
pub(in crate::kernel) struct Threads {
    program: OwnedFd,
    wanted: Array<MapData, u32>,
}

impl Threads {
    pub(in crate::kernel) fn take(
        object: &mut Ebpf,
        program: OwnedFd,
    ) -> Result<Self, KernelError> {
        let name = map::WANTED;
        let map = object.take_map(name).ok_or(KernelError::Object(name))?;
        let wanted = Array::try_from(map).map_err(|error| KernelError::map(name, error))?;
        Ok(Self { program, wanted })
    }

    pub(in crate::kernel) fn list(&mut self, pid: u32) -> io::Result<Vec<ThreadRow>> {
        self.wanted.set(0, pid, 0).map_err(io::Error::other)?;
        Ok(rows(&read(walk(self.program.as_fd())?)?))
    }
}

/// One for each thread.
pub(super) fn rows(bytes: &[u8]) -> Vec<ThreadRow> {
    let rows = bytes.chunks_exact(size_of::<ThreadRow>());
    rows.filter_map(|row| ThreadRow::read_from_bytes(row).ok())
        .collect()
}

fn read(mut file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        match file.read_to_end(&mut bytes) {
            Ok(_) => return Ok(bytes),
            // A million threads without a row: the kernel wants to be asked again.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
