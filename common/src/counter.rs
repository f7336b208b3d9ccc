//! Every failure path of the kernel programs has a counter.

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Index into the per-CPU array `COUNTERS`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Counter { $($(#[doc = $doc])+ $variant,)+ }

        impl Counter {
            /// All of them, in the order of their index.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Name in metrics and `lost` events.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

counters! {
    /// The ring had no room: a record was dropped.
    RingFull = "ring_full",
    /// `SOCKETS` had no room: a socket is not tracked.
    MapFull = "map_full",
    /// Another failure to write `SOCKETS`.
    MapError = "map_error",
    /// An entry of an older connection was found under the address of a new one.
    Reused = "address_reused",
    /// A socket was first seen in mid-life.
    Unknown = "first_seen_late",
    /// Kernel memory could not be read.
    ReadFailed = "read_failed",
    /// An accept queue was longer than one pass of the iterator walks.
    QueueCut = "accept_queue_cut",
    /// The iterator could not write a row.
    RowFailed = "row_failed",
    /// A user stack was left out: the ring had no room to spare.
    StackLeftOut = "stack_left_out",
    /// A user stack could not be taken: no registers of a 64-bit program were found, or its stack was not in memory.
    StackUnreadable = "stack_unreadable",
}

/// Number of counters.
pub const COUNT: usize = Counter::ALL.len();
