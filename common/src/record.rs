//! What travels through the ring buffer. [`RecordHeader::kind`] tells the struct.

use crate::entry::{Owner, Tuple};

/// Values of [`RecordHeader::kind`].
pub mod kind {
    /// [`StateRecord`](super::StateRecord).
    pub const STATE: u8 = 1;
    /// [`OwnerRecord`](super::OwnerRecord).
    pub const OWNER: u8 = 2;
    /// [`ActRecord`](super::ActRecord): the end-of-stream was handed to the application.
    pub const EOF: u8 = 3;
    /// [`ActRecord`](super::ActRecord): first write after the peer's FIN.
    pub const WRITE: u8 = 4;
    /// [`SegmentRecord`](super::SegmentRecord).
    pub const SEGMENT: u8 = 5;
    /// [`TimeWaitRecord`](super::TimeWaitRecord).
    pub const TIME_WAIT: u8 = 6;
    /// [`GoneRecord`](super::GoneRecord).
    pub const GONE: u8 = 7;
    /// [`StackRecord`](super::StackRecord).
    pub const STACK: u8 = 8;
}

/// The head of every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout
    )
)]
#[repr(C)]
pub struct RecordHeader {
    /// One of [`kind`].
    pub kind: u8,
    /// [`Hook`](crate::hook::Hook) that made it.
    pub hook: u8,
    /// Keeps the fields aligned.
    pub reserved: u16,
    /// CPU it happened on: records of two CPUs can arrive out of order.
    pub cpu: u32,
    /// Nanoseconds of `CLOCK_BOOTTIME`.
    pub time_ns: u64,
    /// Address of the socket.
    pub sock: u64,
    /// [`SocketEntry::birth_ns`](crate::entry::SocketEntry::birth_ns); 0 if the map had no room for it.
    pub birth_ns: u64,
}

/// Bits of [`StateRecord::flags`].
pub mod state_flag {
    /// `SOCK_DEAD`: no descriptor refers to it any more.
    pub const DEAD: u8 = 1 << 0;
    /// `SOCK_DONE`: the peer's FIN was accepted.
    pub const DONE: u8 = 1 << 1;
    /// The application called shutdown for its sending side before.
    pub const SHUTDOWN: u8 = 1 << 2;
    /// The application closed its last descriptor before.
    pub const CLOSED: u8 = 1 << 3;
    /// `actor` is ending (`PF_EXITING`): its descriptors are being closed for it.
    pub const EXITING: u8 = 1 << 4;
    /// No `struct socket`: still in the accept queue, or an orphan.
    pub const UNATTACHED: u8 = 1 << 5;
    /// The local end called connect.
    pub const CLIENT: u8 = 1 << 6;
    /// The local end came out of a listener.
    pub const SERVER: u8 = 1 << 7;
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout
    )
)]
#[repr(C)]
pub struct StateRecord {
    /// Head.
    pub header: RecordHeader,
    /// Addresses; the local port is 0 on the way to SYN_SENT.
    pub tuple: Tuple,
    /// State before, see [`tcp`](crate::tcp).
    pub old: u8,
    /// State after.
    pub new: u8,
    /// Bits of [`state_flag`].
    pub flags: u8,
    /// Keeps the fields aligned.
    pub reserved: u8,
    /// `sk_err`, an errno: why it closed.
    pub error: u32,
    /// Bytes (and the FIN) that wait to be read, `rcv_nxt - copied_seq`; set on the way to CLOSE_WAIT.
    pub unread: u32,
    /// Process that did it, if the change was made by a system call (to SYN_SENT, FIN_WAIT1, LAST_ACK), else 0.
    pub actor_pid: u32,
    /// Its thread.
    pub actor_tid: u32,
    /// `skc_cookie`, 0 until somebody asked the kernel for it.
    pub cookie: u64,
}

/// Who opened a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout
    )
)]
#[repr(C)]
pub struct OwnerRecord {
    /// Head.
    pub header: RecordHeader,
    /// Addresses, complete.
    pub tuple: Tuple,
    /// State at that moment.
    pub state: u8,
    /// Bits of [`entry::flag`](crate::entry::flag).
    pub flags: u8,
    /// Keeps the fields aligned.
    pub reserved: u16,
    /// The process.
    pub owner: Owner,
    /// Inode number of the socket (`socket:[N]`), 0 if not known.
    pub inode: u64,
}

