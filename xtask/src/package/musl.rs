//! A program that needs nothing of the system: linked statically to musl.
//!
//! rustup's library for musl is taken if it is there. Where only crates can be fetched, the compiler of the kernel programs,
//! which has its library's source, builds it; musl itself is Debian's, and the unwinder (for the backtrace of a panic) is
//! the LLVM project's, which lies in the same source.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::ground::{Ground, remap};
use crate::apt::{self, Package};
use crate::process;
use crate::toolchain::Toolchain;

/// Where Debian has musl.
const MUSL: &str = "/usr/lib/x86_64-linux-musl";
const HEADERS: &str = "/usr/include/x86_64-linux-musl";
const TARGET: &str = "x86_64-unknown-linux-musl";
/// Of the LLVM project's libunwind.
const C_SOURCES: [&str; 4] = [
    "UnwindLevel1-gcc-ext.c",
    "UnwindLevel1.c",
    "UnwindRegistersRestore.S",
    "UnwindRegistersSave.S",
];

/// What cargo is to be told.
#[derive(Debug, Default)]
pub(super) struct Musl {
    pub(super) flags: Vec<OsString>,
    pub(super) env: Vec<(String, OsString)>,
}

/// Whether the Rust library has to be built, too.
pub(super) fn is_to_be_built() -> bool {
    let sysroot = process::output(Command::new("rustc").args(["--print", "sysroot"]));
    let there = |sysroot: String| {
        let library = Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET);
        library.join("lib").is_dir()
    };
    !sysroot.is_ok_and(there)
}

/// Gets all that is missing.
///
/// # Errors
/// It is not to be had.
pub(super) fn ensure(ground: &Ground, compiler: &Toolchain) -> Result<Musl> {
    apt::ensure(&[Package::new(
        "musl-tools",
        "the C library of the static program",
    )])?;
    let mut musl = Musl::default();
    musl.env
        .push(("CC_x86_64_unknown_linux_musl".into(), "musl-gcc".into()));
    if !is_to_be_built() {
        return Ok(musl);
    }
    musl.env
        .push(("RUSTC".into(), compiler.rustc.clone().into()));
    musl.env.push(("RUSTC_BOOTSTRAP".into(), "1".into()));
    // `<sysroot>/bin/rustc`
    let sysroot = compiler.rustc.ancestors().nth(2);
    let source = sysroot
        .context("the compiler lies in no folder")?
        .join("lib/rustlib/src/rust");
    let unwind = unwinder(ground, &source.join("src/llvm-project/libunwind"))?;
    // rustc brings no start files of its own for a library that it has not brought either. gcc's are those of glibc.
    let mut flags = vec![
        remap(&source, "/rust"),
        "-Clinker=gcc".into(),
        "-Clink-self-contained=no".into(),
        "-Clink-arg=-nostdlib".into(),
        "-Clink-arg=-nostartfiles".into(),
    ];
    for part in ["rcrt1.o", "crti.o", "crtn.o"] {
        flags.push(format!("-Clink-arg={MUSL}/{part}").into());
    }
    // After the archives that need them.
    flags.extend(["-Clink-arg=-l:libc.a".into(), "-Clink-arg=-lgcc".into()]);
    for folder in [unwind.as_path(), Path::new(MUSL)] {
        let mut flag = OsString::from("-Lnative=");
        flag.push(folder);
        flags.push(flag);
    }
    musl.flags = flags;
    Ok(musl)
}

/// The folder with `libunwind.a`.
fn unwinder(ground: &Ground, source: &Path) -> Result<PathBuf> {
    let folder = ground.empty("unwind")?;
    let own = process::output(Command::new("gcc").arg("-print-file-name=include"))?;
    let compile = |program: &str, file: &str, more: &[&str]| {
        let mut cc = Command::new(program);
        cc.current_dir(&folder)
            .args([
                "-c",
                "-O2",
                "-fPIC",
                "-w",
                "-nostdinc",
                "-isystem",
                own.trim(),
            ])
            .args(["-isystem", HEADERS, "-I"])
            .arg(source.join("include"))
            .args(["-DNDEBUG", "-D_LIBUNWIND_IS_NATIVE_ONLY"])
            .args([
                "-D_LIBUNWIND_DISABLE_VISIBILITY_ANNOTATIONS",
                "-fvisibility=hidden",
            ])
            .args([
                "-funwind-tables",
                "-fno-stack-protector",
                "-U_FORTIFY_SOURCE",
            ])
            .args(more)
            .arg(source.join("src").join(file));
        process::run(&mut cc)
    };
    for file in C_SOURCES {
        compile("gcc", file, &["-std=c99"])?;
    }
    let cpp = ["-std=c++17", "-nostdinc++", "-fno-exceptions", "-fno-rtti"];
    compile("g++", "libunwind.cpp", &cpp)?;
    let mut objects = Vec::new();
    for entry in fs::read_dir(&folder)? {
        objects.push(entry?.file_name());
    }
    objects.sort();
    let mut ar = Command::new("ar");
    ar.current_dir(&folder)
        .args(["rcsD", "libunwind.a"])
        .args(objects);
    process::run(&mut ar)?;
    Ok(folder)
}
