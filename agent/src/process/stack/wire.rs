//! What the daemon and its readers of programs say to each other: one message in one datagram of a socket pair, an
//! open file beside it where one is handed over.
//!
//! The daemon gives an order and then answers questions until the last reply. The reader is believed nothing: its
//! messages are bounded, and what they say of a program is only ever shown.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::cmsg_space;
use rustix::io::retry_on_intr;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};
use serde::{Deserialize, Serialize, Serializer};

use super::model::{Place, Reason};

/// Largest message, bytes: a stack's memory and some.
const MAX_MESSAGE: usize = 96 << 10;
/// Processor time of one reader at most; the daemon replaces it long before.
pub(super) const READER_TIME: Duration = Duration::from_mins(2);
/// Frames of one stack at most.
pub(super) const MAX_FRAMES: usize = 64;
/// Functions at one address at most: more than one where functions were inlined.
pub(super) const MAX_INLINED: usize = 16;
/// Longest name of a function or a file, bytes.
pub(super) const MAX_TEXT: usize = 1024;

/// What lies in a file at an address of the file: a place, or why it is not known; innermost function first.
pub(super) type Names = Vec<Result<Place, Reason>>;

/// What the daemon says.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Order<'a> {
    /// Unwind a stack. Ends with [`Reply::Trace`].
    Unwind {
        /// Number of the process's mappings: what lay in them once lies there for ever.
        image: u64,
        /// Instruction pointer, stack pointer, frame pointer, link register.
        registers: [u64; 4],
        /// Where `bytes` lie.
        start: u64,
        /// The top of the stack.
        #[serde(serialize_with = "at_once")]
        bytes: &'a [u8],
    },
    /// Name addresses as a file counts them. Ends with a [`Reply::Names`] for each.
    Name {
        /// Number of the file.
        file: u64,
        /// Which.
        addresses: Vec<u64>,
    },
    /// Name addresses of generated code by the perf map that comes with this. Ends as [`Order::Name`].
    Generated {
        /// Which, as the process counts.
        addresses: Vec<u64>,
    },
    /// The answer to [`Reply::WhatLies`]; `None` for nothing that is executable.
    Lies(Option<Lies>),
    /// The answer to [`Reply::WhichFile`]; the file comes with it.
    File,
}

/// Not byte by byte, as slices are by default.
fn at_once<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// An executable mapping.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Lies {
    /// First address.
    pub(super) start: u64,
    /// First address after it.
    pub(super) end: u64,
    /// Number of the file and offset of the first byte in it; `None` for memory of no file.
    pub(super) file: Option<(u64, u64)>,
}

/// What the reader says.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Reply {
    /// Asks for the mapping at an address of the process whose stack is unwound.
    WhatLies { address: u64 },
    /// Asks for a file.
    WhichFile { file: u64 },
    /// Follows a file that was handed over for unwinding.
    Loaded { build_id: Option<Vec<u8>> },
    /// An unwound stack, innermost frame first.
    Trace { spots: Vec<Step>, truncated: bool },
    /// What one address is called.
    Names(Names),
}

/// One frame.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Step {
    /// Address in the process.
    pub(super) address: u64,
    /// It is a return address: the call lies before it.
    pub(super) is_return: bool,
    /// Where the call lies as the file counts, if there is a program in the file.
    pub(super) inside: Option<u64>,
}

/// One end of the pair.
#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    buffer: Box<[u8]>,
}

impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        Self {
            fd,
            buffer: vec![0; MAX_MESSAGE].into(),
        }
    }
}

impl Socket {
    /// The daemon's end, whose calls end after `patience`, and the reader's.
    pub(super) fn pair(patience: Duration) -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC;
        let (own, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        set_socket_timeout(&own, Timeout::Recv, Some(patience))?;
        set_socket_timeout(&own, Timeout::Send, Some(patience))?;
        Ok((own.into(), other))
    }

    /// Sends a message, and an open file with it.
    pub(super) fn send(
        &self,
        message: &impl Serialize,
        file: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let bytes = postcard::to_allocvec(message).map_err(io::Error::other)?;
        if bytes.len() > MAX_MESSAGE {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if let Some(file) = &file {
            control.push(SendAncillaryMessage::ScmRights(std::slice::from_ref(file)));
        }
        let parts = [IoSlice::new(&bytes)];
        retry_on_intr(|| sendmsg(&self.fd, &parts, &mut control, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// Waits for a message; a file that comes with it is closed at once.
    pub(super) fn receive<'a, T: Deserialize<'a>>(&'a mut self) -> io::Result<T> {
        self.receive_with_file().map(|(message, _)| message)
    }

    /// Waits for a message and the file that may come with it.
    pub(super) fn receive_with_file<'a, T: Deserialize<'a>>(
        &'a mut self,
    ) -> io::Result<(T, Option<OwnedFd>)> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let fd = self.fd.as_fd();
        let buffer = &mut self.buffer;
        let got = retry_on_intr(|| {
            let parts = &mut [IoSliceMut::new(buffer)];
            recvmsg(fd, parts, &mut control, RecvFlags::CMSG_CLOEXEC)
        })?;
        if got.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if got.flags.contains(ReturnFlags::TRUNC) {
            return Err(unexpected());
        }
        let file = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            RecvAncillaryMessage::ScmCredentials(_) | _ => None,
        });
        let bytes = self.buffer.get(..got.bytes).ok_or_else(unexpected)?;
        let message = postcard::from_bytes(bytes).map_err(|_malformed| unexpected())?;
        Ok((message, file))
    }
}

/// A message that does not belong here.
pub(super) fn unexpected() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an unexpected message")
}