/// The application did something: took the end-of-stream, or wrote after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout
    )
)]
#[repr(C)]
pub struct ActRecord {
    /// Head.
    pub header: RecordHeader,
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Bytes written; 0 for the end-of-stream.
    pub bytes: u64,
}

/// A FIN or RST that the stack did not accept at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout
    )
)]
#[repr(C)]
pub struct SegmentRecord {
    /// Head.
    pub header: RecordHeader,
    /// First sequence number of the segment (SEG.SEQ).
    pub seq: u32,
    /// Next sequence number expected (RCV.NXT).
    pub rcv_nxt: u32,
    /// TCP header's flag byte.
    pub tcp_flags: u8,
    /// State of the socket.
    pub state: u8,
    /// Keeps the size a multiple of eight.
    pub reserved: [u8; 6],
}

/// Values of [`TimeWaitRecord::action`].
pub mod time_wait_action {
    /// The kernel is about to replace the socket by a minisock (entry hook: allocation may still fail).
    pub const ENTER: u8 = 1;
    /// The kernel has made the minisock.
    pub const ENTERED: u8 = 2;
    /// The minisock has left the tables.
    pub const LEAVE: u8 = 3;
}

/// A connection enters or leaves TIME_WAIT (or FIN_WAIT2 as a minisock).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout
    )
)]
#[repr(C)]
pub struct TimeWaitRecord {
    /// Head. `sock` is the full socket; for [`time_wait_action::LEAVE`] it and `birth_ns` are 0.
    pub header: RecordHeader,
    /// Addresses.
    pub tuple: Tuple,
    /// One of [`time_wait_action`].
    pub action: u8,
    /// `tw_substate`: [`tcp::TIME_WAIT`](crate::tcp::TIME_WAIT) or [`tcp::FIN_WAIT2`](crate::tcp::FIN_WAIT2).
    pub substate: u8,
    /// Keeps the fields aligned.
    pub reserved: u16,
    /// Address of the minisock, 0 if not known.
    pub minisock: u64,
    /// Cookie, kept from the full socket.
    pub cookie: u64,
}

/// The socket's memory is about to be freed (`tcp_destroy_sock`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout
    )
)]
#[repr(C)]
pub struct GoneRecord {
    /// Head.
    pub header: RecordHeader,
    /// Last state.
    pub state: u32,
    /// Keeps the size a multiple of eight.
    pub reserved: u32,
}

/// Parts in which a user stack is copied: a part that cannot be read ends the copy.
pub const STACK_PARTS: usize = 8;
/// Bytes of one part.
pub const STACK_PART_BYTES: usize = 1024;

/// What unwinding starts from: a thread's registers when it entered the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout
    )
)]
#[repr(C)]
pub struct Registers {
    /// Instruction pointer; 0 if no registers of a 64-bit program were found.
    pub ip: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer.
    pub fp: u64,
    /// Link register, where the architecture has one.
    pub lr: u64,
}

/// Where a thread was in its program when it opened a socket: registers as the system call saved them, and the top
/// of its stack. The agent unwinds it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    feature = "user",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout
    )
)]
#[repr(C)]
pub struct StackRecord {
    /// Head.
    pub header: RecordHeader,
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Start of the process, nanoseconds of `CLOCK_BOOTTIME`.
    pub start_ns: u64,
    /// Name of the thread.
    pub comm: [u8; 16],
    /// As the system call saved them.
    pub registers: Registers,
    /// `task_struct.self_exec_id`: changes with every exec.
    pub exec_id: u32,
    /// One of [`source`](crate::entry::source).
    pub source: u8,
    /// Keeps the fields aligned.
    pub reserved: u8,
    /// Bytes of `data` that were read.
    pub length: u16,
    /// What lay on the stack from `sp` on.
    pub data: [[u8; STACK_PART_BYTES]; STACK_PARTS],
}

/// Bytes of a [`StackRecord`] before its `data`.
pub const STACK_HEAD_BYTES: usize = size_of::<StackRecord>() - STACK_PARTS * STACK_PART_BYTES;

const _: () = assert!(STACK_HEAD_BYTES == 104);
const _: () = assert!(size_of::<RecordHeader>() == 32);
const _: () = assert!(size_of::<StateRecord>() == 104);
const _: () = assert!(size_of::<OwnerRecord>() == 136);
const _: () = assert!(size_of::<ActRecord>() == 48);
const _: () = assert!(size_of::<SegmentRecord>() == 48);
const _: () = assert!(size_of::<TimeWaitRecord>() == 96);
const _: () = assert!(size_of::<GoneRecord>() == 40);
