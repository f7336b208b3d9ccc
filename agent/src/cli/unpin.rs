//! `finback unpin`: removes what a daemon has left in the kernel.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::exit::{Code, Failure, quietly};
use crate::config::DEFAULT_PINS;
use crate::kernel::pin::{self, Kind, Refusal};

/// Arguments of `finback unpin`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback unpin --dry-run      what a daemon that has ended has left attached
  finback unpin                detach it, and free its tables
  finback unpin /sys/fs/bpf/x  of a daemon that was started with --pins /sys/fs/bpf/x

A daemon that is ended by SIGTERM or that crashes leaves its kernel programs attached and its tables filled, so that the next
one misses nothing (docs/reliability.md). Where there is to be no next one, this removes them: it takes away every version's
pins, nothing that is not finback's, and the folder if it is empty then. Ctrl-C does the same for a daemon on a terminal.

Exit codes: 0 nothing of it is left, also if nothing was there; 1 a daemon uses the folder; 3 not permitted.")]
pub(super) struct Unpin {
    /// The folder
    #[arg(default_value = DEFAULT_PINS, value_name = "DIR")]
    folder: PathBuf,

    /// Only say what would be removed
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Also while a daemon uses it: that one goes on, but leaves nothing behind
    #[arg(long)]
    force: bool,
}

impl Unpin {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let removed = match pin::remove(&self.folder, self.force, self.dry_run) {
            // Nowhere to pin is as good as nothing pinned.
            Err(refusal) if refusal.is_absence() || matches!(refusal, Refusal::NoFileSystem(_)) => {
                let place = self.folder.display();
                return quietly(writeln!(
                    io::stdout().lock(),
                    "nothing is pinned in {place}"
                ));
            }
            removed => removed?,
        };
        let mut out = io::stdout().lock();
        let links = removed
            .pins
            .iter()
            .filter(|(_, kind)| *kind == Kind::Link)
            .count();
        let tables = removed.pins.len() - links;
        let (detach, free) = if self.dry_run {
            ("would detach", "free")
        } else {
            ("detached", "freed")
        };
        let text = if removed.pins.is_empty() {
            format!("nothing is pinned in {}", self.folder.display())
        } else {
            format!("{detach} {links} programs and {free} {tables} tables")
        };
        quietly(writeln!(out, "{text}"))?;
        for (path, kind) in &removed.pins {
            quietly(writeln!(out, "  {:<5} {}", kind.name(), path.display()))?;
        }
        for path in &removed.left {
            quietly(writeln!(out, "  left  {}: not finback's", path.display()))?;
        }
        Ok(())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (code, help) = match &refusal {
            Refusal::Busy(_) => (
                Code::Failed,
                "end that daemon first, or remove its pins all the same with --force",
            ),
            _ if refusal.is_not_permitted() => (Code::NotPermitted, "run as root"),
            Refusal::Relative(_) => (Code::Usage, "give the path from the root on"),
            Refusal::NoFileSystem(_)
            | Refusal::Owner { .. }
            | Refusal::Mode { .. }
            | Refusal::Io { .. } => (Code::Failed, "`finback status --pins` shows what is there"),
        };
        Self::new(code, &refusal, help)
    }
}
