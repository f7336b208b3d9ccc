//! Read-only switches: the verifier knows their values and drops what they turn off.

shared! {
    /// The read-only global `SETTINGS`.
    #[derive(Default)]
    pub struct Settings {
        /// [`ABI_VERSION`](crate::ABI_VERSION).
        pub abi_version: u32,
        /// Places of the table of openers, a power of two.
        pub opener_places: u32,
        /// Process that is never an owner nor an actor: the agent, which holds every socket for a moment while it
        /// looks. 0: none.
        pub ignored_pid: u32,
        /// After a wake-up of the agent an urgent record waits at most so long for the next one, nanoseconds.
        pub wake_urgent_ns: u32,
        /// The same for other records.
        pub wake_idle_ns: u32,
        /// Bytes in the ring from which on the agent is woken whatever the time.
        pub wake_bytes: u32,
        /// Where the user's registers lie above `task_struct.stack`; 0: no stacks are taken.
        pub stack_registers: u32,
        /// A stack is taken only while the ring holds less than so many bytes: other records must not be lost for it.
        pub stack_room: u32,
        /// Bytes from the start of a `struct tcp_sock` to the end of the last member that is read; at most
        /// [`SOCKET_BYTES`].
        pub socket_bytes: u32,
    }
}

/// Room for a copy of a `struct tcp_sock`: twice what it takes without the kernel's own debugging.
pub const SOCKET_BYTES: usize = 4 << 10;

const _: () = assert!(size_of::<Settings>() == 36);
