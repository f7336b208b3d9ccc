//! The command line.

mod ask;
mod audit;
mod bundle;
mod doctor;
mod events;
mod exec;
mod exit;
mod explain;
mod format;
mod generate;
mod hook_table;
mod kernel_args;
mod kill;
mod lines;
mod man;
mod rate;
mod record;
mod replay;
mod run;
mod runtime;
mod status;
mod stream_filter;
mod time_args;
mod unpin;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

pub use exit::{Code, End, Failure};

use crate::process::stack::reader;

/// Finds TCP connections whose peer has hung up while the application has not noticed
#[derive(Debug, Parser)]
#[command(
    name = "finback",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not permitted, 4 the kernel lacks \
                  what is needed, 10 something was found.\nFINBACK_LOG sets what is logged to standard error, for example FINBACK_LOG=debug."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow every TCP connection of this host and tell what happens to it (the daemon)
    Run(run::Run),
    /// Look now: does anybody leak connections? No daemon needed
    Check(ask::check::Check),
    /// List every socket with its owner, its age and what is wrong with it
    Ls(ask::ls::Ls),
    /// List what is wrong, connection by connection
    Findings(ask::findings::Findings),
    /// List what is wrong, cause by cause
    Incidents(ask::incidents::Incidents),
    /// Watch incidents on a live screen
    Top(ask::top::Top),
    /// Show what a running daemon sees, from now on or from its history
    Events(events::Events),
    /// Record what the daemon is told, to tell it again elsewhere
    Record(record::Record),
    /// Tell again what was recorded; needs no privileges
    Replay(replay::Replay),
    /// List connections that would never notice that their peer is gone
    Audit(audit::Audit),
    /// Destroy sockets; says first what that will do
    Kill(kill::Kill),
    /// Say everything about a connection, a process or an incident: what is wrong with it, why, and what to do
    Explain(explain::Explain),
    /// Write all of that, and the lines behind it, into one HTML file for a bug report
    Bundle(bundle::Bundle),
    /// Run a command, and fail if its processes leave connections unclosed
    Exec(exec::Exec),
    /// Say how the running daemon is: what it sees, loses, costs, and may still do
    Status(status::Status),
    /// Remove what an ended daemon has left attached, where no other is to follow
    Unpin(unpin::Unpin),
    /// Say whether this host has all that is needed, and what is attached how
    Doctor(doctor::Doctor),
    /// Print files made from the program's own definitions
    Generate(generate::Generate),
    /// Read other users' programs for the daemon, which starts this
    #[command(hide = true, name = reader::COMMAND)]
    ReadPrograms,
}

/// Does what the arguments say.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    match obey(cli.command) {
        Ok(code) => code,
        Err(failure) => {
            // Nothing can be done if even that cannot be said.
            drop(io::stderr().write_all(failure.lines().as_bytes()));
            failure.code.into()
        }
    }
}

fn obey(command: Command) -> Result<ExitCode, Failure> {
    let done = match command {
        Command::Check(check) => return check.run(),
        Command::Audit(audit) => return audit.run().map(ExitCode::from),
        Command::Kill(kill) => kill.run(),
        Command::Explain(explain) => return explain.run(),
        Command::Exec(exec) => return exec.run(),
        Command::Bundle(bundle) => bundle.run(),
        Command::Run(run) => run.run(),
        Command::Ls(ls) => ls.run(),
        Command::Findings(findings) => findings.run(),
        Command::Incidents(incidents) => incidents.run(),
        Command::Top(top) => top.run(),
        Command::Events(events) => events.run(),
        Command::Status(status) => status.run(),
        Command::Unpin(unpin) => unpin.run(),
        Command::Record(record) => record.run(),
        Command::Replay(replay) => replay.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Generate(generate) => generate.run(Cli::command()),
        Command::ReadPrograms => reader::main().map_err(Failure::from),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn log_to_stderr() {
    // The kernel programs' log has a switch of its own, --log-level: what they say is wanted.
    let filter = EnvFilter::try_from_env("FINBACK_LOG");
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("warn,finback::ebpf=trace"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .init();
}
