//! The programs that the tests play with: this test binary starts itself again, so that what is accused, what serves and
//! what only makes noise are processes of their own.

mod hold;
mod leaker;
mod load;
mod noise;

use std::io::{BufRead as _, Write as _, stdin, stdout};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

pub(crate) use self::leaker::{READ, UNREAD};
use crate::harness::part::play;
use crate::program::Program;

/// Says which part a start of this binary has.
const PART: &str = "FINBACK_TEST_PART_IN_FAULTS";
/// No part outlives a run that has been killed for longer.
const LIFE: Duration = Duration::from_mins(100);

/// Plays a part, if this start of the binary has one.
pub(crate) fn act() -> Option<ExitCode> {
    play(PART, LIFE, |part, arguments| match part {
        "leaker" => leaker::leak(),
        "serve" => load::serve(),
        "load" => load::load(arguments),
        "hold_server" => hold::serve(arguments),
        "hold_client" => hold::connect(arguments),
        "processes" => noise::processes(arguments),
        "namespaces" => noise::namespaces(arguments),
        _ => Err(anyhow::anyhow!("no part {part}")),
    })
}

/// Starts a part, in the network namespace of the calling thread.
pub(crate) fn start(part: &str, arguments: &[&str]) -> Result<Program> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(PART, part).args(arguments);
    Program::launch(part, command)
}

/// One line for the test.
fn say(did: &str, what: Value) -> Result<()> {
    let mut line = json!({"did": did, "pid": std::process::id()});
    if let (Some(line), Value::Object(what)) = (line.as_object_mut(), what) {
        line.extend(what);
    }
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Obeys until the test has gone.
fn orders(mut obey: impl FnMut(&str) -> Result<()>) -> Result<()> {
    for line in stdin().lock().lines() {
        obey(&line?)?;
    }
    Ok(())
}

/// The number at this place of a command line.
fn number<T: std::str::FromStr>(arguments: &[String], place: usize) -> Result<T> {
    let word = arguments.get(place).context("an argument is missing")?;
    match word.parse() {
        Ok(number) => Ok(number),
        Err(_) => bail!("{word} is no number"),
    }
}

/// As many descriptors as this process may have.
pub(crate) fn raise_limit() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let highest = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, highest)?;
    Ok(limit.maximum.unwrap_or(1 << 20))
}
