//! `finback doctor`: can this host do it, and how.

use std::io::{self, Write as _};

use clap::{Args, ValueEnum};

use super::exit::{Failure, quietly};
use super::hook_table;
use super::kernel_args::KernelArgs;
use super::runtime::runtime;
use crate::daemon;
use crate::kernel::Kernel;
use crate::remedy;

/// Arguments of `finback doctor`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback doctor                       what works on this kernel
  finback doctor --attach kprobe       what would work through kprobes alone
  finback doctor --config NEW.toml     is this file right? before the daemon reads it
  finback doctor --format json | jq '.signals[] | select(.means == \"missing\")'

`firing` means: test connections on loopback have reached the hook. Exit code 0: the daemon can run.")]
pub(super) struct Doctor {
    #[command(flatten)]
    kernel: KernelArgs,

    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A table
    Text,
    /// One JSON object
    Json,
}

impl Doctor {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let config = self.kernel.resolve()?;
        remedy::check(&config.remedies)?;
        let _runtime = runtime()?;
        let kernel = Kernel::load(&daemon::kernel_options(
            &config,
            self.kernel.log_level as u8,
        ))?;
        match self.format {
            Format::Text => hook_table::print(kernel.report()),
            Format::Json => {
                let text =
                    serde_json::to_string_pretty(kernel.report()).map_err(io::Error::other)?;
                quietly(writeln!(io::stdout().lock(), "{text}"))
            }
        }
    }
}
