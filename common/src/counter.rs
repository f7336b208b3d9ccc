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
    /// Both places of a half-closed socket were taken: only the look finds it.
    HalfFull = "half_full",
    /// Both places of a connection's life were taken: its moments are not known.
    LifeFull = "life_full",
    /// An accept queue was longer than a look walks.
    QueueCut = "accept_queue_cut",
    /// A user stack was left out: the ring had no room to spare.
    StackLeftOut = "stack_left_out",
    /// A user stack could not be taken: no registers of a 64-bit program were found, or its stack was not in memory.
    StackUnreadable = "stack_unreadable",
}

/// Number of counters.
pub const COUNT: usize = Counter::ALL.len();
