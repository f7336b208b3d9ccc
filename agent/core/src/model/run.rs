//! Whether a process runs at all.

/// Why no process that holds a socket can do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Halt {
    /// Stopped by a signal or by a debugger (`T` or `t` in `/proc/PID/stat`).
    Stopped,
    /// Its control group is frozen.
    Frozen,
    /// Its core is being dumped.
    Dumping,
}

impl Halt {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Frozen => "frozen",
            Self::Dumping => "dumping",
        }
    }
}
