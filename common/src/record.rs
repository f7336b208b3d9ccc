//! What travels through the ring buffer. [`RecordHeader::kind`] tells the struct.

use crate::socket::{Owner, Tuple};

/// Values of [`RecordHeader::kind`].
pub mod kind {
    /// [`StateRecord`](super::StateRecord).
    pub const STATE: u8 = 1;
    /// [`OpenRecord`](super::OpenRecord).
    pub const OPEN: u8 = 2;
    /// [`EofRecord`](super::EofRecord).
    pub const EOF: u8 = 3;
    /// [`ResetWriteRecord`](super::ResetWriteRecord).
    pub const RESET_WRITE: u8 = 4;
    /// [`ResetQueuedRecord`](super::ResetQueuedRecord).
    pub const RESET_QUEUED: u8 = 5;
    /// [`SegmentRecord`](super::SegmentRecord).
    pub const SEGMENT: u8 = 6;
    /// [`TimeWaitRecord`](super::TimeWaitRecord).
    pub const TIME_WAIT: u8 = 7;
    /// [`EndRecord`](super::EndRecord).
    pub const END: u8 = 8;
    /// [`StackRecord`](super::StackRecord).
    pub const STACK: u8 = 9;
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

/// Parts in which a user stack is copied: a part that cannot be read ends the copy.
pub const STACK_PARTS: usize = 8;
/// Bytes of one part.
pub const STACK_PART_BYTES: usize = 1024;

shared! {
    /// The head of every record.
    #[derive(Default)]
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
        /// Address of the socket; 0 where only addresses are known.
        pub sock: u64,
    }

    /// A change of state.
    #[derive(Default)]
    pub struct StateRecord {
        /// Head.
        pub header: RecordHeader,
        /// When it had entered `old`; 0 if that was not seen.
        pub entered_ns: u64,
        /// `skc_cookie`, 0 until somebody asked the kernel for it.
        pub cookie: u64,
        /// Addresses; the local port is 0 on the way to `SYN_SENT`.
        pub tuple: Tuple,
        /// `sk_err`, an errno: why it closed.
        pub error: u32,
        /// Bytes (and the FIN) that wait to be read, `rcv_nxt - copied_seq`; set on the way to `CLOSE_WAIT`.
        pub unread: u32,
        /// Process that did it, if the change was made by a system call, else 0.
        pub actor_pid: u32,
        /// Its thread.
        pub actor_tid: u32,
        /// State before, see [`tcp`](crate::tcp).
        pub old: u8,
        /// State after.
        pub new: u8,
        /// Bits of [`life_flag`](crate::place::life_flag).
        pub flags: u8,
        /// Keeps the size a multiple of eight.
        pub reserved: u8,
    }

    /// A process opened a connection.
    #[derive(Default)]
    pub struct OpenRecord {
        /// Head.
        pub header: RecordHeader,
        /// Inode number of the socket (`socket:[N]`), 0 if not known.
        pub inode: u64,
        /// The process and, as its source, how it opened the connection.
        pub owner: Owner,
        /// Addresses; the local port is 0 where only the change of state told of a connect.
        pub tuple: Tuple,
        /// State at that moment.
        pub state: u8,
        /// Keeps the size a multiple of eight.
        pub reserved: [u8; 3],
    }

    /// The end-of-stream was first handed to the application.
    #[derive(Default)]
    pub struct EofRecord {
        /// Head.
        pub header: RecordHeader,
        /// When the peer's FIN was accepted.
        pub fin_ns: u64,
        /// Addresses.
        pub tuple: Tuple,
        /// Process id.
        pub pid: u32,
        /// Thread id.
        pub tid: u32,
        /// State at that moment.
        pub state: u8,
        /// Keeps the size a multiple of eight.
        pub reserved: [u8; 3],
    }

    /// A reset answered data that was written after the peer's FIN.
    #[derive(Default)]
    pub struct ResetWriteRecord {
        /// Head.
        pub header: RecordHeader,
        /// When the peer's FIN was accepted.
        pub fin_ns: u64,
        /// When the end-of-stream had first been handed to the application; 0 if it had not.
        pub eof_ns: u64,
        /// Addresses.
        pub tuple: Tuple,
        /// Bytes written since the FIN.
        pub bytes: u32,
        /// `tcp_sock.lsndtime`, jiffies: when data was last sent.
        pub last_sent: u32,
        /// The kernel's jiffies at that moment, low 32 bits.
        pub jiffies: u32,
        /// Process that the end-of-stream had first been handed to, else 0.
        pub eof_pid: u32,
        /// Bits of [`life_flag`](crate::place::life_flag): `CLIENT`, `SERVER`, `DEAD`.
        pub flags: u8,
        /// Keeps the size a multiple of eight.
        pub reserved: [u8; 3],
    }

