//! SIGSTOP, as a debugger, a frozen control group or a paused guest would.

use std::time::Duration;

use anyhow::Result;

use crate::count;
use crate::ground::{Ground, Manner};
use crate::truth::{calm, holds, subject};

/// What happened meanwhile is found out, and nothing is due only because time has passed.
pub(crate) fn for_a_minute() -> Result<()> {
    let mut ground = Ground::leaking()?;
    let old = ground.plant(Manner::Unread)?;
    let mut subject = subject(&[])?;
    let before = calm(&subject, &ground)?;
    ground.load(500)?;
    let time = Duration::from_secs(count(60, 10));
    // Something begins and something ends while nobody looks.
    std::thread::scope(|scope| {
        let pause = scope.spawn(|| subject.pause(time));
        std::thread::sleep(time / 2);
        ground.heal(old)?;
        ground.plant(Manner::Unread)?;
        ground.plant(Manner::Read)?;
        pause.join().expect("no panic")
    })?;
    let made = ground.rest()?;
    println!("  stopped for {time:?} under {made} connections");
    holds(&subject, &ground, &before)?;
    subject.stop()
}
