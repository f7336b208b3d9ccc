//! What was attached and whether it works: `finback doctor`, `hello`, `status`.

use finback_common::hook::{Flavour, Hook, Signal};
use serde::{Serialize, Serializer};

/// Everything there is to know about the hooks.
#[derive(Clone, Debug, Serialize)]
pub struct HookReport {
    /// `uname -r`.
    pub kernel: String,
    /// One row per signal, in the order of [`Signal::ALL`].
    pub signals: Vec<SignalReport>,
    /// How sockets and their holders are found.
    pub snapshot: SnapshotReport,
    /// Whether user stacks are taken.
    pub stacks: StackReport,
    /// What works only in part, and the remedy.
    pub limits: Vec<String>,
    /// Why hooks could not be proven, if the test connections could not be made.
    pub unproven: Option<String>,
}

impl HookReport {
    /// The row of one signal.
    pub fn signal(&self, signal: Signal) -> Option<&SignalReport> {
        self.signals.iter().find(|row| row.signal == signal)
    }
}

/// One signal.
#[derive(Clone, Debug, Serialize)]
pub struct SignalReport {
    /// Which.
    #[serde(serialize_with = "signal_name")]
    pub signal: Signal,
    /// How it comes.
    #[serde(flatten)]
    pub means: Means,
    /// Every hook that was tried for it, the chosen flavour's first.
    pub hooks: Vec<HookRow>,
}

impl SignalReport {
    /// Whether the agent gets it at all.
    pub const fn is_available(&self) -> bool {
        !matches!(self.means, Means::Missing { .. })
    }
}

/// How a signal comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "means", rename_all = "snake_case")]
pub enum Means {
    /// By hooks of its own.
    Hooks {
        /// Of this flavour.
        #[serde(serialize_with = "flavour_name")]
        flavour: Flavour,
    },
    /// Out of the changes of state.
    ThroughState,
    /// A look finds what there is to know.
    Look,
    /// By listing the minisocks from time to time.
    Sweep,
    /// Not at all.
    Missing {
        /// Every flavour with the reason why not.
        reason: String,
    },
}

impl Means {
    /// Short name for a table: a flavour, or the way round.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hooks { flavour } => flavour.name(),
            Self::ThroughState => "through state",
            Self::Look => "look",
            Self::Sweep => "sweep",
            Self::Missing { .. } => "missing",
        }
    }
}

/// One kernel program.
#[derive(Clone, Debug, Serialize)]
pub struct HookRow {
    /// Name of the program.
    pub program: &'static str,
    /// Kernel function or tracepoint.
    pub target: &'static str,
    /// Which.
    #[serde(skip)]
    pub hook: Hook,
    /// Its flavour.
    #[serde(serialize_with = "flavour_name")]
    pub flavour: Flavour,
    /// Whether its flavour is complete without it.
    pub required: bool,
    /// Whether it works.
    #[serde(flatten)]
    pub status: HookStatus,
    /// How often it did its work while it was being proven.
    pub hits: u64,
    /// Whether it is attached now.
    pub attached: bool,
    /// Instructions that the verifier followed, if its program is loaded and the kernel tells (5.16).
    pub verified: Option<u32>,
}

/// Whether a hook works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum HookStatus {
    /// It counted the test connections.
    Firing,
    /// Attached, but the test connections did not reach it.
    Silent,
    /// Attached; the test connections could not be made.
    Unproven,
    /// Not attached.
    Missing {
        /// The kernel's own words.
        reason: String,
    },
}

impl HookStatus {
    /// Name for a table.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Silent => "silent",
            Self::Unproven => "unproven",
            Self::Missing { .. } => "missing",
        }
    }
}

/// How sockets and their holders are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "means", rename_all = "snake_case")]
pub enum SnapshotReport {
    /// `iter/task_file`: all processes and namespaces in one pass.
    Iterator,
    /// `/proc/*/fd` joined with `sock_diag`.
    Proc {
        /// Why the iterator is not available.
        reason: String,
    },
}

/// Whether user stacks are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "means", rename_all = "snake_case")]
pub enum StackReport {
    /// Nobody has asked for them.
    Off,
    /// When a socket is opened; those of blocked threads with all registers, by `iter/task`.
    Full,
    /// When a socket is opened; those of blocked threads from `/proc`, without their frame pointer.
    WithoutIterator {
        /// Why the iterator is not available.
        reason: String,
    },
    /// Not on this kernel.
    Missing {
        /// Why.
        reason: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn signal_name<S: Serializer>(signal: &Signal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(signal.name())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn flavour_name<S: Serializer>(flavour: &Flavour, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(flavour.name())
}
