//! How a test ends, and the daemon that most tests share.

use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Error, Result};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use super::daemon::Daemon;
use super::setting::{alone_on_this_machine, need_root, setting};
use super::stream::{MISSED, Stream};
use super::watch::Watch;

/// A reason not to run: a feature that this kernel or machine does not have.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Skip(String);

/// Ends a test because something named is missing.
pub(crate) fn skip<T>(reason: impl Into<String>) -> Result<T> {
    Err(Error::new(Skip(reason.into())))
}

/// Runs them in this order, as the command line chooses.
pub(crate) fn run(trials: Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The tests share a daemon and judge everything that it says.
    arguments.test_threads = Some(1);
    // So would a second run on the same machine.
    let lock = alone_on_this_machine();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // If the test that stops the shared daemon was not asked for, it still must not outlive the run.
    drop(stop_shared());
    drop(lock);
    conclusion.exit_code()
}

/// A test that brings its own daemon, or needs none.
pub(crate) fn alone(name: &'static str, test: fn() -> Result<()>) -> Trial {
    Trial::ignorable_test(name, move || {
        conclude(name, patiently(name, || need_root().and_then(|()| test())))
    })
}

/// A test that watches the shared daemon.
pub(crate) fn watching(name: &'static str, test: fn(Watch<'_>) -> Result<()>) -> Trial {
    Trial::ignorable_test(name, move || {
        let test = || need_root().and_then(|()| with_shared(test));
        conclude(name, patiently(name, test))
    })
}

/// Runs a test again, twice at the most, if it failed while the kernel left out programs and the daemon said so: what
/// was announced as lost cannot be asked for. Under emulation a program takes so long that interrupts reach the next.
fn patiently(name: &str, test: impl Fn() -> Result<()>) -> Result<()> {
    for _ in 0..2 {
        MISSED.store(false, Ordering::Relaxed);
        let result = test();
        if result.is_ok() || !MISSED.load(Ordering::Relaxed) {
            return result;
        }
        println!("again: {name}: the kernel did not run a program, as the daemon said");
    }
    MISSED.store(false, Ordering::Relaxed);
    let result = test();
    if result.is_err() && MISSED.load(Ordering::Relaxed) && setting().guest.is_some() {
        return skip(
            "this emulated kernel leaves out programs three times in a row, and the daemon says so",
        );
    }
    result
}

fn conclude(name: &str, result: Result<()>) -> Result<Completion, Failed> {
    match result {
        Ok(()) => Ok(Completion::Completed),
        Err(error) => match error.downcast::<Skip>() {
            Ok(Skip(reason)) => {
                println!("skip: {name}: {reason}");
                Ok(Completion::ignored_with(reason))
            }
            Err(error) => Err(format!("{error:#}").into()),
        },
    }
}

static SHARED: Mutex<Option<Daemon>> = Mutex::new(None);

/// Starts the daemon for the first test, and after a failure: what that has left must not harm the next.
fn with_shared(test: fn(Watch<'_>) -> Result<()>) -> Result<()> {
    let mut shared = SHARED.lock().unwrap_or_else(|poison| {
        // A test has panicked; its daemon goes with it.
        let mut shared = PoisonError::into_inner(poison);
        *shared = None;
        shared
    });
    SHARED.clear_poison();
    let daemon = match shared.take() {
        Some(daemon) => daemon,
        None => Daemon::start(&[])?,
    };
    let daemon = shared.insert(daemon);
    let result = test(Watch::new(daemon));
    if result.as_ref().is_err_and(|error| !error.is::<Skip>()) {
        wait_for_what_was_missed();
        *shared = None;
    }
    result
}

/// The daemon counts programs that were left out once a second.
fn wait_for_what_was_missed() {
    for _ in 0..20 {
        if MISSED.load(Ordering::Relaxed) {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Looks at the stream of the shared daemon, if one runs.
pub(crate) fn with_shared_stream<T>(look: impl FnOnce(&Stream) -> Result<T>) -> Result<Option<T>> {
    let shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared
        .as_ref()
        .map(|daemon| look(daemon.stream()))
        .transpose()
}

/// Stops the shared daemon, if one runs.
pub(crate) fn stop_shared() -> Result<()> {
    let daemon = SHARED.lock().unwrap_or_else(PoisonError::into_inner).take();
    daemon.map_or(Ok(()), |daemon| daemon.stop().map(drop))
}
