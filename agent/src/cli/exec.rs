//! `finback exec`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::exit::{Code, Failure};
use super::runtime::runtime;
use crate::config;
use crate::exec::judge::{Ignore, Report, Rules};
use crate::exec::report::{Told, json, junit, text};
use crate::exec::{self, Outcome, Plan, User};
use crate::filter::Filter;

/// Arguments of `finback exec`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback exec -- python3 -m unittest           fail the tests if they leave a connection unclosed
  finback exec --junit leaks.xml -- go test ./...   the same, with a report that a build server reads
  finback exec --strict -v -- ./run-tests.sh    also what the end of a process or its runtime closed
  finback exec --user -- npm test               through sudo, as the user who has called it
  finback exec --if-available -- make check     run it unwatched where the kernel or the rights are missing

What counts as left unclosed:
  - the peer had ended the connection, nothing was done about it for --after, and only the end of the process
    closed it;
  - the same, and a process that lives on after the command still holds it when --grace is over;
  - the process that opened the connection has ended, and one that runs another program holds it.
What does not: connections that the program closed, however late; clients that end with a connection open (--strict
counts them); half-closed connections that are still being served; what a pool's server closed within --after.

Exit code: the command's own, or 128 and the number of the signal that ended it; 10 if that would be 0 and
connections were left. Of finback itself: 2 wrong usage, 3 not permitted and 4 the kernel lacks what is needed (the
command was not started), 126 and 127 it cannot be started. Stacks name lines of compiled programs; of an interpreter
they show its own functions.")]
pub(super) struct Exec {
    /// The command and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<OsString>,

    /// The peer has ended a connection, and nothing was done about it for so long
    #[arg(long, default_value = "1s", value_parser = config::duration, value_name = "TIME")]
    after: Duration,

    /// After the command's end its processes that live on have so long to close what they hold
    #[arg(long, default_value = "2s", value_parser = config::duration, value_name = "TIME")]
    grace: Duration,

    /// So many connections may be left
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    allow: usize,

    /// Do not count what this filter selects (docs/filters.md), for example `comm = node and dport = :9229`
    #[arg(long, value_name = "FILTER")]
    ignore: Option<Filter>,

    /// Count also what was open when its process ended, was closed only then, or is held by one that lives on
    #[arg(long)]
    strict: bool,

    /// How to write the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text, value_name = "FORMAT")]
    format: ReportFormat,

    /// Write the report to this file instead of standard error
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write a report in JUnit's XML to this file as well
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Tell also what was open when its process ended
    #[arg(long, short)]
    verbose: bool,

    /// Run the command as the user who has called sudo
    #[arg(long)]
    user: bool,

    /// Where nothing can be watched, run the command all the same, and say so
    #[arg(long)]
    if_available: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReportFormat {
    /// For people
    Text,
    /// NDJSON: `finding` and `socket` lines
    Json,
}

/// Lines that are not to be told.
fn ignoring(filter: Filter) -> Ignore {
    Box::new(move |event| filter.selects(event))
}

impl Exec {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let user = self.user.then(User::who_called_sudo);
        if user == Some(None) {
            let what = "--user: finback was not called through sudo";
            return Err(Failure::new(
                Code::Usage,
                what,
                "leave it out, or call `sudo finback exec --user -- CMD`",
            ));
        }
        let ignore = self.ignore.clone().map(ignoring);
        let plan = Plan {
            words: self.command.clone(),
            user: user.flatten(),
            after: self.after,
            grace: self.grace,
            rules: Rules {
                strict: self.strict,
                ignore: ignore.into_iter().collect(),
            },
            if_available: self.if_available,
        };
        let outcome = match runtime()?.block_on(exec::run(plan)) {
            Err(exec::Error::Start { program, source }) => {
                return Ok(not_started(&program, &source));
            }
            outcome => outcome?,
        };
        self.tell(&outcome)
    }

    fn tell(&self, outcome: &Outcome) -> Result<ExitCode, Failure> {
        let words = self.command.iter().map(|word| word.to_string_lossy());
        let command = words.collect::<Vec<_>>().join(" ");
        let nothing = Report::default();
        let told = Told {
            command: &command,
            took: outcome.took,
            report: outcome.report.as_ref().unwrap_or(&nothing),
            allowed: self.allow,
            verbose: self.verbose,
        };
        if let Err(error) = &outcome.report {
            say(format_args!(
                "finback: the command was not watched: {error}"
            ));
        } else {
            self.write(&told)?;
        }
        if let (Some(path), Ok(_)) = (&self.junit, &outcome.report) {
            write(path, junit(&told).as_bytes())?;
        }
        let leaked = told.is_failure() && outcome.code == 0;
        Ok(if leaked {
            Code::Found.into()
        } else {
            ExitCode::from(outcome.code)
        })
    }

    fn write(&self, told: &Told<'_>) -> Result<(), Failure> {
        let report = match self.format {
            ReportFormat::Json => json(told),
            ReportFormat::Text => {
                let mut out = String::new();
                // Writing to a string does not fail.
                text(told, &mut out).unwrap_or_default();
                out.into_bytes()
            }
        };
        match &self.output {
            Some(path) => write(path, &report),
            None => Ok(io::stderr().write_all(&report)?),
        }
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let written = File::create(path).and_then(|mut file| file.write_all(content));
    written.map_err(|error| {
        let what = format!("cannot write {}: {error}", path.display());
        Failure::new(
            Code::Failed,
            what,
            "give a path in a folder that exists and may be written to",
        )
    })
}

/// As shells say it: 127 for no such command, 126 for one that cannot be run.
fn not_started(program: &str, error: &io::Error) -> ExitCode {
    say(format_args!("finback: cannot run `{program}`: {error}"));
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound {
        127
    } else {
        126
    })
}

fn say(what: std::fmt::Arguments<'_>) {
    // Nothing can be done if even that cannot be said.
    drop(writeln!(io::stderr(), "{what}"));
}

impl From<exec::Error> for Failure {
    fn from(error: exec::Error) -> Self {
        match error {
            exec::Error::Unwatched(error) => {
                let failure = Self::from(error);
                let help = failure.help.unwrap_or_default();
                let help =
                    format!("{help}; the command was not run (--if-available runs it unwatched)");
                Self {
                    help: Some(help.trim_start_matches("; ").to_owned()),
                    ..failure
                }
            }
            exec::Error::Start { .. } | exec::Error::Io { .. } => Self {
                code: Code::Failed,
                what: error.to_string(),
                help: None,
            },
        }
    }
}
