//! Arguments that the commands which ask have in common.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::Failure;
use crate::config::{Config, DEFAULT_SOCKET, Flags};
use crate::source::{Choice, Source};

/// Whom to ask.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct SourceArgs {
    /// The daemon's Unix socket
    #[arg(long, default_value = DEFAULT_SOCKET, value_name = "PATH")]
    socket: PathBuf,

    /// Do not ask a daemon that runs: look at the kernel now
    #[arg(long, conflicts_with = "input")]
    no_daemon: bool,

    /// Read lines that finback has written before, `-` for standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// Thresholds and severities from this file instead of /etc/finback/finback.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SourceArgs {
    /// Opens it; `unheld`: also sockets without a descriptor.
    pub(in crate::cli) fn open(&self, unheld: bool) -> Result<Source, Failure> {
        let config = Config::load(self.config.as_deref(), Flags::default())?;
        let choice = Choice {
            socket: self.socket.clone(),
            look: self.no_daemon,
            input: self.input.clone(),
        };
        Ok(Source::open(&choice, &config, unheld)?)
    }
}
