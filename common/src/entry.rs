//! What the kernel programs keep for every socket: the truth that records only announce.

/// The four-tuple and the network namespace it is unique in.
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
pub struct Tuple {
    /// Network order; IPv4 in the first four bytes, the rest zero.
    pub local_addr: [u8; 16],
    /// Network order; IPv4 in the first four bytes, the rest zero.
    pub peer_addr: [u8; 16],
    /// Inode number of the network namespace.
    pub netns: u32,
    /// Host order; 0 while the kernel has not chosen one.
    pub local_port: u16,
    /// Host order; 0 for a listener.
    pub peer_port: u16,
    /// [`AF_INET`](crate::tcp::AF_INET) or [`AF_INET6`](crate::tcp::AF_INET6) (which may carry v4-mapped addresses).
    pub family: u16,
    /// Keeps the size a multiple of four.
    pub reserved: u16,
}

/// How the kernel programs came to know a socket's process: [`Owner::source`].
pub mod source {
    /// Not known.
    pub const NONE: u8 = 0;
    /// It called connect.
    pub const CONNECT: u8 = 1;
    /// It called accept.
    pub const ACCEPT: u8 = 2;
    /// It used the descriptor (received, sent, shut down or closed).
    pub const USE: u8 = 3;
}

/// A process in its system call.
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
pub struct Owner {
    /// Process id (the kernel's `tgid`) in the initial pid namespace; 0 while unknown.
    pub pid: u32,
    /// Thread id (the kernel's `pid`).
    pub tid: u32,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// One of [`source`].
    pub source: u8,
    /// Keeps the fields aligned.
    pub reserved: [u8; 3],
    /// Start of the process, nanoseconds of `CLOCK_BOOTTIME`.
    pub start_ns: u64,
    /// Id of its control group (version 2).
    pub cgroup: u64,
    /// Name of the thread, padded with zeros (`task_struct.comm`).
    pub comm: [u8; 16],
}

/// Bits of [`SocketEntry::flags`].
pub mod flag {
    /// The local end called connect.
    pub const CLIENT: u8 = 1 << 0;
    /// The local end came out of a listener.
    pub const SERVER: u8 = 1 << 1;
    /// First seen by the iterator or in mid-life: `birth_ns` is when it was first seen.
    pub const SEEDED: u8 = 1 << 2;
    /// The application called shutdown for its sending side.
    pub const SHUTDOWN: u8 = 1 << 3;
    /// The last reference to the descriptor is gone (`tcp_close`).
    pub const CLOSED: u8 = 1 << 4;
    /// Seen in CLOSE_WAIT by the hooks, so `fin_ns` is exact.
    pub const FIN_SEEN: u8 = 1 << 5;
    /// Nobody needs a [`Gone`](crate::record::kind::GONE) record: it was an orphan when it closed.
    pub const ORPHAN: u8 = 1 << 6;
    /// A receive that returned data took the peer's FIN with it: the application was not told.
    pub const FIN_WITH_DATA: u8 = 1 << 7;
}

/// One socket. All times are nanoseconds of `CLOCK_BOOTTIME`, 0 for "not yet".
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
pub struct SocketEntry {
    /// When this connection was first seen: with the socket's address it names one connection, though the
    /// kernel reuses addresses at once.
    pub birth_ns: u64,
    /// The last change of state.
    pub changed_ns: u64,
    /// The peer's FIN was accepted.
    pub fin_ns: u64,
    /// The end-of-stream was first handed to the application.
    pub eof_ns: u64,
    /// First write after the peer's FIN.
    pub write_ns: u64,
    /// Bytes written after the peer's FIN.
    pub write_bytes: u64,
    /// When `owner` was found.
    pub owned_ns: u64,
    /// Address of the listener's socket, 0 if not known.
    pub listener: u64,
    /// A FIN or RST arrived that the stack did not accept at once.
    pub segment_ns: u64,
    /// `tcp_sock.bytes_sent` when the FIN was accepted.
    pub sent_at_fin: u64,
    /// How often the end-of-stream was handed to the application.
    pub eof_count: u32,
    /// How often the application wrote after the peer's FIN.
    pub write_count: u32,
    /// Who opened it.
    pub owner: Owner,
    /// Addresses.
    pub tuple: Tuple,
    /// State, see [`tcp`](crate::tcp).
    pub state: u8,
    /// Bits of [`flag`].
    pub flags: u8,
    /// `sk_err` at the last change of state (an errno).
    pub error: u16,
}

impl SocketEntry {
    /// Nothing known.
    pub const BLANK: Self = Self {
        birth_ns: 0,
        changed_ns: 0,
        fin_ns: 0,
        eof_ns: 0,
        write_ns: 0,
        write_bytes: 0,
        owned_ns: 0,
        listener: 0,
        segment_ns: 0,
        sent_at_fin: 0,
        eof_count: 0,
        write_count: 0,
        owner: Owner {
            pid: 0,
            tid: 0,
            uid: 0,
            source: source::NONE,
            reserved: [0; 3],
            start_ns: 0,
            cgroup: 0,
            comm: [0; 16],
        },
        tuple: Tuple {
            local_addr: [0; 16],
            peer_addr: [0; 16],
            netns: 0,
            local_port: 0,
            peer_port: 0,
            family: 0,
            reserved: 0,
        },
        state: 0,
        flags: 0,
        error: 0,
    };
}

const _: () = assert!(size_of::<Tuple>() == 44);
const _: () = assert!(size_of::<Owner>() == 48);
const _: () = assert!(size_of::<SocketEntry>() == 184);
