//! The runtimes of the corpus, from the distribution's packages.

use std::process::Command;

use anyhow::Result;

use crate::apt::{self, Package};
use crate::process;

/// A command that succeeds if it is there; the package; what the corpus does with it.
type Need = (&'static [&'static str], &'static str, &'static str);

/// How many of [`NEEDS`] compile what guests play.
const FOR_GUESTS: usize = 2;

const NEEDS: [Need; 9] = [
    (&["cc", "--version"], "gcc", "compiles the scenarios in C"),
    (
        &["go", "version"],
        "golang-go",
        "compiles the scenarios in Go",
    ),
    (
        &["javac", "-version"],
        "default-jdk-headless",
        "compiles and runs the scenarios in Java",
    ),
    (
        &["node", "--version"],
        "nodejs",
        "runs the scenarios in JavaScript",
    ),
    (
        &["php", "--version"],
        "php-cli",
        "runs the scenarios in PHP",
    ),
    (
        &["php", "-r", "curl_version();"],
        "php-curl",
        "is PHP's ordinary HTTP client",
    ),
    (
        &["ruby", "-e", "require 'openssl'"],
        "ruby",
        "runs the scenarios in Ruby",
    ),
    (
        &["/usr/bin/python3", "--version"],
        "python3",
        "runs the scenarios in Python",
    ),
    (
        &["/usr/bin/python3", "-c", "import requests"],
        "python3-requests",
        "is Python's ordinary HTTP client",
    ),
];

/// Installs what is missing.
///
/// # Errors
/// As [`apt::ensure`].
pub(crate) fn ensure() -> Result<()> {
    ensure_all(&NEEDS)
}

/// Installs what is missing of the compilers for the programs that guests play; guests bring their own runtimes.
///
/// # Errors
/// As [`apt::ensure`].
pub(crate) fn ensure_compilers() -> Result<()> {
    ensure_all(&NEEDS[..FOR_GUESTS])
}

fn ensure_all(needs: &[Need]) -> Result<()> {
    let missing: Vec<Package> = needs
        .iter()
        .filter(|(probe, _, _)| process::output(Command::new(probe[0]).args(&probe[1..])).is_err())
        .map(|(_, package, why)| Package::new(*package, *why))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    apt::ensure(&missing)
}
