//! Which tests share a guest.

use clap::ValueEnum;

use crate::vm::machine::Accel;

/// Every flavour, the fullest first.
pub(crate) const ALL: [&str; 3] = ["fentry", "kprobe", "tracepoint"];

/// Tests that share a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// Hooks, live tests with each flavour, packet-exact tests
    Live,
    /// The scenario corpus, with the flavours kprobe and fentry
    Corpus,
    /// Tests that wait for the kernel's long timers
    Timers,
}

impl Suite {
    /// In labels and names of files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Corpus => "corpus",
            Self::Timers => "timers",
        }
    }

    /// The flavours that it is for.
    pub(crate) const fn flavours(self) -> &'static [&'static str] {
        match self {
            Self::Live => &ALL,
            // The machine itself mostly has tracepoints only.
            Self::Corpus => &["kprobe", "fentry"],
            // What users have, and the one that knows minisocks only from looking for them.
            Self::Timers => &["auto", "tracepoint"],
        }
    }

    /// How its guests' processors are run, where `found` is what the machine can do.
    ///
    /// With virtual time a busy machine is not a slow guest: thresholds and patience mean the same as on a machine
    /// with a processor of its own, and waiting costs nothing.
    pub(crate) const fn accel(self, found: Accel, asked: bool) -> Accel {
        match (self, found) {
            (Self::Timers, _) => Accel::VirtualTime,
            (Self::Live | Self::Corpus, Accel::Tcg) if !asked => Accel::VirtualTime,
            (Self::Live | Self::Corpus, found) => found,
        }
    }
}
