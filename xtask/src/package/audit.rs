//! `cargo xtask audit`: licences, sources, duplicates and known flaws of everything that is linked in.

use std::process::ExitCode;

use anyhow::Result;

use super::ground::Ground;
use super::tool;
use crate::stage::{Report, Verdict};
use crate::{process, workspace};

/// What cargo-deny looks at without asking anybody.
const OFFLINE: [&str; 3] = ["licenses", "bans", "sources"];
/// What needs the database of advisories, which is a git repository.
const ADVISORIES: &str = "advisories";

/// Checks all of it. Where the database cannot be had, that part is left out and said to be.
///
/// # Errors
/// cargo-deny does not build.
pub(crate) fn run() -> Result<ExitCode> {
    let ground = Ground::new(1)?;
    let program = tool::DENY.ensure(&ground)?.join(tool::DENY.name);
    let deny = |checks: &[&str]| {
        let mut command = ground.command(&program.to_string_lossy());
        command
            .env("CARGO", workspace::cargo().get_program())
            .current_dir(&ground.root)
            .args(["--locked", "--manifest-path", "agent/Cargo.toml"])
            .args(["--config", "agent/package/deny.toml"])
            .args(checks);
        command
    };
    let mut report = Report::default();
    let check = |what| process::run(&mut deny(&["check", "--hide-inclusion-graph", what]));
    for what in OFFLINE {
        report.check(what, || check(what).map(|()| Verdict::Passed));
    }
    report.check(ADVISORIES, || {
        if let Err(error) = process::output(&mut deny(&["fetch", "db"])) {
            return Ok(Verdict::Skipped(format!("no database: {error:#}")));
        }
        check(ADVISORIES).map(|()| Verdict::Passed)
    });
    Ok(ExitCode::from(u8::from(!report.finish())))
}
