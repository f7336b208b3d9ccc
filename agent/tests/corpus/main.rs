//! The scenario corpus: real programs in eight languages, each with a mistake that somebody has made (or none), and
//! what finback must say about it.
//!
//! Runs as root. `table` is the data; `docs/corpus.md` explains it.

#[cfg(test)]
mod compile;
#[cfg(test)]
#[path = "../harness/daemon.rs"]
#[expect(dead_code, reason = "the live tests need more of it")]
mod daemon;
#[cfg(test)]
mod judge;
#[cfg(test)]
#[path = "../harness/netns.rs"]
#[expect(dead_code, reason = "the live tests need more of it")]
mod netns;
#[cfg(test)]
mod owner;
#[cfg(test)]
mod play;
#[cfg(test)]
#[path = "../harness/program.rs"]
#[expect(dead_code, reason = "the live tests need more of it")]
mod program;
#[cfg(test)]
mod report;
#[cfg(test)]
mod runtime;
#[cfg(test)]
#[path = "../harness/setting.rs"]
#[expect(dead_code, reason = "the live tests need more of it")]
mod setting;
#[cfg(test)]
mod step;
#[cfg(test)]
#[path = "../harness/stream.rs"]
mod stream;
#[cfg(test)]
mod table;
#[cfg(test)]
#[path = "../harness/wire.rs"]
#[expect(dead_code, reason = "the live tests need more of it")]
mod wire;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};

use play::Run;
use table::Scenario;

/// Names a folder into which everything that a guest needs of the corpus is put; nothing is played then.
const PACK: &str = "FINBACK_CORPUS_PACK";

/// Scenarios that run at once: they mostly wait. A guest has one slow processor, on which a program that waits for it
/// would be taken for one that does not look.
fn at_once() -> usize {
    if setting::setting().guest.is_some() {
        4
    } else {
        10
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert_with(at_once);
    if let Some(folder) = env::var_os(PACK) {
        return code(compile::pack(Path::new(&folder)).map(|()| true));
    }
    if arguments.list {
        let names = table::here().map(|scenario| Trial::test(scenario.name(), || Ok(())));
        return libtest_mimic::run(&arguments, names.collect()).exit_code();
    }
    code(corpus(&mut arguments))
}

fn code(done: Result<bool>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::failed(&error);
            ExitCode::FAILURE
        }
    }
}

/// Plays what was asked for, prints the table; whether all was as it must be.
fn corpus(arguments: &mut Arguments) -> Result<bool> {
    let lock = setting::alone_on_this_machine();
    let run = Arc::new(Run::start()?);
    let trials = table::here().map(|scenario| trial(&run, scenario));
    let played = libtest_mimic::run(arguments, trials.collect());
    // What nobody expected is known only when all have played.
    arguments.filter = None;
    let last = Arc::clone(&run);
    let rest = Trial::test("nothing_else_is_flagged", move || {
        report::nothing_else(&last).map_err(|error| format!("{error:#}").into())
    });
    let rest = libtest_mimic::run(arguments, vec![rest]);
    report::print(&run);
    drop(run);
    drop(lock);
    Ok(!played.has_failed() && !rest.has_failed())
}

fn trial(run: &Arc<Run>, scenario: &'static Scenario) -> Trial {
    let run = Arc::clone(run);
    Trial::test(scenario.name(), move || run.play(scenario))
}
