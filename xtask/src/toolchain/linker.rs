//! bpf-linker, built for the LLVM of the compiler whose bitcode it links, into the target directory.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{fs, os::unix};

use anyhow::{Context as _, Result, bail};

use super::compiler::{self, Compiler};
use crate::apt::{self, Package};
use crate::{install, process, workspace};

/// The pinned version.
pub(crate) const VERSION: &str = "0.13.0";
/// The LLVM major versions for which that version has a cargo feature.
pub(crate) const LLVM: RangeInclusive<u32> = 21..=23;

/// Builds the linker unless it is there, and returns its path.
///
/// # Errors
/// No LLVM to link it to, or the build fails.
pub(crate) fn ensure(compiler: &Compiler) -> Result<PathBuf> {
    let llvm = Llvm::of(compiler)?;
    let prefix = workspace::target_dir().join("bpf-tools").join(llvm.tag());
    let linker = prefix.join("bin/bpf-linker");
    if works(&linker) {
        return Ok(linker);
    }
    eprintln!(
        "xtask: building bpf-linker {VERSION} for LLVM {} into {} (it links the kernel programs)",
        compiler.version.llvm,
        prefix.display()
    );
    let started = Instant::now();
    llvm.link_into(&prefix)?;
    let mut install = command(&prefix, compiler.version.llvm_major);
    install::run("bpf-linker", &prefix, &mut install)?;
    if !works(&linker) {
        bail!("{} was built but does not run", linker.display());
    }
    eprintln!(
        "xtask: bpf-linker built in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    Ok(linker)
}

/// Whether a bpf-linker of the pinned version runs.
pub(crate) fn works(linker: &Path) -> bool {
    let said = process::output(compiler::command(linker).arg("--version"));
    said.is_ok_and(|said| said.trim() == format!("bpf-linker {VERSION}"))
}

fn command(prefix: &Path, llvm_major: u32) -> Command {
    let mut install = install::command("bpf-linker", VERSION, prefix);
    install
        .args(["--no-default-features", "--features"])
        .arg(format!("llvm-{llvm_major}"))
        // All the work is LLVM's: an unoptimised wrapper links no slower (measured) and builds in half the time.
        .args(["--config", "profile.release.opt-level=0"])
        .env("LLVM_PREFIX", prefix);
    install
}

/// The LLVM library that a compiler itself runs on.
///
/// Linking to the very same library needs no LLVM development packages, and the bitcode always matches.
struct Llvm {
    library: PathBuf,
}

impl Llvm {
    fn of(compiler: &Compiler) -> Result<Self> {
        let needed =
            process::output(compiler::command("ldd").arg(&compiler.rustc)).unwrap_or_default();
        if let Some(library) = shared_llvm(&needed) {
            return Ok(Self { library });
        }
        // A compiler with LLVM linked in: take the distribution's development files of the same major version.
        let major = compiler.version.llvm_major;
        let library = PathBuf::from(format!("/usr/lib/llvm-{major}/lib/libLLVM.so"));
        if !library.is_file() {
            apt::ensure(&[Package::new(
                format!("llvm-{major}-dev"),
                format!(
                    "bpf-linker links to it: {} has LLVM {major} built in",
                    compiler.rustc.display()
                ),
            )])?;
        }
        Ok(Self { library })
    }

    /// Names the directory: the library's own name, which has its version and vendor in it.
    fn tag(&self) -> String {
        let real = fs::canonicalize(&self.library).unwrap_or_else(|_| self.library.clone());
        real.file_name().map_or_else(
            || "llvm".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
    }

    /// Makes `prefix/lib` a directory that the linker's build script takes for an LLVM installation: one library, under
    /// the name to link with and under the name it is loaded by (the build script sets the run path to this directory).
    fn link_into(&self, prefix: &Path) -> Result<()> {
        let dir = prefix.join("lib");
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        for name in ["libLLVM.so".to_owned(), self.tag()] {
            let link = dir.join(name);
            if fs::symlink_metadata(&link).is_ok() {
                fs::remove_file(&link)
                    .with_context(|| format!("cannot replace {}", link.display()))?;
            }
            unix::fs::symlink(&self.library, &link)
                .with_context(|| format!("cannot link {}", link.display()))?;
        }
        Ok(())
    }
}

/// The LLVM library in the output of ldd: `libLLVM.so.22.1 => /lib/x86_64-linux-gnu/libLLVM.so.22.1 (0x00007f…)`.
fn shared_llvm(ldd: &str) -> Option<PathBuf> {
    let line = ldd
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("libLLVM"))?;
    let path = line.split_once("=> ")?.1.split(" (").next()?.trim();
    path.starts_with('/').then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_compilers_llvm() {
        let ldd = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibrustc_driver-b5.so => /usr/lib/librustc_driver-b5.so (0x0)\n\
                   \tlibLLVM.so.22.1 => /lib/x86_64-linux-gnu/libLLVM.so.22.1 (0x00007fdd)\n";
        assert_eq!(
            shared_llvm(ldd),
            Some("/lib/x86_64-linux-gnu/libLLVM.so.22.1".into())
        );
    }

    #[test]
    fn no_shared_llvm() {
        assert_eq!(shared_llvm("\tlibc.so.6 => /lib/libc.so.6 (0x0)\n"), None);
        assert_eq!(shared_llvm("\tlibLLVM.so.22.1 => not found\n"), None);
    }
}
