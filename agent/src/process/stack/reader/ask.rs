//! What the reader asks of the daemon.

use std::fs::File;
use std::io;

use crate::process::stack::wire::{Order, Reply, Socket, unexpected};

/// The open file that the daemon knows by this number.
pub(super) fn file(number: u64, socket: &mut Socket) -> io::Result<File> {
    socket.send(&Reply::WhichFile { file: number }, None)?;
    match socket.receive_with_file()? {
        (Order::File, Some(file)) => Ok(file.into()),
        _ => Err(unexpected()),
    }
}
