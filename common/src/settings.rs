//! Read-only switches: the verifier knows their values and drops what they turn off.

/// The read-only global `SETTINGS`.
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
pub struct Settings {
    /// [`ABI_VERSION`](crate::ABI_VERSION).
    pub abi_version: u32,
    /// Bit `1 << state` set: a change to that state is put into the ring. The map learns of every change.
    pub state_mask: u32,
    /// 1: `accept` has no hook of its own, so the process is taken at the first use of the descriptor.
    pub accept_from_use: u32,
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
}

const _: () = assert!(size_of::<Settings>() == 32);
