//! What names a connection and a process.

shared! {
    /// The four-tuple and the network namespace it is unique in.
    #[derive(Default)]
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

    /// A process in its system call.
    #[derive(Default)]
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
        /// Name of the process (`task_struct.comm` of its leader), padded with zeros.
        pub comm: [u8; 16],
    }
}

/// How the kernel programs came to know a socket's process: [`Owner::source`].
pub mod source {
    /// Not known.
    pub const NONE: u8 = 0;
    /// It called connect.
    pub const CONNECT: u8 = 1;
    /// It called accept.
    pub const ACCEPT: u8 = 2;
    /// It ended its side of a connection that it was not seen opening.
    pub const USE: u8 = 3;
}

/// An IPv4 address in the first four of sixteen bytes.
pub const fn widen(address: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = address;
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

const _: () = assert!(size_of::<Tuple>() == 44);
const _: () = assert!(size_of::<Owner>() == 48);
