//! Rows of the iterator, and what `/proc` says of a process, as anybody may have written them.

use std::io::{self, Read};

use finback_common::place::{HalfPlace, OpenerPlace};
use finback_common::row::{QueueRow, ThreadRow};
use zerocopy::FromBytes as _;

use super::join::{Join, Memory};
use super::waiters::Functions;
use super::{halt, proc, rows, threads};
use crate::kernel::processes::Processes;

/// Nothing is remembered.
struct Nothing;

impl Memory for Nothing {
    fn half(&self, _sock: u64) -> Option<HalfPlace> {
        None
    }

    fn opener(&self, _sock: u64) -> Option<OpenerPlace> {
        None
    }
}

/// Hands out a few bytes at a time, as a reader may.
struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const PIECE: usize = 37;
        let (now, later) = self.0.split_at(self.0.len().min(PIECE).min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.0 = later;
        Ok(now.len())
    }
}

/// Rows are the same however they are cut; whatever they say a look comes of it.
pub(crate) fn iterator_rows(bytes: &[u8]) {
    const LISTING: &[u8] = b"1 t ep_poll_callback\n2 t pollwake\n3 t io_poll_wake\n";
    let (mut whole, mut cut) = (Vec::new(), Vec::new());
    let read = rows::read(bytes, |row| whole.push(*row));
    let again = rows::read(Slowly(bytes), |row| cut.push(*row));
    assert_eq!(read.is_ok(), again.is_ok());
    assert_eq!(whole, cut);
    let (mut processes, mut functions) = (Processes::default(), Functions::listed(LISTING));
    let mut join = Join::new(&Nothing, &mut processes, &mut functions);
    for row in &whole {
        join.row(row);
    }
    for row in bytes.chunks_exact(size_of::<QueueRow>()) {
        join.queued(&QueueRow::read_from_bytes(row).expect("a whole row"));
    }
    let snapshot = join.finish();
    let holders = snapshot.sockets.iter().map(|view| view.holders.len());
    assert!(holders.sum::<usize>() <= whole.len());
    let threads = threads::rows(bytes);
    assert_eq!(threads.len(), bytes.len() / size_of::<ThreadRow>());
}

/// Files and links of a process.
pub(in crate::kernel) fn proc_files(bytes: &[u8], text: &str) {
    proc::Stat::parse(bytes);
    proc::socket_inode(bytes);
    halt::in_status(text);
    Functions::listed(bytes);
}
