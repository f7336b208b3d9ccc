//! Processes and namespaces that appear and end faster than anybody can look.

use anyhow::{Result, ensure};

use crate::count;
use crate::ground::Ground;
use crate::part;
use crate::truth::{calm, holds, subject};

/// Programs that end at once, 200 of them at the same time, each with a connection of its own.
pub(crate) fn processes() -> Result<()> {
    let (seconds, at_once) = (count("30", "4"), count("500", "100"));
    noise("processes", &[seconds, at_once], seconds, 100)
}

/// Each with a loopback device and a connection.
pub(crate) fn namespaces() -> Result<()> {
    let seconds = count("30", "4");
    noise("namespaces", &[seconds], seconds, 20)
}

fn noise(part: &str, arguments: &[&str], seconds: &str, least: usize) -> Result<()> {
    let ground = Ground::leaking()?;
    let mut subject = subject(&[])?;
    let before = calm(&subject, &ground)?;
    let noise = ground.namespace().inside(|| part::start(part, arguments))?;
    let made = {
        // As long as it lasts, and as long as the kernel needs to clean up.
        std::thread::sleep(std::time::Duration::from_secs(seconds.parse()?));
        noise.did("done")?.connections
    };
    noise.end()?;
    let rate = made / seconds.parse::<usize>()?;
    println!("  {made} {part}, {rate} a second");
    ensure!(rate >= least, "only {rate} a second");
    holds(&subject, &ground, &before)?;
    subject.stop()
}
