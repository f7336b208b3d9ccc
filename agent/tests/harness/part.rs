//! A test binary that starts itself again, to play a part in a process of its own.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// Plays the part that the variable names, if this start of the binary has one. No part outlives a run that has been
/// killed for longer than `life`.
pub(crate) fn play(
    variable: &str,
    life: Duration,
    play: impl FnOnce(&str, &[String]) -> Result<()>,
) -> Option<ExitCode> {
    let part = std::env::var(variable).ok()?;
    thread::spawn(move || {
        thread::sleep(life);
        #[expect(
            clippy::exit,
            reason = "the other threads wait for somebody who is gone"
        )]
        std::process::exit(1);
    });
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    Some(match play(&part, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{part}: {error:#}");
            ExitCode::FAILURE
        }
    })
}
