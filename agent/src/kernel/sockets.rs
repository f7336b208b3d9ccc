//! Walks `SOCKETS`: the kernel programs' truth per socket.

use std::os::fd::AsFd as _;

use aya::Ebpf;
use aya::maps::{Map, MapData};
use finback_common::entry::SocketEntry;
use finback_common::map;

use super::error::KernelError;
use super::sys::{Position, insert_new, lookup_batch};

/// Entries per system call.
const BATCH: usize = 4096;

/// The map, read-only.
pub(super) struct Sockets {
    map: MapData,
}

impl Sockets {
    pub(super) fn take(object: &mut Ebpf) -> Result<Self, KernelError> {
        let name = map::SOCKETS;
        match object.take_map(name) {
            Some(Map::HashMap(map)) => Ok(Self { map }),
            _ => Err(KernelError::Object(name)),
        }
    }

    /// Gives a socket its first entry. One that the hooks have made meanwhile stays.
    pub(super) fn seed(&self, sock: u64, entry: &SocketEntry) {
        if let Err(error) = insert_new(self.map.fd().as_fd(), sock, entry)
            && error.raw_os_error() != Some(libc::EEXIST)
        {
            tracing::debug!(%error, "a connection in an accept queue gets no entry");
        }
    }

    /// Calls `visit` for every entry. One that is written or removed meanwhile may be seen or not.
    pub(super) fn walk(&self, mut visit: impl FnMut(u64, &SocketEntry)) -> Result<(), KernelError> {
        let mut keys = vec![0; BATCH];
        let mut entries = vec![SocketEntry::default(); BATCH];
        let mut position = Position::Start;
        while position != Position::End {
            let (count, next) =
                lookup_batch(self.map.fd().as_fd(), position, &mut keys, &mut entries).map_err(
                    |source| KernelError::Io {
                        what: "walk the map of sockets",
                        source,
                    },
                )?;
            keys.iter()
                .zip(&entries)
                .take(count)
                .for_each(|(key, entry)| visit(*key, entry));
            position = next;
        }
        Ok(())
    }
}
