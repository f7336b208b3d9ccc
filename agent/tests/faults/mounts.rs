//! Programs that see other file systems than this machine has.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::trial::skip;

/// The same command in a mount namespace of its own, after this script of `sh`. Its process is the one that is started.
pub(crate) fn with(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("unshare");
    let script = format!("mount --make-rprivate / && {script} && exec \"$@\"");
    shell
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    shell
}

/// Ends the test where this cannot be done.
pub(crate) fn need(script: &str) -> Result<()> {
    let mut probe = with(script, &Command::new("true"));
    let output = probe.output().context("cannot run unshare (util-linux)")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return skip(format!("`{script}` cannot be done here: {}", said.trim()));
    }
    Ok(())
}
