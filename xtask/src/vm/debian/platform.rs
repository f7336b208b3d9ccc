//! Which kind of machine guests are, and how their programs run on this one.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use clap::ValueEnum;

use crate::cross;

use super::store::{self, Store};

/// The folder, the package and the program in which programs of arm64 run.
pub(crate) const EMULATOR: &str = "qemu-user";
pub(crate) const EMULATOR_PACKAGE: &str = "qemu-user-static";
pub(crate) const EMULATOR_PROGRAM: &str = "usr/bin/qemu-aarch64-static";

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

/// A kind of machine, with what this one needs for it.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    pub(crate) arch: Arch,
    emulator: Option<PathBuf>,
}

impl Platform {
    /// Fetches what is missing.
    ///
    /// # Errors
    /// It can neither be fetched nor installed.
    pub(crate) fn open(store: &Store, arch: Arch) -> Result<Self> {
        let emulator = match arch {
            Arch::Amd64 => None,
            Arch::Arm64 => {
                cross::ensure()?;
                Some(emulator(store)?)
            }
        };
        Ok(Self { arch, emulator })
    }

    /// This machine's kind.
    #[cfg(test)]
    pub(crate) const fn own() -> Self {
        Self {
            arch: Arch::Amd64,
            emulator: None,
        }
    }

    /// Runs a program of that kind.
    pub(crate) fn command(&self, program: &Path) -> Command {
        match &self.emulator {
            Some(emulator) => cross::emulated(emulator, program),
            None => Command::new(program),
        }
    }

    /// The dynamic loader for such programs on this machine.
    pub(crate) fn loader(&self) -> PathBuf {
        let loader = self.arch.loader();
        match self.libraries() {
            Some(_) => format!("{}{loader}", cross::SYSROOT).into(),
            None => loader.into(),
        }
    }

    /// The folder of libraries that such programs are linked with, where it is not the machine's own.
    pub(crate) fn libraries(&self) -> Option<PathBuf> {
        match self.arch {
            Arch::Amd64 => None,
            Arch::Arm64 => Some(Path::new(cross::SYSROOT).join("lib")),
        }
    }
}

/// A static program: it needs nothing else.
fn emulator(store: &Store) -> Result<PathBuf> {
    let name = store::folder_name(EMULATOR, EMULATOR_PACKAGE);
    let folder = store.folder(&name, |apt, into| apt.unpack(&[EMULATOR_PACKAGE], into))?;
    Ok(folder.join(EMULATOR_PROGRAM))
}