    /// A connection was reset while it waited in an accept queue.
    #[derive(Default)]
    pub struct ResetQueuedRecord {
        /// Head.
        pub header: RecordHeader,
        /// Addresses.
        pub tuple: Tuple,
        /// State before the reset.
        pub state: u8,
        /// Keeps the size a multiple of eight.
        pub reserved: [u8; 3],
    }

    /// A FIN or RST that the stack did not accept at once.
    #[derive(Default)]
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

    /// A connection enters or leaves `TIME_WAIT` (or `FIN_WAIT2` as a minisock).
    #[derive(Default)]
    pub struct TimeWaitRecord {
        /// Head. `sock` is the full socket; for [`time_wait_action::LEAVE`] it is 0.
        pub header: RecordHeader,
        /// Addresses.
        pub tuple: Tuple,
        /// One of [`time_wait_action`].
        pub action: u8,
        /// `tw_substate`: [`tcp::TIME_WAIT`](crate::tcp::TIME_WAIT) or [`tcp::FIN_WAIT2`](crate::tcp::FIN_WAIT2).
        pub substate: u8,
        /// Keeps the size a multiple of eight.
        pub reserved: u16,
    }

    /// The socket's memory is about to be freed (`tcp_destroy_sock`). All moments as in
    /// [`LifePlace`](crate::place::LifePlace), zeros if they were not followed.
    #[derive(Default)]
    pub struct EndRecord {
        /// Head.
        pub header: RecordHeader,
        /// `tcp_sock.bytes_acked`.
        pub bytes_acked: u64,
        /// `tcp_sock.bytes_received`.
        pub bytes_received: u64,
        /// `skc_cookie`, 0 until somebody asked the kernel for it.
        pub cookie: u64,
        /// The change to `SYN_SENT` or `SYN_RECV`.
        pub opened_ns: u64,
        /// The change to `ESTABLISHED`.
        pub established_ns: u64,
        /// The peer's FIN was accepted.
        pub fin_received_ns: u64,
        /// The change to `FIN_WAIT1` or `LAST_ACK`.
        pub fin_sent_ns: u64,
        /// The change to `FIN_WAIT2`.
        pub fin_acked_ns: u64,
        /// The last change.
        pub changed_ns: u64,
        /// Addresses.
        pub tuple: Tuple,
        /// `sk_err` at the last change, an errno.
        pub error: u16,
        /// State before the last change.
        pub from: u8,
        /// Bits of [`life_flag`](crate::place::life_flag).
        pub flags: u8,
    }

    /// What unwinding starts from: a thread's registers when it entered the kernel.
    #[derive(Default)]
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
        /// One of [`source`](crate::socket::source).
        pub source: u8,
        /// Keeps the fields aligned.
        pub reserved: u8,
        /// Bytes of `data` that were read.
        pub length: u16,
        /// What lay on the stack from `sp` on.
        pub data: [[u8; STACK_PART_BYTES]; STACK_PARTS],
    }
}

/// Bytes of a [`StackRecord`] before its `data`.
pub const STACK_HEAD_BYTES: usize = size_of::<StackRecord>() - STACK_PARTS * STACK_PART_BYTES;

const _: () = assert!(STACK_HEAD_BYTES == 96);
const _: () = assert!(size_of::<RecordHeader>() == 24);
const _: () = assert!(size_of::<StateRecord>() == 104);
const _: () = assert!(size_of::<OpenRecord>() == 128);
const _: () = assert!(size_of::<EofRecord>() == 88);
const _: () = assert!(size_of::<ResetWriteRecord>() == 104);
const _: () = assert!(size_of::<ResetQueuedRecord>() == 72);
const _: () = assert!(size_of::<SegmentRecord>() == 40);
const _: () = assert!(size_of::<TimeWaitRecord>() == 72);
const _: () = assert!(size_of::<EndRecord>() == 144);
