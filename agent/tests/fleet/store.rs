//! ClickHouse, as far as it is here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The engine of chdb, without the packages for data frames that `chdb` itself needs.
const PACKAGE: &str = "chdb-core==26.9.0";

/// A Python with chdb in a folder of its own below `target/`.
#[derive(Debug, Default)]
pub(crate) struct Store {
    python: OnceLock<Result<PathBuf, String>>,
}

impl Store {
    /// What is missing for these tests.
    pub(crate) fn missing(&self) -> Option<&str> {
        self.python().as_ref().err().map(String::as_str)
    }

    /// Inserts the recordings and asks every view.
    pub(crate) fn play(&self, arguments: &[&str]) -> Result<Answer> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleet");
        let python = self
            .python()
            .as_ref()
            .map_err(|missing| anyhow::anyhow!("{missing}"))?;
        let mut command = Command::new(python);
        command.arg(folder.join("play.py")).args(arguments);
        for host in [super::WEB, super::STORE] {
            let recording = folder.join(format!("recordings/{host}.ndjson"));
            command.arg(format!("{host}={}", recording.display()));
        }
        let output = command.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "play.py: {said}");
        serde_json::from_slice(&output.stdout)
            .map(Answer)
            .context("play.py")
    }

    fn python(&self) -> &Result<PathBuf, String> {
        self.python.get_or_init(|| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet");
            let python = folder.join("bin/python");
            if !imports(&python) {
                install(&folder, &python)?;
            }
            Ok(python)
        })
    }
}

fn imports(python: &Path) -> bool {
    run(Command::new(python).args(["-c", "import chdb.session"])).is_ok()
}

/// What an earlier run has left half done is made anew.
fn install(folder: &Path, python: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(folder))
    .map_err(|said| format!("python3 with its module venv is missing: {said}"))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        PACKAGE,
    ];
    run(Command::new(python).args(pip))
        .map_err(|said| format!("the Python package {PACKAGE} cannot be installed: {said}"))?;
    if imports(python) {
        Ok(())
    } else {
        Err(format!(
            "the Python package {PACKAGE} does not load on this machine"
        ))
    }
}

/// Its last words if it fails.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    Err(said.trim().lines().last().unwrap_or("no word").to_owned())
}

/// What the views say: the rows of each.
#[derive(Debug)]
pub(crate) struct Answer(Value);

impl Answer {
    /// All of it.
    pub(crate) const fn value(&self) -> &Value {
        &self.0
    }

    /// The rows of one view.
    pub(crate) fn rows(&self, view: &str) -> &[Value] {
        self.0[view].as_array().map_or(&[], Vec::as_slice)
    }
}
