//! The ABI between the kernel programs and the agent: ring records, places of the mapped tables, read-only globals,
//! counters and the table of hooks.
//!
//! Every struct is `repr(C)` without padding: the compiler checks the sizes below, and for the agent zerocopy
//! refuses a struct that has any. Byte order is the host's, except addresses, which are in network order.
//! Enumerations travel as `u8`; the agent turns them into types and counts what it does not know.

#![no_std]
#![cfg_attr(
    feature = "user",
    expect(
        unnameable_types,
        reason = "zerocopy's derives make such types, and the macro below lets them look like ours"
    )
)]

/// A struct that both sides read as bytes.
macro_rules! shared {
    ($($(#[$attribute:meta])* pub struct $name:ident { $($fields:tt)* })+) => {$(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(
            feature = "user",
            derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
        )]
        #[repr(C)]
        pub struct $name { $($fields)* }
    )+};
}

pub mod counter;
pub mod hook;
pub mod interest;
pub mod offsets;
pub mod place;
pub mod record;
pub mod row;
pub mod settings;
pub mod socket;
pub mod tcp;

/// Changes whenever a layout in this crate does, or the place that a socket has in a table. The agent writes it into
/// [`settings::Settings`]; object and agent are built together, so a difference means a broken build.
pub const ABI_VERSION: u32 = 4;

/// Names of the maps, shared with the kernel crate's statics.
pub mod map {
    /// Ring buffer of [`record`](crate::record)s.
    pub const RECORDS: &str = "RECORDS";
    /// Mapped array of [`HalfPlace`](crate::place::HalfPlace): what is half-closed now.
    pub const HALF: &str = "HALF";
    /// Mapped array of [`OpenerPlace`](crate::place::OpenerPlace): who opened what, as far back as it reaches.
    pub const OPENERS: &str = "OPENERS";
    /// Mapped array of [`LifePlace`](crate::place::LifePlace): the lives of connections while the stream runs.
    pub const LIFE: &str = "LIFE";
    /// Mapped array of `u64`, written by the agent: addresses of sockets whose every change makes a record.
    pub const MARKS: &str = "MARKS";
    /// The writable word of [`interest`](crate::interest) bits: a data section of its own.
    pub const INTEREST: &str = ".data.interest";
    /// Mapped array of [`QueueRow`](crate::row::QueueRow): accept queues in one look.
    pub const QUEUED: &str = "QUEUED";
    /// Mapped array of one [`QueueWalk`](crate::row::QueueWalk).
    pub const QUEUE_WALK: &str = "QUEUE_WALK";
    /// Per-CPU array of [`Counter`](crate::counter::Counter) values.
    pub const COUNTERS: &str = "COUNTERS";
    /// Per-CPU array: how often each [`Hook`](crate::hook::Hook) did its work while it was being proven.
    pub const HITS: &str = "HITS";
    /// Array of one `u32`: the process whose threads `iter/task` lists.
    pub const WANTED: &str = "WANTED";
}

/// Names of the read-only globals.
pub mod global {
    /// [`Offsets`](crate::offsets::Offsets).
    pub const OFFSETS: &str = "OFFSETS";
    /// [`Settings`](crate::settings::Settings).
    pub const SETTINGS: &str = "SETTINGS";
    /// aya-log's level.
    pub const LOG_LEVEL: &str = "AYA_LOG_LEVEL";
}
