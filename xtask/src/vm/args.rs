//! The options of `cargo xtask vm`.

use anyhow::Result;
use clap::{Args, Parser};

use super::{accel::Choice, initramfs::GuestFile, mirror::Mirrors, series::Series};

/// Which guests, and what to run in them.
#[derive(Args, Debug)]
pub(crate) struct VmArgs {
    /// Kernel series, or `latest`
    #[arg(long, value_delimiter = ',', default_value = "5.10,6.1,6.12,latest")]
    pub(super) kernel: Vec<Series>,
    /// How to run the guest's processor
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) accel: Choice,
    /// Let the guest's clock count instructions and skip idle time (one emulated processor)
    #[arg(long, conflicts_with_all = ["accel", "smp"])]
    pub(super) virtual_time: bool,
    /// Use only what is cached
    #[arg(long)]
    pub(super) offline: bool,
    /// Seconds of wall time after which a guest is killed
    #[arg(long, default_value_t = 1800, value_name = "SECONDS")]
    pub(super) timeout: u64,
    /// Guests at the same time
    #[arg(long, default_value_t = 2)]
    pub(super) jobs: usize,
    /// Processors of a guest
    #[arg(long, default_value_t = 1)]
    pub(super) smp: u32,
    /// Memory of a guest
    #[arg(long, default_value_t = 1024, value_name = "MIB")]
    pub(super) memory: u32,
    /// Copy a file (with the libraries it needs) or a folder into the guest
    #[arg(long, value_name = "HOST[:GUEST]")]
    pub(super) file: Vec<GuestFile>,
    /// Set a variable in the guest
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub(super) env: Vec<(String, String)>,
    /// Debian archive to fetch from; by default the one that this machine's apt uses
    #[arg(
        long,
        env = "FINBACK_VM_MIRROR",
        requires = "security_mirror",
        value_name = "ADDRESS"
    )]
    mirror: Option<String>,
    /// Debian security archive to fetch from
    #[arg(
        long,
        env = "FINBACK_VM_SECURITY_MIRROR",
        requires = "mirror",
        value_name = "ADDRESS"
    )]
    security_mirror: Option<String>,
    /// What to run in the guest; without it, the project's tests: live, or of timers with virtual time
    #[arg(last = true)]
    pub(super) command: Vec<String>,
}

impl Default for VmArgs {
    /// As on the command line without any option: the guest tests on all kernels.
    fn default() -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            args: VmArgs,
        }
        Alone::parse_from(["vm"]).args
    }
}

impl VmArgs {
    /// The tests that need virtual time, on the oldest kernel and the newest: between them these timers have not
    /// changed.
    pub(crate) fn of_timers() -> Self {
        let all = Self::default();
        let ends = [all.kernel.first(), all.kernel.last()];
        Self {
            virtual_time: true,
            kernel: ends.into_iter().flatten().copied().collect(),
            ..all
        }
    }

    /// The archives named, else those of the machine's apt.
    pub(super) fn mirrors(&self) -> Result<Mirrors> {
        match (&self.mirror, &self.security_mirror) {
            (Some(archive), Some(security)) => Ok(Mirrors {
                archive: archive.clone(),
                security: security.clone(),
            }),
            _ => Mirrors::from_sys(),
        }
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
