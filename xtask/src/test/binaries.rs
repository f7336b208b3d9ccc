//! Builds the workspace's test binaries and learns from cargo where they are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::timing::{Follower, Source};
use crate::workspace;

/// The test targets that attach to the running kernel.
pub(crate) const LIVE: [&str; 4] = ["live", "packet", FAULTS, CORPUS];
/// What breaks beside the daemon or under it, and the soak.
const FAULTS: &str = "faults";
/// The one with programs in many languages.
const CORPUS: &str = "corpus";
/// Needs no root, and has a harness of its own, which can say that something is missing.
const FLEET: &str = "fleet";

/// A compiled test target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TestBinary {
    executable: PathBuf,
    target: String,
    kind: String,
    /// Where cargo starts tests.
    package_dir: PathBuf,
}

impl TestBinary {
    /// `finback (lib)`, `finback (test live)`.
    pub(crate) fn name(&self) -> String {
        let package = self
            .package_dir
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        match self.kind.as_str() {
            "lib" | "bin" | "proc-macro" => format!("{package} ({})", self.kind),
            kind => format!("{package} ({kind} {})", self.target),
        }
    }

    /// Starts it as `cargo test` would, with what this binary's harness has for the times of its tests.
    ///
    /// libtest keeps `--report-time` for nightly compilers, unless it is told that this one is.
    pub(crate) fn timed(&self) -> (Command, Follower) {
        if self.kind == "test" && self.target == FLEET {
            return (self.command(), self.follower());
        }
        let mut command = self.command();
        command.env("RUSTC_BOOTSTRAP", "1");
        command.args(["-Z", "unstable-options", "--report-time"]);
        (command, Follower::start(&self.name(), Source::Line))
    }

    /// Live tests run one after the other; those of the corpus do not.
    pub(crate) fn follower(&self) -> Follower {
        let in_a_row = !self.needs_runtimes();
        Follower::start(&self.name(), Source::between_lines(in_a_row))
    }

    /// Whether it attaches to the kernel.
    pub(crate) fn needs_root(&self) -> bool {
        self.kind == "test" && LIVE.contains(&self.target.as_str())
    }

    /// Starts it as `cargo test` would.
    pub(crate) fn command(&self) -> Command {
        self.started(Command::new(&self.executable))
    }

    /// Whether it needs the runtimes of the corpus.
    pub(crate) fn needs_runtimes(&self) -> bool {
        self.is_test(CORPUS)
    }

    /// Whether it is the integration test of this name.
    pub(crate) fn is_test(&self, target: &str) -> bool {
        self.kind == "test" && self.target == target
    }

    /// Starts it as root.
    pub(crate) fn command_with_sudo(&self) -> Command {
        let mut sudo = Command::new("sudo");
        sudo.args([
            "-n",
            "--preserve-env=FINBACK_TEST_ATTACH,FINBACK_TEST_FULL",
            "--",
        ])
        .arg(&self.executable);
        self.started(sudo)
    }

    fn started(&self, mut command: Command) -> Command {
        command
            .current_dir(&self.package_dir)
            .env("CARGO_MANIFEST_DIR", &self.package_dir);
        command
    }
}

/// Builds all test targets, those of the kernel crate for the host included.
///
/// # Errors
/// One does not compile (cargo has shown why).
pub(crate) fn build() -> Result<Vec<TestBinary>> {
    build_only(&["--workspace"])
}

/// Builds the corpus alone.
///
/// # Errors
/// It does not compile (cargo has shown why).
pub(crate) fn build_corpus() -> Result<TestBinary> {
    let built = build_only(&["--package", "finback", "--test", CORPUS])?;
    let corpus = built.into_iter().find(TestBinary::needs_runtimes);
    corpus.context("cargo has built no corpus")
}

/// Builds the faults alone.
///
/// # Errors
/// It does not compile (cargo has shown why).
pub(crate) fn build_faults() -> Result<TestBinary> {
    let built = build_only(&["--package", "finback", "--test", FAULTS])?;
    let faults = built.into_iter().find(|binary| binary.is_test(FAULTS));
    faults.context("cargo has built no faults")
}

fn build_only(what: &[&str]) -> Result<Vec<TestBinary>> {
    let mut cargo = workspace::cargo();
    let built = cargo
        .args([
            "test",
            "--no-run",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(what)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    if !built.status.success() {
        bail!("cargo test --no-run failed: {}", built.status);
    }
    Ok(parse(&String::from_utf8_lossy(&built.stdout)))
}

fn parse(messages: &str) -> Vec<TestBinary> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found: Vec<_> = messages
        .filter_map(|message| test_binary(&message))
        .collect();
    found.sort_by_key(TestBinary::name);
    found
}

/// A message about a target that was compiled as a test.
fn test_binary(message: &Value) -> Option<TestBinary> {
    let target = &message["target"];
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    Some(TestBinary {
        executable: message["executable"].as_str()?.into(),
        target: target["name"].as_str()?.to_owned(),
        kind: target["kind"][0].as_str()?.to_owned(),
        package_dir: Path::new(message["manifest_path"].as_str()?)
            .parent()?
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_compiled_as_a_test() {
        let messages = r#"   Compiling finback v0.1.0
{"reason":"compiler-artifact","manifest_path":"/r/agent/Cargo.toml","target":{"kind":["test"],"name":"live"},"profile":{"test":true},"executable":"/t/live-1"}
{"reason":"compiler-artifact","manifest_path":"/r/agent/Cargo.toml","target":{"kind":["bin"],"name":"finback"},"profile":{"test":false},"executable":"/t/finback"}
{"reason":"compiler-artifact","manifest_path":"/r/ebpf/Cargo.toml","target":{"kind":["bin"],"name":"finback-ebpf"},"profile":{"test":true},"executable":"/t/ebpf-1"}
{"reason":"compiler-artifact","manifest_path":"/r/common/Cargo.toml","target":{"kind":["lib"],"name":"finback_common"},"profile":{"test":false},"executable":null}
{"reason":"build-finished","success":true}"#;
        let found = parse(messages);
        let names: Vec<_> = found.iter().map(TestBinary::name).collect();
        assert_eq!(names, ["agent (test live)", "ebpf (bin)"]);
        assert!(found[0].needs_root() && !found[1].needs_root());
    }
}
