//! `kill -9`, again and again.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use aya::programs::loaded_programs;

use crate::count;
use crate::daemon::run_command;
use crate::ground::{Ground, Manner};
use crate::ss::until;
use crate::subject::{STATES, Subject};
use crate::truth::{SOON, calm, config, holds};

/// Killed at random moments of its start and of its work, while connections come and go and leaks are planted and
/// healed. The next one does as if nothing had been, and the kernel keeps nothing of those before it.
pub(crate) fn under_load() -> Result<()> {
    let kills = count(200, 6);
    let mut ground = Ground::leaking()?;
    let first = launch()?;
    first.greeted()?;
    let usual = calm(&first, &ground)?;
    let programs = programs();
    first.kill()?;

    ground.load(500)?;
    let mut wandering = None;
    let mut greeted = 0;
    for _ in 0..kills {
        let subject = launch()?;
        thread::sleep(Duration::from_millis(fastrand::u64(0..1_500)));
        greeted += u32::from(subject.replay.picture().events > 0);
        subject.kill()?;
        wandering = match wandering.take() {
            Some(ends) => {
                ground.heal(ends)?;
                None
            }
            None => Some(ground.plant(Manner::Unread)?),
        };
    }
    let last = launch()?;
    last.greeted()?;
    let made = ground.rest()?;
    println!("  {kills} kills, {greeted} of them after hello, under {made} connections");
    holds(&last, &ground, &usual)?;
    let mut left = 0;
    let gone = until(SOON, "end of the programs of the dead", || {
        left = self::programs();
        Ok(left <= programs)
    });
    gone.map_err(|error| error.context(format!("{left} kernel programs, {programs} before")))?;
    ensure!(programs > 0, "the daemon has no programs");
    let mut last = last;
    last.stop()
}

fn launch() -> Result<Subject> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("finback.toml"), config())?;
    let command = run_command(&dir, &["--states", STATES])?;
    Subject::launch(dir, command)
}

/// Programs that the kernel has loaded for anybody.
fn programs() -> usize {
    loaded_programs().flatten().count()
}
