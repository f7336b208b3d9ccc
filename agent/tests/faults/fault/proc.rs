//! File systems that are not as usual.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::daemon::run_command;
use crate::ground::Ground;
use crate::mounts;
use crate::subject::{STATES, Subject};
use crate::truth::{calm, config, holds, subject};

const HIDDEN: &str = "mount -t proc -o hidepid=2 proc /proc";

/// `/proc` shows other users' processes to nobody, and the daemon is another user who may not trace either: connections,
/// verdicts and holders come from the kernel, and are the same.
pub(crate) fn hidden() -> Result<()> {
    mounts::need(HIDDEN)?;
    let ground = Ground::leaking()?;
    let usual = {
        let subject = subject(&[])?;
        calm(&subject, &ground)?
    };
    let (dir, command) = daemon()?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777))?;
    let mut humble = Command::new("setpriv");
    let kept = "-all,+bpf,+perfmon,+net_admin,+sys_admin,+syslog,+dac_read_search";
    humble
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .args([
            "--inh-caps",
            kept,
            "--ambient-caps",
            kept,
            "--bounding-set",
            kept,
        ])
        .arg(command.get_program())
        .args(command.get_args());
    let mut subject = Subject::launch(dir, mounts::with(HIDDEN, &humble))?;
    subject.greeted()?;
    let leaker = ground
        .planted()
        .values()
        .next()
        .context("nothing planted")?;
    println!(
        "  process {} is hidden from the daemon, process {}",
        leaker.holders[0].0,
        subject.pid().as_raw_nonzero()
    );
    holds(&subject, &ground, &usual)?;
    subject.stop()
}

/// Where `bpffs` cannot be mounted.
pub(crate) fn no_bpffs() -> Result<()> {
    // What is mounted there, if anything, is hidden by an empty folder that nobody can write to.
    let script = "{ test ! -d /sys/fs/bpf || mount -t tmpfs -o ro tmpfs /sys/fs/bpf; }";
    mounts::need(script)?;
    let ground = Ground::leaking()?;
    let (dir, command) = daemon()?;
    let mut subject = Subject::launch(dir, mounts::with(script, &command))?;
    subject.greeted()?;
    let before = calm(&subject, &ground)?;
    holds(&subject, &ground, &before)?;
    subject.stop()
}

fn daemon() -> Result<(tempfile::TempDir, Command)> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("finback.toml"), config())?;
    let command = run_command(&dir, &["--states", STATES])?;
    Ok((dir, command))
}
