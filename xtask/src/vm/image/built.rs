//! What guests test, built on the host.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    cross, strip, toolchain,
    vm::{debian::arch::Arch, output},
    workspace,
};

use super::initramfs::GuestFile;

const PACKAGE: &str = "finback";

/// Test targets of the package, and what cargo said of them.
pub(crate) struct Built {
    arch: Arch,
    messages: String,
    /// For the copies that go into guests.
    dir: PathBuf,
}

impl Built {
    /// Builds the agent and these test targets. What is made for guests goes to `dir`.
    ///
    /// # Errors
    /// One does not compile (cargo has shown why).
    pub(crate) fn new(arch: Arch, dir: &Path, targets: &[&str]) -> Result<Self> {
        output::note("building the guest tests");
        toolchain::ensure()?;
        let mut cargo = workspace::cargo();
        cargo.args(["test", "--no-run", "--package", PACKAGE]);
        if arch == Arch::Arm64 {
            cross::steer(&mut cargo);
        }
        for target in targets {
            cargo.args(["--test", target]);
        }
        let built = cargo
            .args(["--message-format", "json-render-diagnostics"])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start cargo")?;
        ensure!(built.status.success(), "the guest tests do not build");
        Ok(Self {
            arch,
            messages: String::from_utf8(built.stdout)?,
            dir: dir.to_owned(),
        })
    }

    /// The agent, for a guest: `/finback`.
    ///
    /// # Errors
    /// Cargo built none, or it cannot be stripped.
    pub(crate) fn agent(&self) -> Result<GuestFile> {
        self.file("bin", PACKAGE)
    }

    /// A test target, for a guest: `/NAME`.
    ///
    /// # Errors
    /// Cargo built none, or it cannot be stripped.
    pub(crate) fn test(&self, name: &str) -> Result<GuestFile> {
        self.file("test", name)
    }

    /// A test target on the host.
    ///
    /// # Errors
    /// Cargo built none.
    pub(crate) fn on_host(&self, kind: &str, name: &str) -> Result<PathBuf> {
        executable(&self.messages, kind, name)
            .with_context(|| format!("cargo built no {kind} `{name}`"))
    }

    fn file(&self, kind: &str, name: &str) -> Result<GuestFile> {
        let host = self.on_host(kind, name)?;
        let strip = match self.arch {
            Arch::Amd64 => "strip",
            Arch::Arm64 => cross::STRIP,
        };
        // A guest's memory holds all its files, and unpacking them takes time. Panics still name their place.
        let copy = self.dir.join(format!("{kind}-{name}"));
        Ok(GuestFile {
            host: strip::stripped(strip, "--strip-debug", &host, &copy)?,
            guest: format!("/{name}"),
        })
    }
}

/// The file that cargo reports for a target (`cargo build --message-format json`).
fn executable(messages: &str, kind: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["target"]["kind"][0] == kind && message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_of_the_right_target_is_found() {
        let messages = r#"Compiling
{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"live"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"finback"},"executable":"/t/finback"}
{"reason":"compiler-artifact","target":{"kind":["test"],"name":"live"},"executable":"/t/deps/live-1"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(
            executable(messages, "test", "live"),
            Some("/t/deps/live-1".into())
        );
        assert_eq!(
            executable(messages, "bin", "finback"),
            Some("/t/finback".into())
        );
        assert_eq!(executable(messages, "test", "other"), None);
    }
}
