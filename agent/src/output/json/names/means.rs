//! How the daemon learns of a signal.

use finback_common::hook::Flavour;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the daemon learns of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// BTF tracepoint.
    Tracepoint,
    /// Function entry or exit through the BPF trampoline.
    Fentry,
    /// kprobe on function entry.
    Kprobe,
    /// Out of the state changes made in a system call.
    ThroughState,
    /// A look finds what there is to know.
    Look,
    /// By listing from time to time.
    Sweep,
}

impl From<Flavour> for Means {
    fn from(flavour: Flavour) -> Self {
        match flavour {
            Flavour::Tracepoint => Self::Tracepoint,
            Flavour::Fentry => Self::Fentry,
            Flavour::Kprobe => Self::Kprobe,
        }
    }
}
