//! The programs that make and run guests: Debian packages with all that they need, down to the C library, unpacked
//! below the target directory and run from there. Nothing is installed, nothing of the host can be in the way.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{
    arch::Arch,
    store::{self, Store},
};

/// The dynamic loader, as Debian's package brings it.
const LOADER: &str = "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
/// QEMU's own data and the firmware of other packages.
const FIRMWARE: [&str; 2] = ["usr/share/qemu", "usr/share/seabios"];
const QEMU_MODULES: &str = "usr/lib/x86_64-linux-gnu/qemu";

/// The unpacked packages.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    root: PathBuf,
    /// Of the guests.
    arch: Arch,
}

impl Tools {
    /// Fetches them if they are not there.
    ///
    /// # Errors
    /// They are neither there nor to be fetched.
    pub(crate) fn open(store: &Store, arch: Arch) -> Result<Self> {
        let root = store.folder(&name(arch), |apt, into| {
            apt.unpack(&apt.closure(&packages(arch))?, into)
        })?;
        Ok(Self { root, arch })
    }

    /// Those below `dir` that an earlier run has fetched.
    pub(crate) fn fetched(dir: &Path, arch: Arch) -> Option<Self> {
        let root = dir.join(name(arch));
        root.is_dir().then_some(Self { root, arch })
    }

    /// The guests' kind of machine.
    pub(crate) const fn arch(&self) -> Arch {
        self.arch
    }

    /// The emulator; it finds its firmware, without any network card's.
    pub(crate) fn qemu(&self) -> Result<Command> {
        let name = match self.arch {
            Arch::Amd64 => "qemu-system-x86_64",
            Arch::Arm64 => "qemu-system-aarch64",
        };
        let mut qemu = self.run(&format!("usr/bin/{name}"), name)?;
        qemu.env("QEMU_MODULE_DIR", self.root.join(QEMU_MODULES));
        for folder in FIRMWARE {
            qemu.arg("-L").arg(self.root.join(folder));
        }
        Ok(qemu)
    }

    /// Finds out which kernel modules need which.
    pub(crate) fn depmod(&self) -> Result<Command> {
        self.run("bin/kmod", "depmod")
    }

    /// Unpacks the modules of kernels from 6.12 on.
    pub(crate) fn xz(&self) -> Result<Command> {
        self.run("usr/bin/xz", "xz")
    }

    /// A program by its path in the packages, under a name of its choice, with the packages' own loader: libraries and
    /// loader of one build belong together.
    fn run(&self, program: &str, name: &str) -> Result<Command> {
        let libraries = std::env::join_paths(Arch::Amd64.library_dirs(&self.root))
            .context("a target directory with a colon in its name cannot hold libraries")?;
        let mut command = Command::new(self.root.join(LOADER));
        command
            .arg("--library-path")
            .arg(libraries)
            .args(["--argv0", name])
            .arg(self.root.join(program));
        Ok(command)
    }
}

/// What is fetched: the emulator of such machines first.
fn packages(arch: Arch) -> [&'static str; 3] {
    let qemu = match arch {
        Arch::Amd64 => "qemu-system-x86",
        Arch::Arm64 => "qemu-system-arm",
    };
    [qemu, "kmod", "xz-utils"]
}

fn name(arch: Arch) -> String {
    store::folder_name("tools", &packages(arch).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_runs_with_the_loader_and_libraries_of_its_packages() {
        let tools = Tools {
            root: "/t".into(),
            arch: Arch::Amd64,
        };
        let depmod = tools.depmod().expect("a command");
        assert_eq!(
            crate::process::shown(&depmod),
            "/t/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 --library-path \
             /t/usr/lib/x86_64-linux-gnu:/t/lib/x86_64-linux-gnu --argv0 depmod /t/bin/kmod"
        );
    }

    #[test]
    fn a_folder_that_cannot_be_named_in_a_search_path_is_refused() {
        let tools = Tools {
            root: "/a:b".into(),
            arch: Arch::Amd64,
        };
        assert!(tools.qemu().is_err());
    }
}
