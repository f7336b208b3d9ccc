//! Rust compilers on this machine, and what each says about itself.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result};

use crate::process;

/// Where a compiler comes from: decides the order of preference and how a missing library source is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A toolchain of rustup, by its name: `nightly-x86_64-unknown-linux-gnu`.
    Rustup(String),
    /// A package of the distribution, or anything else on `PATH` that is not rustup's proxy.
    Distribution,
}

/// A compiler, whether or not it can build for BPF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compiler {
    /// Its origin.
    pub(crate) origin: Origin,
    /// The real `rustc`, never rustup's proxy.
    pub(crate) rustc: PathBuf,
    /// Whether the source of `core` is installed with it (`-Z build-std` needs it).
    pub(crate) has_source: bool,
    /// What `rustc -vV` says.
    pub(crate) version: Version,
}

/// What `rustc -vV` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// `1.97.0-nightly`.
    pub(crate) release: String,
    /// (1, 97).
    pub(crate) minor: (u32, u32),
    /// `22.1.8`.
    pub(crate) llvm: String,
    /// 22.
    pub(crate) llvm_major: u32,
}

impl Version {
    /// Reads the output of `rustc -vV`; `None` if it has no release or was built without LLVM.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        let release = field("release: ")?;
        let llvm = field("LLVM version: ")?;
        Some(Self {
            release: release.to_owned(),
            minor: major_minor(release)?,
            llvm: llvm.to_owned(),
            llvm_major: llvm.split('.').next()?.parse().ok()?,
        })
    }
}

/// The first two numbers of `1.95`, `1.96.0-nightly` or `1.96.0+dfsg1-1`.
pub(crate) fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor: String = numbers
        .next()?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some((major, minor.parse().ok()?))
}

impl Compiler {
    /// Asks a compiler for its version and looks for its library source.
    ///
    /// # Errors
    /// It cannot be run, or says something that is not a version.
    pub(crate) fn inspect(origin: Origin, rustc: PathBuf) -> Result<Self> {
        let ask = |arg: &str| process::output(command(&rustc).args(arg.split(' ')));
        let version = ask("-vV")?;
        let version = Version::parse(&version)
            .with_context(|| format!("{} told no version", rustc.display()))?;
        let sysroot = PathBuf::from(ask("--print sysroot")?.trim());
        // The directory alone does not say it: rustup leaves it behind empty.
        let has_source = sysroot
            .join("lib/rustlib/src/rust/library/Cargo.lock")
            .is_file();
        Ok(Self {
            origin,
            rustc,
            has_source,
            version,
        })
    }

    /// The cargo beside this compiler, or else the one that runs this task.
    pub(crate) fn cargo(&self) -> PathBuf {
        let beside = self.rustc.with_file_name("cargo");
        let outer = || env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        if beside.is_file() { beside } else { outer() }
    }

    /// Unstable options need this on a compiler that is not a nightly.
    pub(crate) fn needs_bootstrap(&self) -> bool {
        !self.version.release.contains("-nightly") && !self.version.release.contains("-dev")
    }

    /// `rustup nightly-…` or `distribution`.
    pub(crate) fn origin_name(&self) -> String {
        match &self.origin {
            Origin::Rustup(name) => format!("rustup {name}"),
            Origin::Distribution => "distribution".to_owned(),
        }
    }
}

/// A program of a toolchain, without what the outer cargo set for its own.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for variable in [
        "LD_LIBRARY_PATH",
        "RUSTUP_TOOLCHAIN",
        "RUSTC",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Every compiler that can be found without a network, in no order that matters. One that does not run is left out.
pub(crate) fn installed() -> Vec<Compiler> {
    let places = rustup_toolchains()
        .into_iter()
        .chain(distribution_compilers());
    places
        .filter_map(|(origin, rustc)| Compiler::inspect(origin, rustc).ok())
        .collect()
}

fn rustup_toolchains() -> Vec<(Origin, PathBuf)> {
    let home = env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".rustup")));
    let entries = home.and_then(|home| fs::read_dir(home.join("toolchains")).ok());
    let toolchains = entries.into_iter().flatten().flatten().filter(|entry| {
        // A link is another name of a toolchain that is listed, or one built by hand: not for us to add to.
        entry.file_type().is_ok_and(|kind| kind.is_dir())
            && entry.path().join("bin/rustc").is_file()
    });
    toolchains
        .map(|entry| {
            (
                Origin::Rustup(entry.file_name().to_string_lossy().into_owned()),
                entry.path().join("bin/rustc"),
            )
        })
        .collect()
}

fn distribution_compilers() -> Vec<(Origin, PathBuf)> {
    // Ubuntu and Debian keep versioned compilers (rustc-1.NN) below /usr/lib.
    let versioned = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let versioned =
        versioned.filter(|entry| entry.file_name().to_string_lossy().starts_with("rust-1."));
    let versioned = versioned.map(|entry| entry.path().join("bin/rustc"));
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for rustc in process::on_path("rustc")
        .into_iter()
        .chain(versioned.filter(|rustc| rustc.is_file()))
    {
        let real = fs::canonicalize(&rustc).unwrap_or_else(|_| rustc.clone());
        let is_proxy =
            real.file_name().is_some_and(|name| name == "rustup") || in_rustup_home(&real);
        if !is_proxy && !seen.contains(&real) {
            seen.push(real);
            found.push((Origin::Distribution, rustc));
        }
    }
    found
}

/// A toolchain of rustup that comes first on `PATH` (as inside `cargo run`) is listed as rustup's already. A proxy may
/// also be a hard link: then its directory holds `rustup` too.
fn in_rustup_home(rustc: &Path) -> bool {
    rustc.with_file_name("rustup").is_file()
        || rustc
            .components()
            .any(|part| part.as_os_str() == "toolchains")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\nbinary: rustc\n\
        host: x86_64-unknown-linux-gnu\nrelease: 1.96.0\nLLVM version: 22.1.8\n";

    #[test]
    fn reads_a_distribution_and_a_nightly_version() {
        let debian = Version::parse(DEBIAN).expect("version");
        assert_eq!(
            (debian.minor, debian.llvm_major, debian.llvm.as_str()),
            ((1, 96), 22, "22.1.8")
        );
        let nightly =
            Version::parse("release: 1.97.0-nightly\nLLVM version: 23.0.0\n").expect("version");
        assert_eq!(
            (nightly.release.as_str(), nightly.minor),
            ("1.97.0-nightly", (1, 97))
        );
    }

    #[test]
    fn a_compiler_without_llvm_is_none() {
        assert_eq!(Version::parse("release: 1.97.0-nightly\n"), None);
        assert_eq!(
            Version::parse("error: rustup could not choose a version of rustc to run"),
            None
        );
    }

    #[test]
    fn first_two_numbers() {
        assert_eq!(major_minor("1.95"), Some((1, 95)));
        assert_eq!(major_minor("1.96.0+dfsg1-1~deb12u2"), Some((1, 96)));
        assert_eq!(major_minor("1.97-nightly"), Some((1, 97)));
        assert_eq!(major_minor("none"), None);
    }
}
