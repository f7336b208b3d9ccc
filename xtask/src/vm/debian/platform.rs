//! How programs of a guest's kind run on this machine.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::cross;

use super::arch::Arch;

/// A kind of machine, with what this one needs for it.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    pub(crate) arch: Arch,
    emulator: Option<PathBuf>,
}

impl Platform {
    /// Fetches what is missing; `unpacked` gives the folder of packages for this machine.
    ///
    /// # Errors
    /// It can neither be fetched nor installed.
    pub(crate) fn open(
        arch: Arch,
        unpacked: impl FnOnce(&str, &[&str]) -> Result<PathBuf>,
    ) -> Result<Self> {
        let emulator = match arch {
            Arch::Amd64 => None,
            Arch::Arm64 => {
                cross::ensure()?;
                Some(emulator(unpacked)?)
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

/// The program in which programs of arm64 run. It is static: it needs nothing else.
///
/// # Errors
/// It is neither there nor to be fetched.
pub(crate) fn emulator(unpacked: impl FnOnce(&str, &[&str]) -> Result<PathBuf>) -> Result<PathBuf> {
    let folder = unpacked("qemu-user", &["qemu-user-static"])?;
    Ok(folder.join("usr/bin/qemu-aarch64-static"))
}
