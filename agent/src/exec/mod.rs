//! Runs a command and watches the connections of all its processes: what do they leave behind?

mod command;
mod group;
mod held;
pub mod judge;
pub mod report;
mod tree;

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::Child;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

pub use self::command::User;
use self::command::{Signals, code, hand_on};
use self::judge::{Judge, Members, Report, Rules};
use self::tree::Tree;
use crate::config::{Config, File, Flags, StateSet};
use crate::daemon::{self, Observer};
use crate::output::clock::{Time, WallClock};
use crate::output::select::{Kind, Selection};
use finback_core::model::finding::Verdict;
use finback_core::model::state::TcpState;

/// Who has come and gone is looked at so often: a process that holds a connection for longer than its peer is not
/// missed.
const LOOK: Duration = Duration::from_millis(200);

/// After the last process has ended its records and stacks may still be under way.
const SETTLE: Duration = Duration::from_millis(300);

/// How a connection begins, and how it leaves the states in which it is open.
const TOLD: [TcpState; 6] = [
    TcpState::Established,
    TcpState::CloseWait,
    TcpState::FinWait1,
    TcpState::LastAck,
    TcpState::TimeWait,
    TcpState::Closed,
];

/// What to do.
#[derive(Debug)]
pub struct Plan {
    /// The command and its arguments.
    pub words: Vec<OsString>,
    /// As this user; as the caller if there is none.
    pub user: Option<User>,
    /// A connection is left unnoticed if nothing has happened so long after its peer's end.
    pub after: Duration,
    /// Processes that live on have so long to close what they hold.
    pub grace: Duration,
    /// What counts.
    pub rules: Rules,
    /// If nothing can be watched, run the command all the same.
    pub if_available: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The command's exit code, or 128 and the number of the signal that ended it.
    pub code: u8,
    /// How long it ran.
    pub took: Duration,
    /// What it has left, or why it was not watched.
    pub report: Result<Report, daemon::Error>,
}

/// Why the command did not run, or could not be watched to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing can be watched, so it was not started.
    #[error(transparent)]
    Unwatched(#[from] daemon::Error),
    /// It cannot be started.
    #[error("cannot run `{program}`: {source}")]
    Start {
        /// Its name.
        program: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Another system call failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Runs the command to its end and tells what it has left.
pub async fn run(plan: Plan) -> Result<Outcome, Error> {
    let mut signals = Signals::new().map_err(failed("listen for signals"))?;
    let select = Selection::of([Kind::Finding, Kind::Transition]);
    let observer = match Box::pin(Observer::begin(&config(plan.after), select)).await {
        Ok(observer) => observer,
        Err(error) if plan.if_available => return unwatched(&plan, &mut signals, error).await,
        Err(error) => return Err(error.into()),
    };
    let mut tree = Tree::new();
    let began = Instant::now();
    let mut child = start(&plan, &mut tree)?;
    let mut watch = Watch {
        observer,
        tree,
        judge: Judge::new(plan.rules),
    };
    let status = Box::pin(watch.follow(&mut child, &mut signals)).await?;
    let took = began.elapsed();
    Box::pin(watch.wait_for_the_rest(plan.grace, &mut signals)).await?;
    Ok(Outcome {
        code: code(status),
        took,
        report: Ok(watch.conclude()),
    })
}

/// The same everywhere: no file of the host's daemon is read.
fn config(after: Duration) -> Config {
    let flags = Flags {
        states: Some(StateSet::of(&TOLD)),
        stacks: true,
        ..Flags::default()
    };
    let mut config = Config::new(File::default(), flags);
    // What a build leaves open is the build's matter.
    config.journal = None;
    let all = Verdict::ALL.iter().copied();
    for verdict in all.filter(|verdict| judge::is_a_leak((*verdict).into())) {
        config.thresholds.insert(verdict, after);
    }
    config
}

fn start(plan: &Plan, tree: &mut Tree) -> Result<Child, Error> {
    let program = plan.words.first().cloned().unwrap_or_default();
    let command = command::command(&plan.words, plan.user.as_ref());
    let mut command =
        command.ok_or_else(|| failed("run nothing")(io::ErrorKind::NotFound.into()))?;
    let program = program.to_string_lossy().into_owned();
    let started = tree.start(&mut command);
    started.map_err(|source| Error::Start { program, source })
}

/// Only runs it.
async fn unwatched(
    plan: &Plan,
    signals: &mut Signals,
    error: daemon::Error,
) -> Result<Outcome, Error> {
    let began = Instant::now();
    let mut child = start(plan, &mut Tree::none())?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(failed("wait for the command"))?,
            signal = signals.next() => hand_on(&child, signal),
        }
    };
    Ok(Outcome {
        code: code(status),
        took: began.elapsed(),
        report: Err(error),
    })
}

/// All that looks on while the command runs.
struct Watch {
    observer: Observer,
    tree: Tree,
    judge: Judge,
}

impl Watch {
    /// Until the command has ended.
    async fn follow(
        &mut self,
        child: &mut Child,
        signals: &mut Signals,
    ) -> Result<ExitStatus, Error> {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                signal = signals.next() => hand_on(child, signal),
                status = child.wait() => {
                    self.hear();
                    self.tree.look();
                    return status.map_err(failed("wait for the command"));
                }
                _ = look.tick() => self.tree.look(),
                turned = self.observer.turn() => {
                    if let Err(error) = turned {
                        // Whoever waits for the command gets its end all the same.
                        drop(child.wait().await);
                        return Err(error.into());
                    }
                    self.hear();
                }
            }
        }
    }

    /// Until the processes that live on have ended, for the grace at most, or until somebody is impatient.
    async fn wait_for_the_rest(
        &mut self,
        grace: Duration,
        signals: &mut Signals,
    ) -> Result<(), Error> {
        let late = Instant::now() + grace;
        let mut until = self.enough(late);
        let mut look = interval(LOOK);
        loop {
            tokio::select! {
                biased;
                _ = signals.next() => return Ok(()),
                () = sleep_until(until) => return Ok(()),
                _ = look.tick() => {
                    self.tree.look();
                    until = until.min(self.enough(late));
                }
                turned = self.observer.turn() => turned?,
            }
            self.hear();
        }
    }

    /// If nobody lives on there is nothing to wait for but the last records.
    fn enough(&self, late: Instant) -> Instant {
        if self.tree.living().is_empty() {
            Instant::now() + SETTLE
        } else {
            late
        }
    }

    fn hear(&mut self) {
        let told = self.observer.told();
        self.judge.hear(&told, &mut self.tree);
    }

    fn conclude(mut self) -> Report {
        self.tree.look();
        let held = held::by(&self.tree.living(), WallClock::measure());
        let last = self.observer.finish();
        self.judge.hear(&last, &mut self.tree);
        self.judge.conclude(held, &self.tree)
    }
}

impl Members for Tree {
    fn has(&mut self, pid: u32, start: Time) -> bool {
        Self::has(self, pid, start)
    }

    fn ended(&self, pid: u32) -> Option<Time> {
        Self::ended(self, pid)
    }
}

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { what, source }
}
