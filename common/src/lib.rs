//! The ABI between the kernel programs and the agent: ring records, map values, read-only globals, counters
//! and the table of hooks.
//!
//! Every struct is `repr(C)` without padding: the compiler checks the sizes below, and for the agent zerocopy
//! refuses a struct that has any. Byte order is the host's, except addresses, which are in network order.
//! Enumerations travel as `u8`; the agent turns them into types and counts what it does not know.

#![no_std]

pub mod counter;
pub mod entry;
pub mod hook;
pub mod offsets;
pub mod record;
pub mod row;
pub mod settings;
pub mod tcp;

/// Changes whenever a layout in this crate does. The agent writes it into [`settings::Settings`]; object and
/// agent are built together, so a difference means a broken build.
pub const ABI_VERSION: u32 = 2;

/// Names of the maps, shared with the kernel crate's statics.
pub mod map {
    /// Ring buffer of [`record`](crate::record)s.
    pub const RECORDS: &str = "RECORDS";
    /// Hash: socket address (`u64`) to [`SocketEntry`](crate::entry::SocketEntry).
    pub const SOCKETS: &str = "SOCKETS";
    /// Per-CPU array of [`Counter`](crate::counter::Counter) values.
    pub const COUNTERS: &str = "COUNTERS";
    /// Per-CPU array: how often each [`Hook`](crate::hook::Hook) did its work.
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
