//! The reader of programs: a process of its own that parses what is in files and memory of other users' programs.
//!
//! Nothing that such a program says can be trusted: a file can be cut while it is read, or be made to exhaust memory,
//! time or a parser's assumptions. So the daemon does not parse it. It starts a reader, which gives up all rights
//! first ([`confine`]), hands it open files and copies of stacks, and takes addresses and names back. A reader that
//! dies is replaced.

mod ask;
mod confine;
mod generated;
mod module;
mod symbols;
mod walk;

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;

use self::symbols::Symbols;
use self::walk::{Job, Unwinder};
use super::wire::{Names, Order, Reply, Socket, unexpected};

/// The command by which the binary becomes a reader.
pub const COMMAND: &str = "read-programs";

/// Does what the daemon at the other end of standard input says, until that has gone.
pub fn main() -> io::Result<()> {
    confine::close_others()?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    confine::confine()?;
    serve(socket.into())
}

/// An order, with what it says copied: the socket is needed for questions.
enum Work {
    Unwind(Job),
    Name(u64, Vec<u64>),
    Generated(Vec<u64>, File),
}

/// Obeys until the other end is closed.
pub(super) fn serve(mut socket: Socket) -> io::Result<()> {
    let mut unwinder = Unwinder::default();
    let mut symbols = Symbols::default();
    loop {
        let work = match next(&mut socket) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            work => work?,
        };
        match work {
            Work::Unwind(job) => {
                let trace = unwinder.walk(&job, &mut socket)?;
                socket.send(&trace, None)?;
            }
            Work::Name(file, addresses) => {
                answer(symbols.name(file, &addresses, &mut socket)?, &socket)?;
            }
            Work::Generated(addresses, map) => {
                answer(generated::names(&map, &addresses)?, &socket)?;
            }
        }
    }
}

fn next(socket: &mut Socket) -> io::Result<Work> {
    let (order, file) = socket.receive_with_file::<Order<'_>>()?;
    Ok(match order {
        Order::Unwind {
            image,
            registers,
            start,
            bytes,
        } => Work::Unwind(Job {
            image,
            registers,
            start,
            bytes: bytes.into(),
        }),
        Order::Name { file, addresses } => Work::Name(file, addresses),
        Order::Generated { addresses } => {
            Work::Generated(addresses, file.ok_or_else(unexpected)?.into())
        }
        Order::Lies(_) | Order::File => return Err(unexpected()),
    })
}

fn answer(all: Vec<Names>, socket: &Socket) -> io::Result<()> {
    all.into_iter()
        .try_for_each(|names| socket.send(&Reply::Names(names), None))
}
