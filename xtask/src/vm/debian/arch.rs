//! Which kind of machine guests are.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

/// A kind of machine, as Debian names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    /// This machine's
    #[default]
    Amd64,
    /// Emulated, and built for by a cross compiler
    Arm64,
}

impl Arch {
    /// Debian's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Where every library goes in the guest: a default folder of Debian's loader.
    pub(crate) const fn library_dir(self) -> &'static str {
        match self {
            Self::Amd64 => "usr/lib/x86_64-linux-gnu",
            Self::Arm64 => "usr/lib/aarch64-linux-gnu",
        }
    }

    /// The psABI's interpreter; also its place in the guest.
    pub(crate) const fn loader(self) -> &'static str {
        match self {
            Self::Amd64 => "/lib64/ld-linux-x86-64.so.2",
            Self::Arm64 => "/lib/ld-linux-aarch64.so.1",
        }
    }

    /// Where Debian packages unpacked below `root` have their libraries.
    pub(crate) fn library_dirs(self, root: &Path) -> [PathBuf; 2] {
        let dir = self.library_dir();
        [root.join(dir), root.join(dir.trim_start_matches("usr/"))]
    }
}
