//! The arguments that `finback run` and `finback doctor` share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::Failure;
use crate::config::{self, Attach, Config, Flags, RingBytes, Source};

/// What concerns the kernel side.
#[derive(Args, Debug)]
pub(super) struct KernelArgs {
    /// Read this file instead of /etc/finback/finback.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// How to attach: auto takes for each signal the cheapest way that works
    ///
    /// auto, kprobe, fentry or tracepoint. The last three force one way; signals that it cannot give are missing
    /// then.
    #[arg(long, value_name = "FLAVOUR")]
    attach: Option<Attach>,

    /// Size of the ring buffer between kernel and daemon, a power of two [default: 8MiB]
    #[arg(long, value_name = "BYTES")]
    ring_bytes: Option<RingBytes>,

    /// Sockets to follow at most [default: 131072]
    #[arg(long, value_parser = config::max_sockets, value_name = "NUMBER")]
    max_sockets: Option<u32>,

    /// Do not look at segments: the only signal with a cost per packet
    #[arg(long)]
    no_segment: bool,

    /// Take the user stack when a socket is opened, and those of the holders' threads for a finding
    ///
    /// Findings then say with function, file and line where the connection was made and where its process is now.
    #[arg(long)]
    stacks: bool,

    /// Where the host's file system is mounted, if finback is in a container: names of containers are looked up below
    /// it [default: /]
    #[arg(long, value_name = "DIR")]
    host_root: Option<PathBuf>,

    /// Level of the kernel programs' own log, which goes to standard error
    #[arg(long, value_enum, default_value_t = LogLevel::Off, value_name = "LEVEL")]
    pub(super) log_level: LogLevel,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl KernelArgs {
    pub(super) fn flags(&self) -> Flags {
        Flags {
            attach: self.attach,
            ring_bytes: self.ring_bytes,
            max_sockets: self.max_sockets,
            host_root: self.host_root.clone(),
            no_segment: self.no_segment,
            stacks: self.stacks,
            ..Flags::default()
        }
    }

    /// The configuration as far as the kernel side is concerned.
    pub(super) fn resolve(&self) -> Result<Config, Failure> {
        Ok(self.source(self.flags()).load()?)
    }

    /// Where the whole configuration comes from: the file that is named here, and flags.
    pub(super) fn source(&self, flags: Flags) -> Source {
        Source {
            path: self.config.clone(),
            flags,
        }
    }
}
