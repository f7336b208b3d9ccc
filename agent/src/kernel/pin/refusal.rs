//! Why nothing is pinned.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a folder is not used.
#[derive(Debug, Error)]
pub enum Refusal {
    /// A path that depends on where the daemon was started.
    #[error("{} is not an absolute path", .0.display())]
    Relative(PathBuf),
    /// Only a bpf file system has pins.
    #[error("{} is not on a bpf file system: mount -t bpf bpf /sys/fs/bpf", .0.display())]
    NoFileSystem(PathBuf),
    /// What others own, they can exchange.
    #[error("{} belongs to user {owner}; only what user {own} has made is trusted", path.display())]
    Owner {
        /// What.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it should be.
        own: u32,
    },
    /// What others can write to, they can exchange.
    #[error("{} can be written to by others (mode {mode:03o}): chmod go-w", path.display())]
    Mode {
        /// What.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// One daemon has it.
    #[error("{} is used by another finback", .0.display())]
    Busy(PathBuf),
    /// A system call failed.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl Refusal {
    pub(super) fn io<'a>(
        what: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether there is nothing at that path.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the caller may not.
    pub fn is_not_permitted(&self) -> bool {
        match self {
            Self::Owner { .. } | Self::Mode { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            Self::Relative(_) | Self::NoFileSystem(_) | Self::Busy(_) => false,
        }
    }
}
