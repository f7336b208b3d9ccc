//! `cargo xtask arm64`: kernel programs and agent built for aarch64, and the tests that need no kernel of their own run
//! under an emulator.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::apt::{self, Package};
use crate::{process, toolchain, vm, workspace};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const GCC: &str = "aarch64-linux-gnu-gcc";
/// Where Debian puts libraries for programs of that kind.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";

/// What to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Arm64Args {
    /// Optimised, as for use.
    #[arg(long)]
    release: bool,
    /// Only build.
    #[arg(long)]
    no_tests: bool,
}

/// Builds, and runs the tests.
///
/// # Errors
/// A compiler or the emulator cannot be had, it does not compile, or a test fails.
pub(crate) fn run(args: &Arm64Args) -> Result<()> {
    toolchain::ensure()?;
    add_target()?;
    apt::ensure(&[
        Package::new("gcc-aarch64-linux-gnu", "links programs for arm64"),
        Package::new("libc6-dev-arm64-cross", "the C library for arm64"),
    ])?;
    let cross = Cross {
        emulator: emulator()?,
    };
    let mut build = cross.cargo(&["build", "--package", "finback", "--bin", "finback"]);
    if args.release {
        build.arg("--release");
    }
    process::run(&mut build).context("the agent does not build for arm64")?;
    let profile = if args.release { "release" } else { "debug" };
    let built = workspace::target_dir().join(TARGET).join(profile);
    println!("{}", built.join("finback").display());
    if args.no_tests {
        return Ok(());
    }
    cross.says_its_version(&built.join("finback"))?;
    let pure = [
        "test",
        "--package",
        "finback-common",
        "--package",
        "finback-core",
    ];
    process::run(&mut cross.cargo(&pure)).context("the tests of common and core")?;
    // What decodes the kernel's bytes: another architecture may lay them out otherwise.
    let bytes = ["test", "--package", "finback", "--lib", "--"];
    let bytes = [
        &bytes[..],
        &["kernel::btf", "kernel::record", "kernel::address", "frame"],
    ]
    .concat();
    process::run(&mut cross.cargo(&bytes)).context("the tests of what is read from the kernel")
}

/// The standard library for that target.
fn add_target() -> Result<()> {
    let has = process::output(Command::new("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        TARGET,
    ]))
    .is_ok_and(|dir| Path::new(dir.trim()).is_dir());
    if has {
        return Ok(());
    }
    eprintln!("xtask: rustup target add {TARGET} (the standard library for arm64)");
    process::run(Command::new("rustup").args(["target", "add", TARGET]))
        .context("the standard library for arm64 cannot be had")
}

/// A static program of Debian's, unpacked below the target directory.
fn emulator() -> Result<PathBuf> {
    let folder = vm::unpacked("qemu-user", &["qemu-user-static"])?;
    Ok(folder.join("usr/bin/qemu-aarch64-static"))
}

/// What cargo must know.
struct Cross {
    emulator: PathBuf,
}

impl Cross {
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = workspace::cargo();
        let (before, after) = match arguments.iter().position(|word| *word == "--") {
            Some(end) => arguments.split_at(end),
            None => (arguments, &[][..]),
        };
        let runner = format!("{} -L {LIBRARIES}", self.emulator.display());
        cargo
            .args(before)
            .args(["--target", TARGET])
            .args(after)
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", GCC)
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", runner)
            .env("CC_aarch64_unknown_linux_gnu", GCC)
            .env("AR_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-ar");
        cargo
    }

    /// It starts at all.
    fn says_its_version(&self, binary: &Path) -> Result<()> {
        let mut command = Command::new(&self.emulator);
        command.args(["-L", LIBRARIES]).arg(binary).arg("--version");
        println!("{}", process::output(&mut command)?.trim());
        Ok(())
    }
}
