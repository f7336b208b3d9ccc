//! Which compiler builds the kernel crate: a pure decision over what is installed.

use super::compiler::{Compiler, Origin};
use super::linker::LLVM;

/// Why a compiler cannot build the kernel crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Older than the workspace's `rust-version`.
    TooOld,
    /// No bpf-linker of the pinned version speaks its LLVM's bitcode.
    Llvm,
    /// The source of `core` is not installed.
    NoSource,
}

impl Unfit {
    /// What the user can do about it, as a continuation of the reason; empty if set-up or time does it.
    pub(crate) fn remedy(&self, compiler: &Compiler) -> String {
        match (self, &compiler.origin) {
            (Self::NoSource, Origin::Rustup(name)) => {
                format!(": rustup component add rust-src --toolchain {name}")
            }
            (Self::NoSource | Self::TooOld | Self::Llvm, _) => String::new(),
        }
    }

    /// The end of the sentence "not used: …".
    pub(crate) fn reason(&self, compiler: &Compiler) -> String {
        match self {
            Self::TooOld => format!(
                "{} is older than the workspace needs",
                compiler.version.release
            ),
            Self::Llvm => format!(
                "bpf-linker supports LLVM {} to {}, this has {}",
                LLVM.start(),
                LLVM.end(),
                compiler.version.llvm
            ),
            Self::NoSource => "its library source is not installed".to_owned(),
        }
    }
}

/// Why this compiler cannot be used, if it cannot.
pub(crate) fn unfit(compiler: &Compiler, rust_version: (u32, u32)) -> Option<Unfit> {
    if compiler.version.minor < rust_version {
        Some(Unfit::TooOld)
    } else if !LLVM.contains(&compiler.version.llvm_major) {
        Some(Unfit::Llvm)
    } else if !compiler.has_source {
        Some(Unfit::NoSource)
    } else {
        None
    }
}

/// The compilers that can be used as they are, best first: a nightly of rustup, the distribution's, another of rustup.
pub(crate) fn usable(compilers: &[Compiler], rust_version: (u32, u32)) -> Vec<&Compiler> {
    let mut usable: Vec<&Compiler> = compilers
        .iter()
        .filter(|c| unfit(c, rust_version).is_none())
        .collect();
    usable.sort_by_key(|compiler| rank(compiler));
    usable
}

/// The toolchains of rustup that lack only the library source, nightlies first.
pub(crate) fn lacking_source(
    compilers: &[Compiler],
    rust_version: (u32, u32),
) -> Vec<(&Compiler, &str)> {
    let mut lacking: Vec<_> = compilers
        .iter()
        .filter(|compiler| unfit(compiler, rust_version) == Some(Unfit::NoSource))
        .filter_map(|compiler| match &compiler.origin {
            Origin::Rustup(name) if compiler.version.release.contains("-nightly") => {
                Some((compiler, name.as_str()))
            }
            Origin::Rustup(_) | Origin::Distribution => None,
        })
        .collect();
    lacking.sort_by_key(|(compiler, _)| rank(compiler));
    lacking
}

/// Smaller is better. Plain `nightly` before a dated one, which the user keeps for something else.
pub(crate) fn rank(compiler: &Compiler) -> u8 {
    match &compiler.origin {
        Origin::Rustup(name) if name == "nightly" || name.starts_with("nightly-x86_64") => 0,
        Origin::Rustup(name) if name.starts_with("nightly") => 1,
        Origin::Distribution => 2,
        Origin::Rustup(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::super::compiler::Version;
    use super::*;

    fn compiler(origin: &str, release: &str, llvm: u32, has_source: bool) -> Compiler {
        let origin = match origin {
            "distribution" => Origin::Distribution,
            name => Origin::Rustup(name.to_owned()),
        };
        let text = format!("release: {release}\nLLVM version: {llvm}.1.0\n");
        let version = Version::parse(&text).expect("version");
        Compiler {
            origin,
            rustc: "/somewhere/rustc".into(),
            has_source,
            version,
        }
    }

    fn names(compilers: &[Compiler]) -> Vec<String> {
        usable(compilers, (1, 95))
            .iter()
            .map(|c| c.origin_name())
            .collect()
    }

    #[test]
    fn nightly_with_source_comes_first() {
        let all = [
            compiler("stable-x86_64-unknown-linux-gnu", "1.95.0", 22, true),
            compiler("distribution", "1.96.0", 22, true),
            compiler(
                "nightly-2026-06-01-x86_64-unknown-linux-gnu",
                "1.98.0-nightly",
                22,
                true,
            ),
            compiler(
                "nightly-x86_64-unknown-linux-gnu",
                "1.97.0-nightly",
                22,
                true,
            ),
        ];
        let expected = [
            "rustup nightly-x86_64-unknown-linux-gnu",
            "rustup nightly-2026-06-01-x86_64-unknown-linux-gnu",
            "distribution",
            "rustup stable-x86_64-unknown-linux-gnu",
        ];
        assert_eq!(names(&all), expected);
    }

    #[test]
    fn nightly_without_source_leaves_the_distribution() {
        let all = [
            compiler(
                "nightly-x86_64-unknown-linux-gnu",
                "1.97.0-nightly",
                22,
                false,
            ),
            compiler("distribution", "1.96.0", 22, true),
        ];
        assert_eq!(names(&all), ["distribution"]);
        assert_eq!(
            lacking_source(&all, (1, 95))[0].1,
            "nightly-x86_64-unknown-linux-gnu"
        );
    }

    #[test]
    fn old_compilers_and_unknown_llvm_are_not_used() {
        let old = compiler("distribution", "1.63.0", 14, true);
        let new = compiler("nightly", "1.105.0-nightly", 99, true);
        assert_eq!(unfit(&old, (1, 95)), Some(Unfit::TooOld));
        assert_eq!(unfit(&new, (1, 95)), Some(Unfit::Llvm));
        assert!(names(&[old, new]).is_empty());
    }

    #[test]
    fn nothing_is_offered_for_a_distribution_without_source() {
        let all = [
            compiler("distribution", "1.96.0", 22, false),
            compiler("stable", "1.95.0", 22, false),
        ];
        assert!(lacking_source(&all, (1, 95)).is_empty());
        assert!(names(&all).is_empty());
    }
}
