//! The daemon under measurement.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::child::Child;
use super::status::{self, Status};
use crate::process;

/// The binary and what it understands.
#[derive(Clone, Debug)]
pub(crate) struct Finback {
    binary: PathBuf,
    /// Of the socket, and of what a daemon leaves beside it.
    folder: Arc<TempDir>,
    /// `--attach`.
    flavour: String,
    /// `finback run --help`.
    help: String,
}

impl Finback {
    /// Asks the binary what it understands.
    ///
    /// # Errors
    /// It does not run.
    pub(crate) fn new(binary: &Path, flavour: &str) -> Result<Self> {
        let help = process::output(Command::new(binary).args(["run", "--help"]))?;
        let folder = tempfile::tempdir().context("no folder for the socket")?;
        Ok(Self {
            binary: binary.to_owned(),
            folder: Arc::new(folder),
            flavour: flavour.to_owned(),
            help,
        })
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("finback.sock")
    }

    /// The same with another flavour.
    pub(crate) fn with_flavour(&self, flavour: &str) -> Self {
        Self {
            flavour: flavour.to_owned(),
            ..self.clone()
        }
    }

    /// A command of it, if it has that: `None` if not.
    pub(crate) fn command(&self, words: &[&str]) -> Option<Command> {
        let mut help = Command::new(&self.binary);
        process::output(help.args(words).arg("--help")).ok()?;
        let mut command = Command::new(&self.binary);
        command.args(words);
        Some(command)
    }

    /// Starts a daemon with no subscriber and waits until it is ready.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn quiet(&self) -> Result<Child> {
        self.start(&["--quiet"])
    }

    /// Starts one that writes transitions as JSON.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn transitions(&self) -> Result<Child> {
        if self.can_select("transition") {
            return self.start(&["--format", "json", "--select", "transition"]);
        }
        self.start(&["--format", "json"])
    }

    /// Starts one that writes a line for each connection.
    ///
    /// # Errors
    /// It cannot, or does not start.
    pub(crate) fn connection(&self) -> Result<Child> {
        ensure!(
            self.can_select("connection"),
            "this finback has no `--select connection`"
        );
        self.start(&["--format", "json", "--select", "connection"])
    }

    /// What the running daemon says of itself.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn status(&self) -> Result<Status> {
        Status::of(&self.socket())
    }

    fn can_select(&self, what: &str) -> bool {
        self.help.contains("--select") && self.help.contains(what)
    }

    /// Builds to compare with may have none.
    fn no_history(&self) -> &'static [&'static str] {
        if self.help.contains("--history") {
            &["--history", "off"]
        } else {
            &[]
        }
    }

    fn start(&self, args: &[&str]) -> Result<Child> {
        let mut command = Command::new(&self.binary);
        command
            .arg("run")
            .args(args)
            .args(["--attach", &self.flavour, "--socket"])
            .arg(self.socket())
            .args(self.no_history())
            .env("FINBACK_LOG", "info");
        let mut child = Child::start(&mut command)?;
        child.wait_until(|_| status::is_ready(&self.socket()))?;
        Ok(child)
    }
}
