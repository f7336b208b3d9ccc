//! Descriptors: many in somebody else, none left for the daemon.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, prlimit};

use crate::count;
use crate::ground::{Ground, Manner};
use crate::ss::until;
use crate::truth::{SOON, calm, holds, number, subject};
use crate::usage::Usage;

/// One process with as many descriptors as the machine allows, 20,000 at the least where that is known, and leaks in it.
pub(crate) fn of_one_process() -> Result<()> {
    let mut ground = Ground::leaking()?;
    let mut subject = subject(&[])?;
    let before = calm(&subject, &ground)?;
    ground.leaker().tell("fill")?;
    let filled = ground.leaker().did("filled")?.connections;
    println!("  {filled} descriptors more in one process");
    ensure!(filled > 4_000, "only {filled} descriptors");
    ground.plant(Manner::Unread)?;
    // It is read in some looks, then given back.
    thread::sleep(Duration::from_secs(3));
    ground.leaker().tell("empty")?;
    ground.leaker().did("emptied")?;
    holds(&subject, &ground, &before)?;
    subject.stop()
}

/// The daemon may open nothing more for a while: it looks in vain, does not spin, and goes on as soon as it may.
pub(crate) fn own_used_up() -> Result<()> {
    let mut ground = Ground::leaking()?;
    let old = ground.plant(Manner::Unread)?;
    let mut subject = subject(&[])?;
    let before = calm(&subject, &ground)?;
    let pid = subject.pid();
    let none = Rlimit {
        current: Some(3),
        maximum: None,
    };
    let had = prlimit(Some(pid), Resource::Nofile, none_of(pid, none)?)?;
    ground.load(200)?;
    ground.heal(old)?;
    ground.plant(Manner::Unread)?;
    let begun = Usage::of(pid)?;
    let time = Duration::from_secs(count(60, 6));
    // Clients come in vain.
    let clients: Vec<_> = (0..20)
        .map(|_| std::os::unix::net::UnixStream::connect(subject.file("finback.sock")))
        .collect();
    thread::sleep(time);
    let spent = Usage::of(pid)?.ticks - begun.ticks;
    let share = u128::from(spent) * 1_000 / time.as_millis().max(1);
    println!("  {time:?} without a free descriptor: {share} % of a processor");
    ensure!(share < 50, "it spins: {share} % of a processor");
    drop(clients);
    prlimit(Some(pid), Resource::Nofile, had)?;
    let made = ground.rest()?;
    ensure!(made > 0, "no load");
    until(SOON, "answer", || Ok(number(&subject, "/findings").is_ok()))?;
    holds(&subject, &ground, &before)?;
    subject.stop()
}

/// The same soft limit below the hard one that the process has.
fn none_of(pid: rustix::process::Pid, limit: Rlimit) -> Result<Rlimit> {
    let text = std::fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero()))?;
    let hard = text.lines().find(|line| line.starts_with("Max open files"));
    let hard = hard.and_then(|line| line.split_whitespace().nth(4));
    Ok(Rlimit {
        maximum: hard.and_then(|word| word.parse().ok()),
        ..limit
    })
}
